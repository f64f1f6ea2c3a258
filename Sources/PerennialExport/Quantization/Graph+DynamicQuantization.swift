import Torch

extension Graph {
  /// The same graph with weights of 8 bits, each channel with a scale of its own; activations are rounded to 8 bits as
  /// they come, by their range in the batch.
  ///
  /// Products with fixed matrices and kernels become sums of integers, and tables of vectors hold codes. Everything else
  /// stays as it is.
  /// - Throws: `TorchError` where memory does not suffice.
  public func quantizedDynamically() throws -> Graph {
    let source = try foldingNormalization()
    var result = source
    result.nodes = []
    var codes: [String: [String]] = [:]
    for node in source.nodes {
      if let matrix = try source.matrix(of: node) {
        let weight = try WeightCodes(matrix, axis: 1)
        let input = result.roundedInput(node, &codes)
        try result.addProduct(node, "MatMulInteger", weight, weight.scales, input)
      } else if let kernels = source.kernels(of: node) {
        let weight = try WeightCodes(kernels, axis: 0)
        let input = result.roundedInput(node, &codes)
        try result.addProduct(
          node, "ConvInteger", weight, try weight.scales.reshape([-1, 1, 1]), input,
          bias: try source.constants[node.inputs.count > 2 ? node.inputs[2] : ""]?.reshape([-1, 1, 1]))
      } else if let table = source.table(of: node) {
        result.nodes += try Self.lookup(node, table, &result.constants)
      } else {
        result.nodes.append(node)
      }
    }
    result.removeUnused()
    return result
  }

  /// Codes, scale and zero of a node's first input, made once for all that take it.
  private mutating func roundedInput(_ node: Node, _ known: inout [String: [String]]) -> [String] {
    let input = node.inputs[0]
    if let names = known[input] { return names }
    let names = ["codes", "scale", "zero"].map { "\(input)/\($0)" }
    nodes.append(
      Node(name: "\(input)/round", operation: "DynamicQuantizeLinear", inputs: [input], outputs: names))
    known[input] = names
    return names
  }

  /// The integer product, turned back into numbers.
  private mutating func addProduct(
    _ node: Node, _ operation: String, _ weight: WeightCodes, _ scales: Tensor, _ input: [String],
    bias: Tensor? = nil
  ) throws {
    func name(_ part: String) -> String { "\(node.name)/\(part)" }
    constants[name("weight.codes")] = try weight.unsigned
    constants[name("weight.zero")] = try Tensor.full([], WeightCodes.zero, dtype: .uint8)
    constants[name("weight.scales")] = scales
    let output = bias == nil ? node.outputs[0] : name("product:0")
    nodes += [
      Node(
        name: name("integers"), operation: operation,
        inputs: [input[0], name("weight.codes"), input[2], name("weight.zero")],
        outputs: [name("integers:0")], attributes: node.attributes),
      Node(
        name: name("cast"), operation: "Cast", inputs: [name("integers:0")], outputs: [name("cast:0")],
        attributes: ["to": .integer(DType.float32.onnxType)]),
      Node(
        name: name("scale"), operation: "Mul", inputs: [input[1], name("weight.scales")],
        outputs: [name("scale:0")]),
      Node(
        name: name("product"), operation: "Mul", inputs: [name("cast:0"), name("scale:0")], outputs: [output]),
    ]
    guard let bias else { return }
    constants[name("bias")] = bias
    nodes.append(
      Node(name: node.name, operation: "Add", inputs: [output, name("bias")], outputs: node.outputs))
  }
}
