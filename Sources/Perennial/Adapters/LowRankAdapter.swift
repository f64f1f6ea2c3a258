import Torch

/// Low-rank adaptation of one layer, LoRA (Hu et al. 2021): y + s · B A dropout(x), with A `[r, in]` and B `[out, r]`.
///
/// s = α / r; α / √r for rank-stabilised LoRA (Kalajdzievski 2023). With a magnitude m `[out]`, DoRA (Liu et al. 2024):
/// m / ‖W + s B A‖ · (W + s B A) x + b, with norms over the inputs and no gradient through them. Names are those of PEFT.
public final class LowRankAdapter: Module, LayerAdapter {
  /// A `[r, in]`, drawn as PEFT draws it.
  public let down: Linear
  /// B `[out, r]`, 0 at first.
  public let up: Linear
  /// m `[out]`, the lengths of the rows of W at first; nil for LoRA.
  public let magnitude: Parameter?
  /// s
  public let scale: Double
  /// Whether it is heard.
  public var isEnabled = true
  private let dropout: Dropout

  /// - Parameters:
  ///   - rank: r
  ///   - dropout: the share of the inputs that is left out in training.
  public init(
    for layer: any AdaptableLayer, rank: Int, scale: Double, dropout: Double = 0,
    hasMagnitude: Bool = false, _ generator: Generator, dropoutMasks: Generator
  ) throws {
    down = try Linear(layer.inputCount, rank, bias: false, kind: .adapter, generator)
    up = try Linear(rank, layer.outputCount, bias: false, kind: .adapter, generator)
    self.scale = scale
    self.dropout = Dropout(dropout, dropoutMasks)
    magnitude =
      hasMagnitude
      ? Parameter(try noGrad { try layer.weight.value.to(.float32).norm([1]) }, kind: .adapter) : nil
    super.init()
    try noGrad { try up.weight.value.zero() }
    register("lora_A", down)
    register("lora_B", up)
    register("lora_magnitude_vector", magnitude)
    register("lora_dropout", self.dropout)
  }

  /// r
  public var rank: Int { down.weight.value.shape[0] }

  public func callAsFunction(_ input: Tensor, output: Tensor, of layer: any AdaptableLayer) throws -> Tensor {
    guard isEnabled else { return output }
    guard let magnitude else { return try output + up(down(dropout(input))) * scale }
    let factor = try magnitude.value / noGrad { try (layer.weight.value + difference()).norm([1]) }
    let bare = try layer.bias.map { try output - $0.value } ?? output
    guard dropout.isTraining, dropout.probability > 0 else {
      let sum = try (bare + up(down(input)) * scale) * factor
      return try layer.bias.map { try sum + $0.value } ?? sum
    }
    // As the authors' code has it: dropout leaves out inputs of what is learned, not of the layer.
    let kept = try dropout(input)
    return try output + (factor - 1) * kept.linear(layer.weight.value) + up(down(kept)) * factor * scale
  }

  /// s B A `[out, in]`, without the magnitude.
  public func difference() throws -> Tensor { try up.weight.value.matmul(down.weight.value) * scale }

  /// What W `[out, in]` becomes with the adapter folded into it.
  public func merged(_ weight: Tensor) throws -> Tensor {
    try noGrad {
      let sum = try weight + difference()
      guard let magnitude else { return sum }
      return try sum * (magnitude.value / sum.norm([1])).unsqueeze(1)
    }
  }
}
