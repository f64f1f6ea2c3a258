import Torch

extension GraphRunner {
  typealias Operation = @Sendable (NodeInputs) throws -> [Tensor]

  /// What each operator does (github.com/onnx/onnx, docs/Operators.md, set 17).
  static let operations: [String: Operation] = elementary.merging(layers) { $1 }.merging(shapes) { $1 }
    .merging(quantized) { $1 }

  private static func unary(_ body: @escaping @Sendable (Tensor) throws -> Tensor) -> Operation {
    { [try body($0(0))] }
  }

  private static func binary(_ body: @escaping @Sendable (Tensor, Tensor) throws -> Tensor) -> Operation {
    { [try body($0(0), $0(1))] }
  }

  private static let elementary: [String: Operation] = [
    "Identity": unary { $0 }, "Neg": unary { try -$0 }, "Sqrt": unary { try $0.sqrt() },
    "Cos": unary { try $0.cos() }, "Sin": unary { try $0.sin() }, "Erf": unary { try $0.erf() },
    "Tanh": unary { try $0.tanh() }, "Sigmoid": unary { try $0.sigmoid() }, "Relu": unary { try $0.relu() },
    "Softplus": unary { try $0.softplus() },
    "Elu": { [try $0(0).elu(alpha: $0.number("alpha", default: 1))] },
    "LeakyRelu": { [try $0(0).leakyReLU(slope: $0.number("alpha", default: 0.01))] },
    "Add": binary { try $0 + $1 }, "Sub": binary { try $0 - $1 }, "Mul": binary { try $0 * $1 },
    "Div": binary { try $0 / $1 }, "Min": binary { try $0.minimum($1) },
    "Max": binary { try $0.maximum($1) },
    "And": binary { try $0.logicalAnd($1) }, "Equal": binary { try $0 .== $1 },
    "LessOrEqual": binary { try $0 .<= $1 },
    "Where": { [try Tensor.choose($0(0), $0(1), $0(2))] },
    "Clip": { inputs in
      let low = try inputs.optional(1)?.item()
      let high = try inputs.optional(2)?.item()
      return [try inputs(0).clamp(min: low, max: high)]
    },
    "Cast": { inputs in
      let type = inputs.integer("to", default: 0)
      guard let dtype = DType(onnxType: type) else {
        throw ExportError.operation(node: inputs.node.name, problem: "type \(type) is not known")
      }
      return [try inputs(0).to(dtype)]
    },
    "Softmax": { [try $0(0).softmax($0.integer("axis", default: -1))] },
    "ReduceSum": { [try $0(0).sum($0.integers(1), keepDims: $0.keepsDimensions)] },
    "ReduceMean": { [try $0(0).mean($0.integers("axes") ?? [], keepDims: $0.keepsDimensions)] },
    "ReduceMax": { [try $0(0).amax($0.integers("axes") ?? [], keepDims: $0.keepsDimensions)] },
    "ReduceL2": { [try $0(0).norm($0.integers("axes") ?? [], keepDims: $0.keepsDimensions)] },
    "CumSum": { inputs in
      let x = try inputs(0)
      let sums = try x.cumulativeSum(inputs(1).itemInt())
      return [inputs.integer("exclusive", default: 0) == 1 ? try sums - x : sums]
    },
  ]

  private static let layers: [String: Operation] = [
    "MatMul": binary { try $0.matmul($1) },
    "Conv": { inputs in
      [
        try inputs(0).conv2d(
          inputs(1), bias: inputs.optional(2), stride: inputs.pair("strides", 1), padding: inputs.padding(),
          dilation: inputs.pair("dilations", 1), groups: inputs.integer("group", default: 1))
      ]
    },
    "ConvTranspose": { inputs in
      [
        try inputs(0).convTransposed2d(
          inputs(1), bias: inputs.optional(2), stride: inputs.pair("strides", 1), padding: inputs.padding(),
          outputPadding: inputs.pair("output_padding", 0))
      ]
    },
    "BatchNormalization": { inputs in
      [
        try inputs(0).batchNorm(
          weight: inputs(1), bias: inputs(2), runningMean: inputs(3), runningVariance: inputs(4),
          training: false, momentum: 0, epsilon: inputs.number("epsilon", default: 1e-5))
      ]
    },
    "LayerNormalization": { inputs in
      let x = try inputs(0)
      let axis = inputs.integer("axis", default: -1)
      return [
        try x.layerNorm(
          Array(x.shape.suffix(axis < 0 ? -axis : x.rank - axis)), weight: inputs(1),
          bias: inputs.optional(2), epsilon: inputs.number("epsilon", default: 1e-5))
      ]
    },
    "InstanceNormalization": { inputs in
      let x = try inputs(0)
      return [
        try x.groupNorm(
          x.shape[1], weight: inputs(1), bias: inputs(2), epsilon: inputs.number("epsilon", default: 1e-5))
      ]
    },
    "MaxPool": { inputs in
      [
        try inputs(0).maxPool2d(
          inputs.pair("kernel_shape", 1), stride: inputs.pair("strides", 1), padding: inputs.padding())
      ]
    },
    "AveragePool": { inputs in
      guard inputs.integer("count_include_pad", default: 0) == 1 else {
        throw ExportError.operation(node: inputs.node.name, problem: "averages count padding here")
      }
      return [
        try inputs(0).avgPool2d(
          inputs.pair("kernel_shape", 1), stride: inputs.pair("strides", 1), padding: inputs.padding())
      ]
    },
  ]
}

extension NodeInputs {
  /// Whether dimensions that go stay with size 1.
  fileprivate var keepsDimensions: Bool { integer("keepdims", default: 1) == 1 }

  /// Two numbers, for height and width.
  func pair(_ name: String, _ fallback: Int) -> [Int] { integers(name) ?? [fallback, fallback] }

  /// The border of an image, which must be the same on both sides.
  func padding() throws -> [Int] {
    let pads = integers("pads") ?? [0, 0, 0, 0]
    guard pads.count == 4, pads[0] == pads[2], pads[1] == pads[3] else {
      throw ExportError.operation(node: node.name, problem: "a border of \(pads) differs between sides")
    }
    return [pads[0], pads[1]]
  }
}
