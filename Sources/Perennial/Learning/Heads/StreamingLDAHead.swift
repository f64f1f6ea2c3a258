import Torch

/// Streaming linear discriminant analysis (Hayes & Kanan 2020): class means, and one covariance that all share.
///
///     Σ = (1/n) Σᵢ (zᵢ − μ_yᵢ)(zᵢ − μ_yᵢ)ᵀ,   Λ = [(1 − ε) Σ + ε I]⁻¹
///     output_k = zᵀ Λ μ_k − ½ μ_kᵀ Λ μ_k,     ε = 1e-4
///
/// The paper updates Σ item by item with the means of the moment, so its result depends on the order of the items. Here
/// Σ follows from Σ zzᵀ and the sums of the classes, in float64: the same in any order and any batches, but for
/// rounding. Features must not move, so freeze the backbone. While training, outputs are −‖z − μ_k‖², since a solution
/// for every batch would be waste.
public final class StreamingLDAHead: Module, Head {
  /// Σ zzᵀ, float64 `[D, D]`.
  public let gram: Parameter
  /// Sums of features float64 `[K, D]`, and examples counted float64 `[K]`.
  public let sums: Parameter
  public let counts: Parameter
  /// ε
  public let shrinkage: Double
  private var solution: (weight: Tensor, bias: Tensor)?

  /// - Parameter shrinkage: ε, the share of the identity in the covariance that is inverted.
  public init(features: Int, outputs: Int = 0, shrinkage: Double = 1e-4) throws {
    self.shrinkage = shrinkage
    gram = Parameter(try Tensor.zeros([features, features], dtype: .float64), kind: .buffer)
    sums = Parameter(try Tensor.zeros([outputs, features], dtype: .float64), kind: .buffer)
    counts = Parameter(try Tensor.zeros([outputs], dtype: .float64), kind: .buffer)
    super.init()
    register("gram", gram)
    register("sums", sums)
    register("counts", counts)
  }

  public var outputs: Int { counts.value.shape[0] }

  public func grow(to outputs: Int, _ generator: Generator) throws {
    let new = outputs - self.outputs
    guard new > 0 else { return }
    solution = nil
    try sums.append(Tensor.zeros([new, sums.value.shape[1]], dtype: .float64))
    try counts.append(Tensor.zeros([new], dtype: .float64))
  }

  public override func fit(_ shapes: [String: [Int]]) throws { solution = nil }

  /// Counts features `[N, D]` of the units int64 `[N]`.
  public func prepare(_ features: Tensor, _ units: Tensor) throws { try count(features, units, sign: 1) }

  /// - Parameter sign: −1 takes back what was counted.
  func count(_ features: Tensor, _ units: Tensor, sign: Double) throws {
    try noGrad {
      solution = nil
      let rows = try features.detach().to(.float64)
      try gram.value.add(rows.T.matmul(rows) * sign)
      sums.replace(with: try sums.value.indexAdd(units, rows * sign))
      let ones = try Tensor.full([rows.shape[0]], sign, dtype: .float64, device: rows.device)
      counts.replace(with: try counts.value.indexAdd(units, ones))
    }
  }

  /// Classes without an example are infinitely far.
  public func callAsFunction(_ features: Tensor) throws -> Tensor {
    let outputs: Tensor
    if isTraining {
      outputs = try -features.pairwiseDistances(to: means().to(.float32)).square()
    } else {
      let (weight, bias) = try solved()
      outputs = try features.matmul(weight.T) + bias
    }
    return try outputs.maskedFill(counts.value .== 0, -Double.infinity)
  }

  /// The shared covariance Σ, float64 `[D, D]`.
  public func covariance() throws -> Tensor {
    try noGrad {
      let means = try means()
      let total = try counts.value.sum().clamp(min: 1)
      return try (gram.value - means.T.matmul(means * counts.value.unsqueeze(1))) / total
    }
  }

  private func means() throws -> Tensor {
    try noGrad { try sums.value / counts.value.clamp(min: 1).unsqueeze(1) }
  }

  /// Rows Λ μ_k `[K, D]` and −½ μ_kᵀ Λ μ_k `[K]`.
  package func solved() throws -> (weight: Tensor, bias: Tensor) {
    if let solution { return solution }
    return try noGrad {
      let means = try means()
      let identity = try Tensor.eye(means.shape[1], dtype: .float64, device: means.device)
      let regularised = try covariance() * (1 - shrinkage) + identity * shrinkage
      let weight = try regularised.solve(means.T).T
      let bias = try (weight * means).sum([1]) * -0.5
      let solved = try (weight: weight.to(.float32), bias: bias.to(.float32))
      solution = solved
      return solved
    }
  }
}
