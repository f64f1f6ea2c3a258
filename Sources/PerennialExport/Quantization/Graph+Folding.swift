import Torch

extension Graph {
  /// The same graph with batch normalisation folded into the convolutions before it, so that nothing is rounded between.
  ///
  ///     W' = W γ / √(σ² + ε),   b' = (b − μ) γ / √(σ² + ε) + β
  func foldingNormalization() throws -> Graph {
    var result = self
    let consumers = consumers()
    var places: [String: Int] = [:]
    for (index, node) in nodes.enumerated() { for output in node.outputs { places[output] = index } }
    var folded: Set<Int> = []
    for (index, node) in nodes.enumerated() where node.operation == "BatchNormalization" {
      guard let place = places[node.inputs[0]], let kernels = kernels(of: nodes[place]),
        consumers[node.inputs[0]]?.count == 1, !outputs.contains(where: { $0.name == node.inputs[0] }),
        let weight = constants[node.inputs[1]], let shift = constants[node.inputs[2]],
        let mean = constants[node.inputs[3]], let variance = constants[node.inputs[4]],
        case .number(let epsilon)? = node.attributes["epsilon"]
      else { continue }
      let convolution = nodes[place]
      let bias = convolution.inputs.count > 2 ? constants[convolution.inputs[2]] : nil
      let (newKernels, newBias) = try noGrad {
        let factor = try weight / (variance + epsilon).sqrt()
        let centred = try bias.map { try $0 - mean } ?? -mean
        return (try kernels * factor.reshape([-1, 1, 1, 1]), try centred * factor + shift)
      }
      let names = ["\(convolution.name)/folded.weight", "\(convolution.name)/folded.bias"]
      result.constants[names[0]] = try newKernels.contiguous()
      result.constants[names[1]] = newBias
      result.nodes[place].inputs = [convolution.inputs[0]] + names
      result.nodes[place].outputs = node.outputs
      folded.insert(index)
    }
    result.nodes = result.nodes.enumerated().filter { !folded.contains($0.offset) }.map(\.element)
    result.removeUnused()
    return result
  }
}
