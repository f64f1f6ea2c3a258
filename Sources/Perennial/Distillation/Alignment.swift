import Torch

/// Which outputs of a teacher and of a student stand for the same classes.
struct Alignment {
  /// The teacher's columns and the student's units that both have, pair by pair.
  let columns: [Int]
  let units: [Int]
  private let teacherIndex: Tensor?
  private let studentIndex: Tensor?
  private let places: Tensor

  /// - Parameters:
  ///   - signal: the student's unit of each teacher column, −1 for none.
  ///   - group: only these units; nil for all.
  ///   - outputs: how many the student has.
  init(_ signal: [Int], group: [Int]?, outputs: Int, device: Device) throws {
    let wanted = group.map(Set.init)
    let pairs = signal.enumerated().filter { _, unit in
      (0..<outputs).contains(unit) && wanted?.contains(unit) ?? true
    }
    columns = pairs.map(\.offset)
    units = pairs.map(\.element)
    func index(_ chosen: [Int], of count: Int) throws -> Tensor? {
      chosen == Array(0..<count) ? nil : try Tensor(chosen).to(device)
    }
    teacherIndex = try index(columns, of: signal.count)
    studentIndex = try index(units, of: outputs)
    var places = (0..<outputs).map { -1 - $0 }
    for (place, unit) in units.enumerated() { places[unit] = place }
    self.places = try Tensor(places).to(device)
  }

  var count: Int { columns.count }

  /// The shared columns of a teacher's outputs `[N, K]`.
  func teacher(_ outputs: Tensor) throws -> Tensor {
    try teacherIndex.map { try outputs.indexSelect($0, dim: 1) } ?? outputs
  }

  /// The same beside the shared units of a student's outputs, which say what share each of the units has that were not kept.
  ///
  /// - Parameter unkept: as ``TeacherSignal/unkept``, `[N, K]`.
  func teacher(_ outputs: Tensor, beside student: Tensor, unkept: Tensor?) throws -> Tensor {
    guard let unkept else { return try teacher(outputs) }
    return try teacher(outputs).sharing(as: student, where: teacher(unkept))
  }

  /// The shared units of a student's outputs `[N, K]`.
  func student(_ outputs: Tensor) throws -> Tensor {
    try studentIndex.map { try outputs.indexSelect($0, dim: 1) } ?? outputs
  }

  /// For target units int64 `[N]` their places among the shared ones; for each of the others a number of its own below 0.
  func targets(_ units: Tensor) throws -> Tensor { try noGrad { try places.indexSelect(units) } }
}
