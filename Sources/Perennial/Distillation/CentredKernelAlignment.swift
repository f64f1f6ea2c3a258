import Torch

/// Linear centred kernel alignment (Kornblith et al. 2019): how alike two sets of features of the same items are, from 0
/// to 1, whatever rotation or scale lies between them.
public enum CentredKernelAlignment {
  /// ‖YᵀX‖² / (‖XᵀX‖ ‖YᵀY‖) of features centred over items, in Frobenius norms (eq. 3 with linear kernels).
  ///
  /// - Parameters:
  ///   - a: `[N, D1]`
  ///   - b: `[N, D2]`
  /// - Returns: nil where the features of one are the same for all items.
  public static func linear(_ a: Tensor, _ b: Tensor) throws -> Double? {
    try noGrad {
      let (x, y) = (try centred(a), try centred(b))
      func product(_ x: Tensor, _ y: Tensor) throws -> Double { try x.T.matmul(y).square().sum().item() }
      return try ratio(product(x, y), product(x, x), product(y, y))
    }
  }

  /// The unbiased Hilbert-Schmidt independence criterion of two kernel matrices `[N, N]`, N > 3, `[]` (Song et al. 2012,
  /// eq. 5).
  public static func unbiasedIndependence(_ k: Tensor, _ l: Tensor) throws -> Tensor {
    let n = k.shape[0]
    guard n > 3 else {
      throw TorchError(.shape, "the unbiased estimate needs at least 4 items, not \(n)")
    }
    let off = try 1 - Tensor.eye(n, dtype: k.dtype, device: k.device)
    let (k, l) = (try k * off, try l * off)
    let trace = try (k * l).sum()
    let sums = try k.sum() * l.sum() / Double((n - 1) * (n - 2))
    let rows = try (k.sum([0]) * l.sum([0])).sum() * (2 / Double(n - 2))
    return try (trace + sums - rows) / Double(n * (n - 3))
  }

  /// The alignment of features that come in batches, without bias by their size (Nguyen et al. 2021, eq. 2–3).
  ///
  /// It may be slightly negative for features that have nothing in common.
  public struct Batches {
    private var sums = (both: 0.0, first: 0.0, second: 0.0)

    public init() {}

    /// Takes features `[N, D1]` and `[N, D2]` of the same items, N > 3.
    ///
    /// - Throws: `TorchError` (`shape`) for fewer items.
    public mutating func add(_ a: Tensor, _ b: Tensor) throws {
      try noGrad {
        // The estimate does not change with the centre, but rounds less with features around it.
        let (x, y) = (try centred(a), try centred(b))
        let (k, l) = (try x.matmul(x.T), try y.matmul(y.T))
        sums.both += try unbiasedIndependence(k, l).item()
        sums.first += try unbiasedIndependence(k, k).item()
        sums.second += try unbiasedIndependence(l, l).item()
      }
    }

    /// nil before the first batch, and where the features of one are the same for all items.
    public var value: Double? { ratio(sums.both, sums.first, sums.second) }
  }

  private static func centred(_ features: Tensor) throws -> Tensor {
    let rows = try features.flatten(from: 1).to(.float64)
    // Features that are all the same become exactly 0.
    let differences = try rows - rows[0..<1]
    return try differences - differences.mean([0], keepDims: true)
  }

  private static func ratio(_ both: Double, _ first: Double, _ second: Double) -> Double? {
    first > 0 && second > 0 ? both / (first * second).squareRoot() : nil
  }
}
