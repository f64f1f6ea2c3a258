import Foundation
import Perennial

/// `life.yaml` of a model directory: what arrives, the model, how it learns, and what an update must keep to.
///
/// It says the same as a recipe, with the inputs in place of a stream and one list of strategies in place of arms.
public struct LifeConfiguration: Sendable {
  /// The model and its training, as a recipe with one arm.
  public let recipe: Recipe
  /// The kind of input: `{text: {length: 64}}`.
  public let inputs: Selection
  /// What follows from the file for everything else.
  public let options: LifeOptions
  /// What an update must keep to.
  public let gate: GateOptions
  /// The file, as one that says the same in the same way.
  public let yaml: String

  static let fileName = "life.yaml"

  /// Reads a configuration.
  ///
  /// - Parameters:
  ///   - source: The name that errors give the text.
  ///   - changes: What the command line changes, in order.
  /// - Throws: `ConfigurationError` for the first mistake.
  public init(yaml text: String, source: String, changes: [RecipeChange] = []) throws {
    var node = try ConfigurationNode(yaml: text, source: source)
    guard node.entries != nil else { throw node.error("a configuration is a map of keys") }
    for change in changes { try change.apply(to: &node) }
    let parts = try node.decode(Parts.self)
    inputs = parts.inputs
    options = try LifeOptions(parts, at: node)
    gate = parts.gate ?? GateOptions()
    yaml = try node.yaml()
    recipe = try Recipe(Self.recipe(node, parts))
    guard recipe.objective.isNamed("classification") else { throw LifeError.needsClasses }
    guard recipe.teachers.isEmpty else { throw node.error("no teachers are known here") }
  }

  /// The only arm of the recipe.
  var arm: Recipe.Arm { recipe.arms[0] }

  struct Parts: Decodable {
    let inputs: Selection
    let model: Selection
    let head: Selection?
    let objective: Selection?
    let weights: String?
    let augment: ConfigurationNode?
    let training: ConfigurationNode
    let strategies: ConfigurationNode?
    let seed: Int?
    let holdout: Double?
    let suite: Int?
    let keep: Int?
    let budget: LifeOptions.Budget?
    let gate: GateOptions?
  }

  /// The recipe that the file stands for; every value keeps the line where it was written.
  private static func recipe(_ node: ConfigurationNode, _ parts: Parts) -> ConfigurationNode {
    func scalar(_ text: String) -> ConfigurationNode {
      ConfigurationNode(.scalar(text, isQuoted: false), origin: node.origin)
    }
    func entry(_ key: String, _ value: ConfigurationNode) -> ConfigurationNode.Entry {
      ConfigurationNode.Entry(key: key, origin: value.origin, value: value)
    }
    func map(_ entries: [ConfigurationNode.Entry]) -> ConfigurationNode {
      ConfigurationNode(.map(entries), origin: node.origin)
    }
    var stream = [
      entry("data", parts.inputs.node), entry("scenario", scalar("instance")),
      entry("experiences", scalar("1")),
    ]
    if let augment = parts.augment { stream.append(entry("augment", augment)) }
    var entries = [entry("name", scalar("life")), entry("stream", map(stream))]
    for key in ["model", "head", "objective", "weights", "training"] {
      if let value = node[key] { entries.append(entry(key, value)) }
    }
    let none = ConfigurationNode(.list([]), origin: node.origin)
    entries.append(entry("strategies", map([entry("update", parts.strategies ?? none)])))
    entries.append(
      entry("seeds", ConfigurationNode(.list([scalar("\(parts.seed ?? 0)")]), origin: node.origin)))
    return map(entries)
  }
}

/// What a configuration says beside the model, its training and the gate.
public struct LifeOptions: Sendable, Equatable {
  /// What an update may take; what is nil is not limited.
  public struct Budget: Configurable, Equatable {
    /// Of training; the update is gated with what it has learned by then.
    public var seconds: Double?
    public var steps: Int?
    /// Of the process; beyond it the update is given up.
    public var memory: ByteCount?

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("seconds", seconds, above: 0)
      try node.require("steps", steps, atLeast: 1)
    }
  }

  /// The share of the inputs of each label that is never learned, but judged by.
  public let holdout: Double
  /// The most examples of a suite that candidates are judged by.
  public let suite: Int
  /// How many versions stay, the one that serves included.
  public let keep: Int
  public let budget: Budget

  init(_ parts: LifeConfiguration.Parts, at node: ConfigurationNode) throws {
    holdout = parts.holdout ?? 0.1
    suite = parts.suite ?? 2000
    keep = parts.keep ?? 5
    budget = parts.budget ?? Budget()
    try node.require("seed", parts.seed, atLeast: 0)
    try node.require("holdout", holdout, in: 0..<1)
    try node.require("suite", suite, atLeast: 1)
    try node.require("keep", keep, atLeast: 3)
  }
}
