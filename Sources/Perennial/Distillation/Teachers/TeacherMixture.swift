import Torch

/// Several teachers as one whose probabilities are the weighted mean of theirs:
/// log Σ_k w_k softmax(z_k) / Σ_k w_k.
struct TeacherMixture {
  /// The columns of each teacher's outputs that take part, in the order of the units; nil where all do.
  private let columns: [Tensor?]
  private let shares: [Double]

  /// - Parameters:
  ///   - said: what teachers say that all answer for the units.
  ///   - units: those of the mixture, in its order.
  init(_ said: [TeacherSignal], _ units: [Int]) throws {
    let total = said.reduce(0) { $0 + $1.weight }
    shares = said.map { $0.weight / total }
    columns = try said.map { signal in
      guard signal.units != units else { return nil }
      let places = Dictionary(zip(signal.units, signal.units.indices)) { first, _ in first }
      return try Tensor(units.compactMap { places[$0] })
    }
  }

  /// Outputs `[…, K]` of the mixture, given those of each teacher.
  func callAsFunction(_ outputs: [Tensor]) throws -> Tensor {
    let parts = try outputs.indices.map { index in
      let own = outputs[index]
      let known = try columns[index].map { try own.indexSelect($0.to(own.device), dim: -1) } ?? own
      return try known.softmax() * shares[index]
    }
    return try parts.dropFirst().reduce(parts[0], +).clamp(min: 1e-30).log()
  }

  /// The same of outputs that are made piece by piece.
  func callAsFunction(_ pieces: [OutputPieces]) -> OutputPieces {
    OutputPieces(rows: pieces.flatMap(\.rows), shared: pieces.flatMap(\.shared)) { rows, shared in
      var (rows, shared) = (rows[...], shared[...])
      return try self(
        pieces.map { part in
          defer { (rows, shared) = (rows.dropFirst(part.rows.count), shared.dropFirst(part.shared.count)) }
          return try part.make(
            Array(rows.prefix(part.rows.count)), Array(shared.prefix(part.shared.count)))
        })
    }
  }
}
