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
  public init(_ features: Tensor, weight: Tensor) {
    self.init(rows: [features], shared: [weight]) { try $0[0].linear($1[0]) }
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

  /// What `body` makes of outputs `[m, K]` of a piece after the other, without gradients: the rows of all, `[N · L, …]`.
  func collecting(_ body: (Tensor) throws -> [Tensor]) throws -> [Tensor] {
    try noGrad {
      let rows = try rows.map(ChunkedLoss.rows)
      let (count, size) = (rows[0].shape[0], Self.rowsAtOnce)
      let parts = try stride(from: 0, to: count, by: size).map { start in
        try body(make(rows.map { try $0[start..<min(start + size, count)] }, shared))
      }
      return try (0..<(parts.first?.count ?? 0)).map { column in
        try Tensor.concatenate(parts.map { $0[column] })
      }
    }
  }

  /// Only some of the items.
  func items(_ range: Range<Int>) throws -> OutputPieces {
    OutputPieces(
      rows: try rows.map { try $0.narrow(dim: 0, start: range.lowerBound, count: range.count) },
      shared: shared, make: make)
  }
}
