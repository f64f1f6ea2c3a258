import PerennialText
import Torch

extension BatchNorm: ExportableLayer {
  public func emit(into graph: GraphBuilder, _ input: GraphValue) throws -> GraphValue {
    graph.node(
      "BatchNormalization", input, try graph.constant(weight), try graph.constant(bias),
      try graph.constant(runningMean), try graph.constant(runningVariance),
      attributes: ["epsilon": .number(epsilon)])
  }
}

extension LayerNorm: ExportableLayer {
  public func emit(into graph: GraphBuilder, _ input: GraphValue) throws -> GraphValue {
    graph.node(
      "LayerNormalization", input, try graph.constant(weight), try graph.constant(bias),
      attributes: ["axis": .integer(-shape.count), "epsilon": .number(epsilon)])
  }
}

extension GroupNorm: ExportableLayer {
  /// Groups stand where instance normalisation has channels, because operator set 17 has no normalisation of groups.
  public func emit(into graph: GraphBuilder, _ input: GraphValue) throws -> GraphValue {
    let channels = weight.value.shape[0]
    let grouped = graph.node(
      "InstanceNormalization", try graph.reshape(input, [0, groups, -1]),
      try graph.constant(Tensor.ones([groups])), try graph.constant(Tensor.zeros([groups])),
      attributes: ["epsilon": .number(epsilon)])
    let scaled = graph.multiply(
      try graph.reshape(grouped, [0, channels, -1]),
      try graph.constant(weight.value.reshape([channels, 1]), of: self, "weight"))
    let shifted = graph.add(scaled, try graph.constant(bias.value.reshape([channels, 1]), of: self, "bias"))
    return graph.node("Reshape", shifted, graph.node("Shape", input))
  }
}

extension RMSNorm: ExportableLayer {
  public func emit(into graph: GraphBuilder, _ input: GraphValue) throws -> GraphValue {
    let square = graph.mean(graph.multiply(input, input), axes: [-1], keepDims: true)
    let length = graph.node("Sqrt", graph.add(square, try graph.scalar(epsilon)))
    return graph.multiply(graph.divide(input, length), try graph.constant(weight))
  }
}
