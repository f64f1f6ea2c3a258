import Torch

/// Several vectors a class, so that a class may be of more than one kind (Douillard et al. 2020, PODNet, eq. 4 and 5).
///
///     output_c = η Σ_k s_ck cos(feature, θ_ck),   s_c· = softmax over k of cos(feature, θ_ck)
public final class LocalSimilarityHead: Module, Head {
  /// θ, `[K, P, D]`
  public let weight: Parameter
  /// The learned factor η, `[]`.
  public let scale: Parameter
  private let proxies: Int
  private let features: Int

  /// - Parameters:
  ///   - proxies: P
  ///   - scale: η at the start.
  public init(
    features: Int, outputs: Int = 0, proxies: Int = 10, scale: Double = 1, _ generator: Generator
  ) throws {
    (self.features, self.proxies) = (features, proxies)
    weight = Parameter(try Tensor.zeros([0, proxies, features]), kind: .head)
    self.scale = Parameter(try Tensor.full([], scale), kind: .head)
    super.init()
    register("weight", weight)
    register("scale", self.scale)
    try grow(to: outputs, generator)
  }

  public var outputs: Int { weight.value.shape[0] }

  public func grow(to outputs: Int, _ generator: Generator) throws {
    let new = outputs - self.outputs
    guard new > 0 else { return }
    let rows = try Initializer.kaimingUniform([new * proxies, features], slope: 5.0.squareRoot(), generator)
    try weight.append(rows.reshape([new, proxies, features]))
  }

  public func callAsFunction(_ features: Tensor) throws -> Tensor {
    let vectors = try weight.value.reshape([outputs * proxies, self.features]).unitRows()
    let cosines = try features.unitRows().linear(vectors).reshape([features.shape[0], outputs, proxies])
    return try (cosines.softmax(2) * cosines).sum([2]) * scale.value
  }
}
