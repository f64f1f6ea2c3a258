import Torch

/// A bottleneck behind one layer (Houlsby et al. 2019): y + up(activation(down(y))), the identity at first.
public final class BottleneckAdapter: Module, LayerAdapter {
  public let down: Linear
  /// 0 at first, bias included.
  public let up: Linear
  public var isEnabled = true

  /// - Parameter width: of the bottleneck.
  public init(for layer: any AdaptableLayer, width: Int, _ generator: Generator) throws {
    down = try Linear(layer.outputCount, width, kind: .adapter, generator)
    up = try Linear(width, layer.outputCount, kind: .adapter, generator)
    super.init()
    try noGrad {
      for (_, parameter) in up.parameters { try parameter.value.zero() }
    }
    register("down", down)
    register("up", up)
  }

  public func callAsFunction(_ input: Tensor, output: Tensor, of layer: any AdaptableLayer) throws -> Tensor {
    isEnabled ? try output + up(down(output).gelu()) : output
  }
}
