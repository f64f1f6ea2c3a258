import Perennial
import Torch

/// The vision models that a recipe can name: `mlp`, `{mlp: {hidden: [400, 400]}}`, `{cifar-resnet: {depth: 32}}`.
public enum VisionModels {
  typealias Builder = @Sendable (Selection, _ input: [Int], _ streams: Streams) throws -> any VisionBackbone

  /// The random streams that a model draws from.
  struct Streams {
    let weights: Generator
    let dropout: Generator
  }

  /// The names, in the order of the documentation.
  public static var names: [String] { builders.map(\.key) }

  /// Builds the backbone that a recipe names.
  ///
  /// - Parameters:
  ///   - selection: The name and its options.
  ///   - input: The shape `[C, H, W]` of one image (`[D]` of one row of a table, for `mlp`).
  ///   - weights: The random stream of the initial weights.
  ///   - dropout: The random stream of dropout's masks.
  /// - Throws: `ConfigurationError` with the line of a wrong name or option, or of a model that does not suit the
  ///   images.
  public static func backbone(
    _ selection: Selection, input: [Int], weights: Generator, dropout: Generator
  ) throws -> any VisionBackbone {
    let build = try selection.pick(from: builders, kind: "model")
    do {
      return try build(selection, input, Streams(weights: weights, dropout: dropout))
    } catch let error as ModelError {
      throw selection.node.error(error.description)
    }
  }

  static let builders: KeyValuePairs<String, Builder> = [
    "mlp": { selection, input, streams in
      let options = try selection.decode(MLPOptions.self)
      return try MLP(
        inputs: input.reduce(1, *), hidden: options.hidden, activation: options.activation,
        dropout: options.dropout > 0 ? Dropout(options.dropout, streams.dropout) : nil, streams.weights)
    },
    "lenet": { selection, input, streams in
      _ = try selection.decode(NoOptions.self)
      return try LeNet(input: input, streams.weights)
    },
    "small-cnn": { selection, input, streams in
      let options = try selection.decode(SmallCNNOptions.self)
      return try SmallCNN(
        input: input, channels: options.channels, hidden: options.hidden, streams.weights)
    },
    "strided-cnn": { selection, input, streams in
      let options = try selection.decode(StridedCNNOptions.self)
      return try StridedCNN(input: input, channels: options.channels, streams.weights)
    },
    "slim-resnet18": { selection, input, streams in
      let options = try selection.decode(SlimResNet18Options.self)
      let image = try ImageShape(input, for: "ResNet")
      return try ResNet.slim18(channels: image.channels, width: options.width, streams.weights)
    },
    "resnet18": { selection, input, streams in
      let options = try selection.decode(ResNet18Options.self)
      let image = try ImageShape(input, for: "ResNet")
      return try ResNet.resNet18(channels: image.channels, width: options.width, streams.weights)
    },
    "cifar-resnet": { selection, input, streams in
      let options = try selection.decode(CIFARResNetOptions.self)
      let image = try ImageShape(input, for: "ResNet")
      return try ResNet.cifar(
        depth: options.depth, channels: image.channels, width: options.width, blocks: options.blocks,
        widths: options.widths, shortcut: options.shortcut == .padding ? .padding : .projection(),
        streams.weights)
    },
  ]
}
