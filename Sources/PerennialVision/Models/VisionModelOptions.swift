import Perennial
import Torch

/// Options of `mlp`.
struct MLPOptions: Configurable {
  /// The width of each hidden layer.
  var hidden = [400, 400]
  /// The function after each hidden layer.
  var activation = Activation.Function.relu
  /// The probability with which an activation is dropped in training.
  var dropout = 0.0

  func validate(at node: ConfigurationNode) throws {
    try node.requirePositive("hidden", hidden)
    try node.require("dropout", dropout, in: 0..<1)
  }
}

/// Options of `small-cnn`.
struct SmallCNNOptions: Configurable {
  /// The channels after each block.
  var channels = [32, 64, 64]
  /// The width of the hidden layer.
  var hidden = 128

  func validate(at node: ConfigurationNode) throws {
    try node.requirePositive("channels", channels)
    try node.require("hidden", hidden, atLeast: 1)
  }
}

/// Options of `strided-cnn`.
struct StridedCNNOptions: Configurable {
  /// The channels of every block.
  var channels = 64

  func validate(at node: ConfigurationNode) throws { try node.require("channels", channels, atLeast: 1) }
}

/// Options of `slim-resnet18`.
struct SlimResNet18Options: Configurable {
  /// The channels of the first stage.
  var width = 20

  func validate(at node: ConfigurationNode) throws { try node.require("width", width, atLeast: 1) }
}

/// Options of `resnet18`.
struct ResNet18Options: Configurable {
  /// The channels of the first stage.
  var width = 64

  func validate(at node: ConfigurationNode) throws { try node.require("width", width, atLeast: 1) }
}

/// Options of `cifar-resnet`.
struct CIFARResNetOptions: Configurable {
  /// How shapes change along the shortcut: option A or B of the paper.
  enum Shortcut: String, Codable, CaseIterable { case padding, projection }

  /// The number of layers, 6n + 2.
  var depth = 20
  /// The channels of the first stage.
  var width = 16
  /// The blocks of each stage, in place of `depth`.
  var blocks: [Int]?
  /// The channels of each stage, in place of `width` doubled from stage to stage.
  var widths: [Int]?
  var shortcut = Shortcut.padding

  func validate(at node: ConfigurationNode) throws {
    try node.require("width", width, atLeast: 1)
    try node.requirePositive("blocks", blocks ?? [])
    try node.requirePositive("widths", widths ?? [])
    if let blocks, !(1...16).contains(blocks.count) {
      throw node.error(at: "blocks", "must be 1 to 16 stages, found \(blocks.count)")
    }
    let stages = blocks?.count ?? 3
    if let widths, widths.count != stages {
      throw node.error(
        at: "widths", "must have a width for each of the \(stages) stages, found \(widths.count)")
    }
    if shortcut == .padding, let widths, widths != widths.sorted() {
      throw node.error(
        at: "widths", "must not fall from stage to stage with `shortcut: padding`, found \(widths)")
    }
    guard depth >= 8, depth % 6 == 2 else {
      throw node.error(at: "depth", "must be 6n + 2 (20, 32, 44, 56, 110 …), found `\(depth)`")
    }
  }
}

/// What takes no options.
struct NoOptions: Configurable {}

extension ConfigurationNode {
  /// Throws unless every number of a list is at least 1.
  func requirePositive(_ key: String, _ values: [Int]) throws {
    if let value = values.first(where: { $0 < 1 }) {
      throw error(at: key, "every width must be at least 1, found `\(value)`")
    }
  }
}
