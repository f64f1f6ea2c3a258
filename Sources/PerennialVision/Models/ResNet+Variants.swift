import Torch

extension ResNet {
  /// The reduced ResNet-18 of continual learning (GEM, Lopez-Paz & Ranzato 2017): a third of the channels.
  ///
  /// Stages of 20, 40, 80 and 160 channels, 1.09 million parameters; names as in the code of GEM, classifier `linear`.
  /// The last feature map is averaged whole, which on 32×32 images is GEM's 4×4 pooling.
  public static func slim18(channels: Int = 3, width: Int = 20, _ generator: Generator) throws -> ResNet {
    try ResNet(
      channels: channels, blocks: [2, 2, 2, 2], width: width, shortcut: .projection(),
      initialization: .uniform, headName: "linear", generator)
  }

  /// ResNet-18 with a 3×3 stem and no pooling after it, as is usual for CIFAR: 11.2 million parameters.
  ///
  /// Names and initialisation as in torchvision, classifier `fc`.
  public static func resNet18(channels: Int = 3, width: Int = 64, _ generator: Generator) throws -> ResNet {
    try ResNet(
      channels: channels, blocks: [2, 2, 2, 2], width: width, shortcut: .projection(name: "downsample"),
      initialization: .normalFanOut, headName: "fc", generator)
  }

  /// The ResNets of He et al. (2016, section 4.2) for CIFAR: three stages of (depth − 2) / 6 blocks.
  ///
  /// Published depths are 20, 32, 44, 56 and 110, with 0.27, 0.46, 0.66, 0.85 and 1.7 million parameters. Names and
  /// initialisation as in akamaster/pytorch_resnet_cifar10, classifier `linear`.
  ///
  /// - Parameters:
  ///   - blocks: of each stage, in place of `depth`.
  ///   - widths: the channels of each stage, in place of `width` doubled from stage to stage.
  /// - Throws: ``ModelError`` for a depth that is not 6n + 2.
  public static func cifar(
    depth: Int, channels: Int = 3, width: Int = 16, blocks: [Int]? = nil, widths: [Int]? = nil,
    shortcut: Shortcut = .padding, _ generator: Generator
  ) throws -> ResNet {
    guard blocks != nil || (depth >= 8 && depth % 6 == 2) else {
      throw ModelError(
        model: "CIFAR ResNet", problem: "the depth must be 6n + 2 (20, 32, 44, 56, 110 …), not \(depth)")
    }
    return try ResNet(
      channels: channels, blocks: blocks ?? [Int](repeating: (depth - 2) / 6, count: 3), width: width,
      widths: widths, shortcut: shortcut, initialization: .normalFanIn, headName: "linear", generator)
  }
}
