import Torch

/// Prompt tuning (Lester et al. 2021): the model rests, and embeddings in front of every text learn.
///
///     p(y | [P; x]),   P `[length, D]` alone learns
///
/// One prompt for all experiences; by itself it forgets as fine-tuning does.
public final class PromptTuning: Strategy {
  public static let card = StrategyCard(
    "prompt-tuning", .adapters, summary: "Embeddings in front of every text learn, the model itself rests.",
    formula: "p(y | [P; x]), P alone learns",
    use: "A big pretrained model for text; the fewest values of all.",
    avoid: "The model is small or knows nothing yet.",
    cost: "Optimizer state for the prompt alone; every text is longer by it.",
    paper: "Lester et al., The Power of Scale for Parameter-Efficient Prompt Tuning, 2021"
  ) { PromptTuning($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// P
    public var length = 20
    /// What the embeddings are at first.
    public var start = SoftPrompt.Start.vocabulary

    public init() {}

    public func validate(at node: ConfigurationNode) throws { try node.require("length", length, atLeast: 1) }
  }

  public let name = "prompt-tuning"
  public var seesBatch: Bool { false }
  public let options: Options

  public init(_ options: Options = Options()) { self.options = options }

  public func extend(_ network: Network, _ random: RandomStreams) throws {
    try network.learnPrompt(name) {
      try SoftPrompt(options.length, for: $0, start: options.start, random.stream("adapters"))
    }
  }
}
