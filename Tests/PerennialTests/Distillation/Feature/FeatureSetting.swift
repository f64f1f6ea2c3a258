import Testing
import Torch

@testable import Perennial

/// A feature term with all that it needs for one step.
struct FeatureSetting {
  let term: any DistillationTerm
  let module: Module?
  let students: [Tensor]
  let teachers: [Tensor]
  var places: Tensor?
  var targets: Tensor?

  /// - Parameters:
  ///   - students: values of the student, which become leaves of the graph
  ///   - examples: their classes, for terms that remember something of each
  init(
    _ term: any DistillationTerm, _ students: [Tensor], _ teachers: [Tensor], examples: [Int] = [],
    random: RandomStreams = RandomStreams(seed: 4)
  ) throws {
    self.term = term
    self.teachers = teachers
    self.students = try students.map { student in
      let leaf = try student.clone()
      try leaf.setRequiresGrad(true)
      return leaf
    }
    let shapes = zip(students, teachers).map { TermPlan.Shapes(student: $0.shape, teacher: $1.shape) }
    module = try term.build(
      TermPlan(shapes: shapes, outputs: 0, examples: examples.count, targets: examples), random)
    for parameter in parameters { try parameter.value.setRequiresGrad(true) }
  }

  /// Those that learn, of the term.
  var parameters: [Parameter] { (module?.trainableParameters ?? []).map(\.parameter) }

  /// Puts golden values in place of all that learns; buffers keep theirs.
  func load(_ golden: [String: Tensor]) throws {
    guard let module else { return }
    let given = golden.compactMap { $0.key.hasPrefix("parameter.") ? ($0.key.dropFirst(10), $0.value) : nil }
    let paths = Set(given.map { String($0.0) })
    #expect(Set(module.trainableParameters.map(\.path)) == paths)
    var state = try module.stateDictionary()
    for (path, value) in given { state[String(path)] = value }
    try module.load(state)
  }

  func sight() throws -> TermSight {
    let count = students[0].shape[0]
    let none = try Tensor.zeros([count, 0])
    return TermSight(
      student: none, teacher: none, pairs: zip(students, teachers).map { (student: $0, teacher: $1) },
      targets: targets, places: try places ?? Tensor([Int](repeating: -1, count: count)))
  }

  func values() throws -> TermValues { try term.values(sight()) }

  /// Gradients of Σ upstream · values for the student's values and for what the term learns.
  func gradients(_ values: TermValues, upstream: Tensor? = nil) throws -> (
    students: [Tensor], parameters: [Tensor]
  ) {
    let loss = try (upstream.map { try values.values * $0 } ?? values.values).sum()
    let found = try Torch.gradients(
      of: loss, withRespectTo: students + parameters.map(\.value), allowUnused: true)
    return (Array(found.prefix(students.count)), Array(found.dropFirst(students.count)))
  }
}

extension FeatureSetting {
  /// Options with something changed.
  static func options<Options: Configurable>(_ change: (inout Options) -> Void) -> Options {
    var options = Options()
    change(&options)
    return options
  }

  /// As many pairs of taps as a test has values for.
  static func taps(_ count: Int) -> [TapPair] { (0..<count).map { TapPair("s\($0)", "t\($0)") } }
}

extension DistillationError {
  /// The text of a refusal of shapes.
  static func refusal(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch let error as DistillationError {
      if case .shapes = error { return error.description }
      return nil
    } catch { return nil }
  }
}
