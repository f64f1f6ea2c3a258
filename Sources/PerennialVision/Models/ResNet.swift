import Perennial
import Torch

/// A residual network of basic blocks for small images, without its classifier (He et al. 2016, section 4.2).
///
/// A 3×3 stem at full resolution, stages whose first block halves height and width and doubles the channels (but for
/// the first stage), and the mean of each channel. Names are `conv1`, `bn1`, `layer1.0.conv1` …, as in the public
/// checkpoint of each variant. Taps are `conv1`, `layer1` …, the maps behind each stage (the last one before the mean), and
/// `layer1.preactivation` …, what the last ReLU of each stage takes.
public final class ResNet: Module, VisionBackbone {
  public let featureCount: Int
  public let headName: String
  public let stages: [Stage]
  public let taps: [Tap]

  /// How a block's input passes by where the block changes its shape.
  public enum Shortcut: Sendable, Equatable {
    /// Option A: every second pixel, new channels are zero. It has no parameters.
    case padding
    /// Option B: a 1×1 convolution and batch normalisation, under a name in the block.
    case projection(name: String = "shortcut")

    var name: String {
      switch self {
      case .padding: "shortcut"
      case .projection(let name): name
      }
    }
  }

  /// The distribution from which the kernels of convolutions are drawn.
  public enum Initialization: Sendable {
    /// As `torch.nn.Conv2d`: U(−1/√fan_in, 1/√fan_in).
    case uniform
    /// N(0, 2 / fan_in) (He et al. 2015, eq. 10).
    case normalFanIn
    /// N(0, 2 / fan_out) (He et al. 2015, eq. 14).
    case normalFanOut

    /// A convolution without bias that keeps the size but for its stride.
    func convolution(
      _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int, _ generator: Generator
    ) throws -> Conv2d {
      let layer = try Conv2d(
        inputs, outputs, kernel: kernel, stride: stride, padding: kernel / 2, bias: false, generator)
      if self != .uniform {
        let kernels = try Initializer.kaimingNormal(
          layer.weight.value.shape, fanOut: self == .normalFanOut, generator)
        try noGrad { try layer.weight.value.copy(from: kernels) }
      }
      return layer
    }
  }

  /// Makes a residual network.
  ///
  /// - Parameters:
  ///   - channels: The channels of the images.
  ///   - blocks: The number of blocks in each stage.
  ///   - width: The channels of the first stage; each further stage doubles them.
  ///   - widths: The channels of each stage where they do not double; they may not fall with `shortcut: .padding`.
  ///   - headName: The name of the classifier in checkpoints.
  ///   - generator: The random stream of the weights.
  /// - Throws: ``ModelError`` for a count below 1.
  public init(
    channels: Int = 3, blocks: [Int], width: Int, widths: [Int]? = nil, shortcut: Shortcut,
    initialization: Initialization, headName: String, _ generator: Generator
  ) throws {
    let widths = widths ?? blocks.indices.map { $0 < 32 ? width << $0 : 0 }
    guard channels > 0, !blocks.isEmpty, blocks.count <= 16, (blocks + widths).allSatisfy({ $0 > 0 }),
      widths.count == blocks.count, shortcut != .padding || widths == widths.sorted()
    else {
      throw ModelError(
        model: "ResNet",
        problem: "needs at least 1 channel, width and block in each of 1 to 16 stages, "
          + "not \(channels) channels, widths \(widths) and blocks \(blocks)")
    }
    let conv1 = try initialization.convolution(channels, widths[0], kernel: 3, stride: 1, generator)
    let bn1 = try BatchNorm(widths[0])
    var inputs = widths[0]
    let preactivations = blocks.indices.map { Tap("layer\($0 + 1).preactivation") }
    let layers = try blocks.enumerated().map { stage, count in
      Sequential(
        try (0..<count).map { position in
          let outputs = widths[stage]
          defer { inputs = outputs }
          return try BasicBlock(
            inputs, outputs, stride: stage > 0 && position == 0 ? 2 : 1, shortcut: shortcut,
            initialization: initialization,
            preactivation: position == count - 1 ? preactivations[stage] : nil, generator)
        })
    }
    featureCount = inputs
    self.headName = headName
    let pool = GlobalAveragePool()
    let lastMap = Tap("layer\(layers.count)")
    let stem = Stage("conv1", width: widths[0]) { try bn1(conv1($0)).relu() }
    let groups = layers.enumerated().map { index, layer in
      Stage("layer\(index + 1)", width: widths[index]) {
        index == layers.count - 1 ? try pool(lastMap(layer($0))) : try layer($0)
      }
    }
    stages = [stem] + groups
    let maps = groups.dropLast().map(\.tap) + [lastMap]
    taps = [stem.tap] + zip(maps, preactivations).flatMap { [$0, $1] }
    super.init()
    register("conv1", conv1)
    register("bn1", bn1)
    for (index, layer) in layers.enumerated() { register("layer\(index + 1)", layer) }
  }

  /// `[N, C, H, W]` → `[N, featureCount]`
  public func callAsFunction(_ input: Tensor) throws -> Tensor {
    try stages.reduce(input.channelsLast()) { try $1($0) }
  }
}
