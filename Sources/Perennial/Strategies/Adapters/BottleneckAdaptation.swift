import Torch

/// Bottleneck adapters (Houlsby et al. 2019; Pfeiffer et al. 2021): the model rests, and small perceptrons behind its
/// layers learn.
///
///     y ← y + W_up gelu(W_down y + b_down) + b_up,   the identity at first
///
/// Behind the output layers of attention and of the perceptron in each block, in front of the sums (`houlsby`), or behind
/// those of perceptrons alone (`pfeiffer`). One adapter for all experiences; by itself it forgets as fine-tuning does.
public final class BottleneckAdaptation: Strategy {
  public static let card = StrategyCard(
    "bottleneck", .adapters, summary: "Small perceptrons behind the layers learn, the model itself rests.",
    formula: "y + W_up gelu(W_down y + b_down) + b_up",
    use: "A pretrained model learns something that low-rank changes of its weights cannot hold.",
    avoid: "The adapters must vanish in use: they cannot be folded into weights, as LoRA can.",
    cost: "Optimizer state and penalties for the adapters alone; two thin products more a layer, in use too.",
    paper: "Houlsby et al., Parameter-Efficient Transfer Learning for NLP, 2019"
  ) { BottleneckAdaptation($0) }

  /// Where the adapters are.
  public enum Placement: String, Codable, CaseIterable, Sendable {
    case houlsby, pfeiffer
  }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// Of the bottleneck.
    public var width = 64
    public var placement = Placement.houlsby
    /// Layers that get an adapter in place of those, by the end of their paths.
    public var targets: [String] = []

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("width", width, atLeast: 1)
      if !targets.isEmpty, node["placement"] != nil {
        throw node.error(at: "targets", "give either `placement` or `targets`, not both")
      }
    }
  }

  public let name = "bottleneck"
  public var seesBatch: Bool { false }
  public let options: Options

  public init(_ options: Options = Options()) { self.options = options }

  public func extend(_ network: Network, _ random: RandomStreams) throws {
    let set = Module()
    let generator = try random.stream("adapters")
    for (path, layer) in try layers(of: network) {
      let adapter = try BottleneckAdapter(for: layer, width: options.width, generator)
      layer.adapters.append(adapter)
      set.register(path, adapter)
    }
    network.register(name, set)
    network.restBackbone()
  }

  private func layers(of network: Network) throws -> [(path: String, layer: any AdaptableLayer)] {
    guard options.targets.isEmpty else {
      var configuration = LowRankConfiguration()
      configuration.targets = .named(options.targets)
      return try network.layers(for: configuration, name)
    }
    let blocks = network.backbone.modules.compactMap { $0 as? any TransformerBlock }
    let chosen = blocks.flatMap { block in
      options.placement == .houlsby
        ? [block.attentionOutput, block.perceptronOutput] : [block.perceptronOutput]
    }
    let places = network.backbone.adaptableLayers.filter { place in chosen.contains { $0 === place.layer } }
    guard !places.isEmpty else {
      throw StrategyError.model(name, "the model has no Transformer blocks: name layers in `targets`")
    }
    return places
  }
}
