/// What there is to know of a strategy before one chooses it, and how a recipe makes it.
///
/// Every strategy's file has one, `static let card`; `perennial strategies` prints them.
public struct StrategyCard: Sendable {
  /// The families of the field.
  public enum Family: String, CaseIterable, Sendable {
    case baseline = "Baselines"
    case regularization = "Regularisation"
    case replay = "Replay"
    case generativeReplay = "Generative replay"
    case distillation = "Distillation"
    case architecture = "Dynamic architecture"
    case isolation = "Parameter isolation"
    case adapters = "Adapters"
    case frozenFeatures = "Frozen features"
    case memory = "External memory"
    case compression = "Compression"
    case transfer = "Transfer and multi-task"
    case metaLearning = "Meta-learning"
    case taskFree = "Without task boundaries"
  }

  /// The name in recipes.
  public let name: String
  public let family: Family
  /// One line.
  public let summary: String
  /// What is computed, as the paper writes it, in plain text.
  public let formula: String
  /// When to use it, and when not.
  public let use: String
  public let avoid: String
  /// Time and memory, over fine-tuning.
  public let cost: String
  /// Authors, title, year.
  public let paper: String
  /// Options and their default values.
  public let defaults: [(key: String, value: String)]
  let make: @Sendable (Selection) throws -> any Strategy

  /// - Parameter make: makes the strategy from decoded options.
  public init<Options: Configurable>(
    _ name: String, _ family: Family, summary: String, formula: String, use: String, avoid: String,
    cost: String, paper: String, make: @escaping @Sendable (Options) throws -> any Strategy
  ) {
    self.name = name
    self.family = family
    self.summary = summary
    self.formula = formula
    self.use = use
    self.avoid = avoid
    self.cost = cost
    self.paper = paper
    defaults = Options().settings
    self.make = { selection in try make(selection.decode(Options.self)) }
  }
}
