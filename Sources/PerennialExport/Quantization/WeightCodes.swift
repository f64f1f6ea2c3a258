import Torch

/// A weight as 8-bit codes, symmetric around 0, with a scale for each channel: w ≈ scale · code, |code| ≤ 127.
struct WeightCodes {
  /// int8, of the weight's shape.
  let codes: Tensor
  /// float32 `[channels]`
  let scales: Tensor

  /// The code of 0 among ``unsigned`` codes.
  static let zero = 128

  /// The same codes around ``zero``, uint8.
  ///
  /// Products take these: processors with AVX2 and without VNNI add products of unsigned and signed bytes in pairs of 16
  /// bits, which overflow, and onnxruntime lets them; measured with onnxruntime 1.31 on such a processor, sums of 32
  /// products of signed codes were off by up to a quarter, and those of unsigned codes exact.
  var unsigned: Tensor { get throws { try noGrad { try (codes.to(.int16) + Self.zero).to(.uint8) } } }

  /// - Parameter axis: the dimension that channels lie along.
  init(_ weight: Tensor, axis: Int) throws {
    (codes, scales) = try noGrad {
      let others = (0..<weight.rank).filter { $0 != axis }
      let scales = try (weight.abs().amax(others, keepDims: true) / 127).clamp(min: 1e-30)
      let codes = try (weight / scales).round().clamp(min: -127, max: 127).to(.int8)
      return (try codes.contiguous(), try scales.flatten())
    }
  }
}

extension Graph {
  /// The weight `[in, out]` that a `MatMul` multiplies by, where it is fixed: a constant, or a transposed one.
  func matrix(of node: Node) throws -> Tensor? {
    guard node.operation == "MatMul", node.inputs.count == 2 else { return nil }
    if let constant = constants[node.inputs[1]] {
      return constant.rank == 2 && constant.dtype == .float32 ? constant : nil
    }
    guard
      let maker = nodes.first(where: { $0.outputs.contains(node.inputs[1]) }),
      maker.operation == "Transpose", maker.attributes["perm"] == .integers([1, 0]),
      let constant = constants[maker.inputs[0]], constant.dtype == .float32
    else { return nil }
    return try constant.T
  }

  /// The kernels `[out, in, kH, kW]` of a `Conv`, where they are fixed.
  func kernels(of node: Node) -> Tensor? {
    guard node.operation == "Conv", node.inputs.count > 1 else { return nil }
    return constants[node.inputs[1]]
  }

  /// The table `[rows, width]` that a `Gather` looks vectors up in, where it is fixed.
  func table(of node: Node) -> Tensor? {
    guard node.operation == "Gather", node.attributes["axis"] == .integer(0),
      let table = constants[node.inputs[0]], table.rank == 2, table.dtype == .float32
    else { return nil }
    return table
  }

  /// The nodes that look up `node`'s vectors as codes: each row has a scale of its own.
  ///
  /// - Parameter constants: takes the codes and scales.
  static func lookup(_ node: Node, _ table: Tensor, _ constants: inout [String: Tensor]) throws -> [Node] {
    let weight = try WeightCodes(table, axis: 0)
    let (codes, scales) = ("\(node.inputs[0]).codes", "\(node.inputs[0]).scales")
    constants[codes] = weight.codes
    constants[scales] = try weight.scales.reshape([-1, 1])
    func name(_ part: String) -> String { "\(node.name)/\(part)" }
    return [
      Node(
        name: name("codes"), operation: "Gather", inputs: [codes, node.inputs[1]], outputs: [name("codes:0")],
        attributes: node.attributes),
      Node(
        name: name("scales"), operation: "Gather", inputs: [scales, node.inputs[1]],
        outputs: [name("scales:0")], attributes: node.attributes),
      Node(
        name: name("cast"), operation: "Cast", inputs: [name("codes:0")], outputs: [name("cast:0")],
        attributes: ["to": .integer(DType.float32.onnxType)]),
      Node(
        name: node.name, operation: "Mul", inputs: [name("cast:0"), name("scales:0")], outputs: node.outputs),
    ]
  }

  /// Leaves out nodes whose outputs nobody takes, and constants that are no longer used.
  mutating func removeUnused() {
    var wanted = Set(outputs.map(\.name))
    var kept: [Node] = []
    for node in nodes.reversed() where node.outputs.contains(where: wanted.contains) {
      wanted.formUnion(node.inputs)
      kept.append(node)
    }
    nodes = kept.reversed()
    removeUnusedConstants()
  }
}
