import Torch

/// Low-rank adaptation, LoRA (Hu et al. 2021): the backbone rests, and small matrices beside its layers learn.
///
///     y = W x + b + (α / r) B A x,   W and b fixed
///
/// One adapter for all experiences; by itself it forgets as fine-tuning does. Whatever else the recipe lists works on what
/// learns: penalties and replay see adapters and head alone.
public final class LowRankAdaptation: Strategy {
  public static let card = StrategyCard(
    "lora", .adapters, summary: "Small matrices beside the layers learn, the model itself rests.",
    formula: "y = W x + b + (α/r) B A x, W and b fixed",
    use: "A big pretrained model learns something of its kind; with replay or EWC on top.",
    avoid: "The model knows nothing yet.",
    cost: "Optimizer state and penalties for the adapters alone; two thin products more a layer.",
    paper: "Hu et al., LoRA: Low-Rank Adaptation of Large Language Models, 2021"
  ) { LowRankAdaptation($0) }

  /// What a recipe can choose.
  public struct Options: LowRankOptions {
    public var rank = 8
    public var alpha = 16.0
    public var dropout = 0.0
    public var targets: [String] = []
    public var variant = LowRankVariant.lora

    public init() {}

    public func validate(at node: ConfigurationNode) throws { try validateAdapters(at: node) }
  }

  public let name = "lora"
  public var seesBatch: Bool { false }
  public let options: Options

  public init(_ options: Options = Options()) { self.options = options }

  public func extend(_ network: Network, _ random: RandomStreams) throws {
    let set = try AdapterSet(
      options.configuration, beside: network.layers(for: options, name), random.stream("adapters"),
      dropoutMasks: random.stream("dropout"))
    network.register(name, set)
    network.restBackbone()
  }
}
