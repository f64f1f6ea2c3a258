import Torch

/// Outputs `[N, L, K]` that are made a few rows at a time, of what takes less room, and forgotten again.
public struct OutputPieces {
  /// Rows of a piece where nothing else is said: memory grows with it times the number of outputs.
  public static let rowsAtOnce = 512

  /// Of each row of outputs, `[N, L, …]`.
  public let rows: [Tensor]
  /// What every row needs.
  public let shared: [Tensor]
  /// Outputs `[m, K]` of m rows.
  public let make: (_ rows: [Tensor], _ shared: [Tensor]) throws -> Tensor

  /// - Parameter make: outputs `[m, K]` of m rows `[m, …]` and what every row needs.
  public init(
    rows: [Tensor], shared: [Tensor],
    make: @escaping (_ rows: [Tensor], _ shared: [Tensor]) throws -> Tensor
  ) {
    (self.rows, self.shared, self.make) = (rows, shared, make)
  }

  /// What an output layer of weight `[K, D]` makes of features `[N, L, D]`.
  ///
  /// - Parameter precision: the type in which the product is computed, as ``MatrixProduct/precision``.
  public init(_ features: Tensor, weight: Tensor, precision: DType = .float32) {
    self.init(rows: [features], shared: [weight]) { rows, shared in
      try rows[0].linear(shared[0], in: precision)
    }
  }

  /// The same outputs, cut from the graph and divided by a number.
  func asTeacher(dividedBy temperature: Double = 1) throws -> OutputPieces {
    let make = make
    return OutputPieces(rows: try rows.map { try $0.detach() }, shared: try shared.map { try $0.detach() }) {
      rows, shared in
      try noGrad {
        let outputs = try make(rows, shared)
        return temperature == 1 ? outputs : try outputs / temperature
      }
    }
  }

  /// What `body` makes of outputs `[m, K]`, a piece after the other and without gradients: under each name the rows of all M,
  /// `[M, …]`.
  ///
  /// - Parameter places: int64 `[M]`, among all N · L rows.
  func collecting(
    at places: Tensor, chunk: Int = rowsAtOnce, _ body: (Tensor) throws -> [String: Tensor]
  ) throws -> [String: Tensor] {
    try noGrad {
      let rows = try rows.map { try ChunkedLoss.rows($0).indexSelect(places) }
      let parts = try stride(from: 0, to: max(places.count, 1), by: chunk).map { start in
        try body(make(rows.map { try $0[start..<min(start + chunk, places.count)] }, shared))
      }
      let columns = Dictionary(grouping: parts.joined(), by: \.key)
      return try columns.mapValues { try Tensor.concatenate($0.map(\.value)) }
    }
  }

  /// The same outputs in another type.
  func converted(to dtype: DType) -> OutputPieces {
    OutputPieces(rows: rows, shared: shared) { [make] in try make($0, $1).to(dtype) }
  }

  /// Only some of the items.
  func items(_ range: Range<Int>) throws -> OutputPieces {
    OutputPieces(
      rows: try rows.map { try $0.narrow(dim: 0, start: range.lowerBound, count: range.count) },
      shared: shared, make: make)
  }
}
