import Testing
import Torch

@Suite("Layers give PyTorch's outputs, and gradients of input and every parameter")
struct LayerTests {
  typealias Make = @Sendable (GoldenCase, Generator) throws -> any Layer

  static let modules: [String: Make] = [
    "linear": { try Linear(5, 3, $1) },
    "linear_no_bias": { try Linear(5, 3, bias: false, $1) },
    "linear_3d": { try Linear(5, 3, $1) },
    "conv2d": { try Conv2d(4, 6, kernel: 3, $1) },
    "conv2d_stride_padding": { try Conv2d(4, 6, kernel: 3, stride: 2, padding: 1, $1) },
    "conv2d_groups": { try Conv2d(4, 6, kernel: 3, padding: 1, groups: 2, $1) },
    "conv2d_depthwise": { try Conv2d(4, 4, kernel: 3, padding: 1, groups: 4, bias: false, $1) },
    "conv2d_dilation": { try Conv2d(4, 2, kernel: 3, padding: 2, dilation: 2, $1) },
    "conv2d_1x1": { try Conv2d(4, 3, kernel: 1, stride: 2, bias: false, $1) },
    "conv_transpose2d": { try ConvTransposed2d(4, 3, kernel: 3, $1) },
    "batchnorm1d_train_1": { _, _ in try BatchNorm(4) },
    "batchnorm1d_train_2": { _, _ in try BatchNorm(4) },
    "batchnorm1d_eval": { _, _ in try evaluated(BatchNorm(4)) },
    "batchnorm2d_train_1": { _, _ in try BatchNorm(4) },
    "batchnorm2d_train_2": { _, _ in try BatchNorm(4) },
    "batchnorm2d_eval": { _, _ in try evaluated(BatchNorm(4)) },
    "batchnorm2d_momentum": { _, _ in try BatchNorm(4, momentum: 0.3, epsilon: 1e-3) },
    "layernorm": { _, _ in try LayerNorm([6]) },
    "layernorm_2d": { _, _ in try LayerNorm([4, 6], epsilon: 1e-6) },
    "groupnorm": { _, _ in try GroupNorm(groups: 2, channels: 4) },
    "dropout_eval": { evaluated(Dropout(0.5, $1)) },
    "embedding": { try Embedding(7, 3, $1) },
    "embedding_padding": { try Embedding(7, 3, padding: 2, $1) },
    "maxpool2d": { _, _ in Pool2d(.max, kernel: 2) },
    "maxpool2d_overlap": { _, _ in Pool2d(.max, kernel: 3, stride: 2, padding: 1) },
    "avgpool2d": { _, _ in Pool2d(.average, kernel: 2) },
    "avgpool2d_padding": { _, _ in Pool2d(.average, kernel: 3, stride: 2, padding: 1) },
    "activation_relu": { _, _ in Activation(.relu) },
    "activation_leaky_relu": { _, _ in Activation(.leakyReLU) },
    "activation_elu": { _, _ in Activation(.elu) },
    "activation_gelu": { _, _ in Activation(.gelu) },
    "activation_silu": { _, _ in Activation(.silu) },
    "activation_sigmoid": { _, _ in Activation(.sigmoid) },
    "activation_tanh": { _, _ in Activation(.tanh) },
    "activation_softplus": { _, _ in Activation(.softplus) },
    "activation_identity": { _, _ in Activation(.identity) },
    "activation_flatten": { _, _ in Flatten() },
  ]

  /// Cases that a function of tensors answers and no module has: rectangles, groups, no learned scale.
  static let functions: [String: @Sendable (Tensor, [String: Tensor]) throws -> Tensor] = [
    "conv2d_rectangle": {
      try $0.conv2d(rooted($1, "weight"), bias: $1["bias"], stride: [2, 1], padding: [1, 0])
    },
    "conv_transpose2d_stride": {
      try $0.convTransposed2d(
        rooted($1, "weight"), bias: $1["bias"], stride: [2, 2], padding: [1, 1], outputPadding: [1, 1],
        groups: 2)
    },
    "batchnorm2d_no_affine": { x, _ in
      try x.batchNorm(weight: nil, bias: nil, runningMean: nil, runningVariance: nil, training: true)
    },
    "adaptive_avgpool2d_1": { x, _ in try x.adaptiveAvgPool2d([1, 1]) },
    "adaptive_avgpool2d_3x2": { x, _ in try x.adaptiveAvgPool2d([3, 2]) },
    "activation_leaky_relu_0.2": { x, _ in try x.leakyReLU(slope: 0.2) },
    "activation_gelu_tanh": { x, _ in try x.gelu(approximate: true) },
    "activation_hardtanh": { x, _ in try x.hardtanh() },
    "activation_relu6": { x, _ in try x.relu6() },
    "activation_softmax": { x, _ in try x.softmax() },
    "activation_log_softmax": { x, _ in try x.logSoftmax() },
  ]

  private static func evaluated<Result: Module>(_ module: Result) -> Result {
    module.evaluate()
    return module
  }

  private static func rooted(_ parameters: [String: Tensor], _ name: String) throws -> Tensor {
    try #require(parameters[name])
  }

  @Test("modules", arguments: modules.keys.sorted())
  func module(_ name: String) throws {
    let golden = try Golden("layers")[name]
    let make = try #require(Self.modules[name])
    let layer = try make(golden, Generator(seed: 7))
    try layer.load(golden.all("parameter.").merging(golden.all("buffer.")) { first, _ in first })
    try golden.track()
    for (_, parameter) in layer.trainableParameters { try parameter.value.setRequiresGrad(true) }
    let leaves = Dictionary(uniqueKeysWithValues: layer.parameters.map { ($0.path, $0.parameter.value) })
    try golden.check(try layer(golden["input"]), leaves: leaves, absolute: 1e-5)
    for (path, expected) in golden.all("after.") {
      expectClose(try #require(leaves[path]), expected, path)
    }
  }

  @Test("the same from one flat vector", arguments: modules.keys.sorted())
  func flat(_ name: String) throws {
    let golden = try Golden("layers")[name]
    guard !golden.all("parameter.").isEmpty else { return }
    let make = try #require(Self.modules[name])
    let layer = try make(golden, Generator(seed: 7))
    try layer.load(golden.all("parameter.").merging(golden.all("buffer.")) { first, _ in first })
    let vector = try ParameterVector(layer.trainableParameters)
    try vector.backward((layer(golden["input"]) * golden["upstream"]).sum())
    for slot in vector.layout.slots {
      expectClose(
        try vector.layout.view(slot, of: vector.gradients), try golden["gradient.\(slot.path)"],
        absolute: 1e-5, slot.path)
    }
  }

  @Test("functions", arguments: functions.keys.sorted())
  func function(_ name: String) throws {
    let golden = try Golden("layers")[name]
    let parameters = golden.all("parameter.")
    for tensor in parameters.values { try tensor.setRequiresGrad(true) }
    try golden.track()
    let make = try #require(Self.functions[name])
    let output = try make(golden["input"], parameters)
    try golden.check(output, leaves: parameters, absolute: 1e-5)
  }

  @Test("the mean of each channel is adaptive pooling to one place")
  func globalAverage() throws {
    let golden = try Golden("layers")["adaptive_avgpool2d_1"]
    expectClose(try GlobalAveragePool()(golden["input"]), try golden["output"].flatten(from: 1))
  }

  @Test("every case of the golden file has its line")
  func complete() throws {
    let known = Set(Self.modules.keys).union(Self.functions.keys).union(AttentionTests.cases)
    #expect(try Golden("layers").cases == known)
  }
}
