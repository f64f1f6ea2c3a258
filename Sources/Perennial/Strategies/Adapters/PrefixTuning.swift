import Torch

/// Prefix tuning (Li & Liang 2021): the model rests, and keys and values in front of every text learn, layer by layer.
///
///     attention(Q, [P_K; K], [P_V; V]),   P_K and P_V of each layer alone learn
///
/// One prefix for all experiences; by itself it forgets as fine-tuning does.
public final class PrefixTuning: Strategy {
  public static let card = StrategyCard(
    "prefix-tuning", .adapters,
    summary: "Keys and values in front of every text learn in each layer, the model itself rests.",
    formula: "attention(Q, [P_K; K], [P_V; V]), P_K and P_V alone learn",
    use: "A pretrained model for text, where prompts in front of the first layer are too weak.",
    avoid: "The model knows nothing yet.",
    cost: "Optimizer state for the prefix alone; attention looks at that many more places.",
    paper: "Li & Liang, Prefix-Tuning: Optimizing Continuous Prompts for Generation, 2021"
  ) { PrefixTuning($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// P
    public var length = 20
    /// The inner width of a perceptron that makes the prefix in training; none when nil.
    public var projection: Int?

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("length", length, atLeast: 1)
      try node.require("projection", projection, atLeast: 1)
    }
  }

  public let name = "prefix-tuning"
  public var seesBatch: Bool { false }
  public let options: Options

  public init(_ options: Options = Options()) { self.options = options }

  public func extend(_ network: Network, _ random: RandomStreams) throws {
    try network.learnPrompt(name) {
      try SoftPrefix(options.length, for: $0, projection: options.projection, random.stream("adapters"))
    }
  }
}
