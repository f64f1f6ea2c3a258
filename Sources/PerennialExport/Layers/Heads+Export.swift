import Perennial
import Torch

extension LinearHead: ExportableLayer {
  public func emit(into graph: GraphBuilder, _ input: GraphValue) throws -> GraphValue {
    try graph.linear(input, weight: weight.value, bias: bias.value, of: self)
  }
}

extension FixedHead: ExportableLayer {
  /// Units that have not arrived are left out.
  public func emit(into graph: GraphBuilder, _ input: GraphValue) throws -> GraphValue {
    try graph.linear(
      input, weight: noGrad { try weight.value[0..<outputs] }, bias: noGrad { try bias.value[0..<outputs] },
      of: self)
  }
}

extension CosineHead: ExportableLayer {
  public func emit(into graph: GraphBuilder, _ input: GraphValue) throws -> GraphValue {
    let directions = try noGrad { try weight.value.unitRows() * scale.value }
    return try graph.linear(graph.unitRows(input), weight: directions, bias: nil, of: self)
  }
}

extension LocalSimilarityHead: ExportableLayer {
  public func emit(into graph: GraphBuilder, _ input: GraphValue) throws -> GraphValue {
    let shape = weight.value.shape
    let vectors = try noGrad { try weight.value.reshape([shape[0] * shape[1], shape[2]]).unitRows() }
    let all = try graph.linear(graph.unitRows(input), weight: vectors, bias: nil, of: self)
    let cosines = try graph.reshape(all, [0, shape[0], shape[1]])
    let shares = graph.node("Softmax", cosines, attributes: ["axis": .integer(2)])
    return graph.multiply(
      try graph.sum(graph.multiply(shares, cosines), axis: 2), try graph.constant(scale))
  }
}

extension NearestClassMeanHead: ExportableLayer {
  public func emit(into graph: GraphBuilder, _ input: GraphValue) throws -> GraphValue {
    let means = try noGrad { try sums.value / counts.value.clamp(min: 1).unsqueeze(1) }
    let differences = graph.subtract(
      try graph.unsqueeze(input, [1]), try graph.constant(means, of: self, "means"))
    let distances = try graph.sum(graph.multiply(differences, differences), axis: 2)
    return try graph.withoutUnseen(graph.node("Neg", distances), counts.value)
  }
}

extension StreamingLDAHead: ExportableLayer {
  public func emit(into graph: GraphBuilder, _ input: GraphValue) throws -> GraphValue {
    let (weight, bias) = try solved()
    return try graph.withoutUnseen(graph.linear(input, weight: weight, bias: bias, of: self), counts.value)
  }
}

extension RidgeHead: ExportableLayer {
  public func emit(into graph: GraphBuilder, _ input: GraphValue) throws -> GraphValue {
    let expanded = graph.node("Relu", graph.matmul(input, try graph.constant(projection)))
    let outputs = graph.matmul(expanded, try graph.constant(solved().weight, of: self, "weight"))
    return try graph.withoutUnseen(outputs, counts.value)
  }
}

extension GraphBuilder {
  /// −∞ for classes `[K]` without an example.
  fileprivate func withoutUnseen(_ outputs: GraphValue, _ counts: Tensor) throws -> GraphValue {
    let unseen = try noGrad { try counts .== 0 }
    guard try unseen.any().item() != 0 else { return outputs }
    let added = try Tensor.zeros(counts.shape).maskedFill(unseen, -Double.infinity)
    return add(outputs, try constant(added))
  }
}
