import Torch

extension Graph {
  /// The same graph with weights of 8 bits and with what they multiply rounded to 8 bits over fixed ranges, as pairs of
  /// `QuantizeLinear` and `DequantizeLinear` that runtimes turn into integer products.
  ///
  /// - Parameter ranges: from ``calibrated(on:)``.
  /// - Throws: ``ExportError/data(_:)`` for a value without a range.
  public func quantizedStatically(_ ranges: [String: ValueRange]) throws -> Graph {
    let source = try foldingNormalization()
    var result = source
    result.nodes = []
    var rounded: [String: String] = [:]
    for node in source.nodes {
      let matrix = try source.matrix(of: node)
      if let weight = matrix ?? source.kernels(of: node) {
        guard let range = ranges[node.inputs[0]] else {
          throw ExportError.data("calibration did not come by `\(node.inputs[0])`")
        }
        let input = try rounded[node.inputs[0]] ?? result.addRounding(node.inputs[0], range)
        rounded[node.inputs[0]] = input
        var changed = node
        changed.inputs[0] = input
        try result.addWeight(weight, axis: matrix == nil ? 0 : 1, of: &changed, inputScale: range.codes.scale)
        result.nodes.append(changed)
      } else if let table = source.table(of: node) {
        result.nodes += try Self.lookup(node, table, &result.constants)
      } else {
        result.nodes.append(node)
      }
    }
    result.removeUnused()
    return result
  }

  /// - Returns: the name of the rounded value.
  private mutating func addRounding(_ value: String, _ range: ValueRange) throws -> String {
    let (scale, zero) = range.codes
    let names = ["\(value)/scale", "\(value)/zero"]
    constants[names[0]] = try Tensor.full([], scale)
    constants[names[1]] = try Tensor.full([], zero, dtype: .uint8)
    nodes += [
      Node(
        name: "\(value)/quantize", operation: "QuantizeLinear", inputs: [value] + names,
        outputs: ["\(value)/codes"]),
      Node(
        name: "\(value)/dequantize", operation: "DequantizeLinear", inputs: ["\(value)/codes"] + names,
        outputs: ["\(value)/rounded"]),
    ]
    return "\(value)/rounded"
  }

  /// Puts codes in the place of a node's weight, and of the bias that a convolution has.
  private mutating func addWeight(_ weight: Tensor, axis: Int, of node: inout Node, inputScale: Float) throws
  {
    let codes = try WeightCodes(weight, axis: axis)
    let channels = codes.scales.shape
    let zeros = try Tensor.full(channels, WeightCodes.zero, dtype: .uint8)
    node.inputs[1] = try addCodes("\(node.name)/weight", codes.unsigned, codes.scales, zeros, axis: axis)
    guard node.inputs.count > 2, let bias = constants[node.inputs[2]] else { return }
    // Sums of products of codes have this scale, so that the bias can join them as they are.
    let (scales, sums) = try noGrad {
      let scales = try codes.scales * inputScale
      return (scales, try (bias / scales).round().clamp(min: -2_147_483_000, max: 2_147_483_000).to(.int32))
    }
    node.inputs[2] = addCodes(
      "\(node.name)/bias", sums, scales, try Tensor.zeros(channels, dtype: .int32), axis: 0)
  }

  /// - Returns: the name of the numbers that the codes stand for.
  private mutating func addCodes(
    _ name: String, _ codes: Tensor, _ scales: Tensor, _ zeros: Tensor, axis: Int
  ) -> String {
    constants["\(name).codes"] = codes
    constants["\(name).scales"] = scales
    constants["\(name).zeros"] = zeros
    nodes.append(
      Node(
        name: "\(name)/dequantize", operation: "DequantizeLinear",
        inputs: ["\(name).codes", "\(name).scales", "\(name).zeros"], outputs: ["\(name)/numbers"],
        attributes: ["axis": .integer(axis)]))
    return "\(name)/numbers"
  }
}
