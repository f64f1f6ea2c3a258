import Torch

/// Learning to prompt, L2P (Wang et al. 2022): a pool of prompts with keys; every text takes the prompts whose keys are
/// nearest to what the resting model makes of it, so that nobody has to tell the task.
///
///     q = f(x);   K_x = the N keys of the pool with the largest cos(q, k)
///     L = CE(g(mean over prompt places of f([P_{K_x}; x])), y) − λ Σ_{k in K_x} cos(q, k)
///
/// The authors write the last part as a sum of cosine distances, which differs by a constant. Prompts and keys are those
/// of all experiences. No boundaries are needed.
public final class LearningToPrompt: Strategy {
  public static let card = StrategyCard(
    "l2p", .adapters, summary: "A pool of prompts; every text takes those whose keys are nearest to it.",
    formula: "CE(g(mean f([P_{K_x}; x]))) − λ Σ_{k in K_x} cos(f(x), k), K_x the N nearest keys",
    use: "A strong pretrained encoder, no task told, no data kept.",
    avoid: "The encoder tells nothing of what differs between experiences.",
    cost: "Two forward passes; texts longer by the prompts that they take.",
    paper: "Wang et al., Learning to Prompt for Continual Learning, 2022"
  ) { LearningToPrompt($0) }

  /// What a text's vector is made of.
  public enum Readout: String, Codable, CaseIterable, Sendable {
    /// The mean over the prompts' places, as published.
    case prompts
    /// Its tokens, as without prompts.
    case tokens
  }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// M: prompts in the pool.
    public var pool = 10
    /// Embeddings of each.
    public var length = 5
    /// N: prompts that a text takes.
    public var selected = 5
    /// λ
    public var pull = 0.5
    public var readout = Readout.prompts

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      for (key, value) in [("pool", pool), ("length", length), ("selected", selected)] {
        try node.require(key, value, atLeast: 1)
      }
      guard selected <= pool else {
        throw node.error(at: "selected", "must be at most `pool`, \(pool), found \(selected)")
      }
      try node.require("pull", pull, atLeast: 0)
    }
  }

  public let name = "l2p"
  public var seesBatch: Bool { false }
  public let options: Options

  public init(_ options: Options = Options()) { self.options = options }

  public func check(_ facts: StreamFacts) throws {
    guard facts.classes != nil else { throw StrategyError.needsClasses(name) }
  }

  public func extend(_ network: Network, _ random: RandomStreams) throws {
    try network.learnPrompt(name) {
      try PromptPool(
        size: options.pool, length: options.length, selected: options.selected,
        isReadOut: options.readout == .prompts, backbone: network.backbone, model: $0,
        random.stream("adapters"))
    }
  }

  public func terms(_ step: Step) throws -> [LossTerm] {
    let pool: PromptPool = try step.model.attached(name)
    guard options.pull > 0, let match = pool.match else { return [] }
    return [LossTerm("\(name)/pull", try match * -options.pull)]
  }
}
