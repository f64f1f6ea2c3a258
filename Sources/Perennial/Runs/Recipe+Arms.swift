extension Recipe {
  /// One side of the comparison: a name, and the strategies that work together under it.
  public struct Arm: Sendable {
    /// The name in tables and folders.
    public let name: String
    /// The strategies in the order in which they are asked; none is plain fine-tuning.
    public let strategies: [Selection]
    /// Another model and head than the recipe's, and other training, whatever it does not mention as the recipe has it.
    public let model: Selection?
    public let head: Selection?
    public let training: Recipe.Training?
    /// The earlier arm whose trained model, of the same seed, this one starts from.
    public let start: String?
    /// Added to every seed for what the arm draws itself, such as its first weights; the stream stays as it is.
    public let seed: Int
    /// The class labels that the arm learns; all when nil. It is scored on all of them.
    public let classes: [Int]?
    /// Where the arm is written, for errors about the combination.
    public let node: ConfigurationNode
  }
}

extension Recipe.Arm {
  /// Whether one of its strategies learns from a teacher.
  public var teaches: Bool {
    strategies.contains { StrategyRegistry.card(named: $0.name)?.family == .distillation }
  }

  static func arms(_ node: ConfigurationNode, training: ConfigurationNode?) throws -> [Recipe.Arm] {
    guard let entries = node.entries, !entries.isEmpty else {
      throw node.error("must be a map with at least one arm, such as `{finetune: []}`, found \(node.found)")
    }
    var seen: Set<String> = []
    return try entries.map { entry in
      guard seen.insert(entry.key.foldedKey).inserted else {
        throw ConfigurationError(
          origin: entry.origin, path: node.path, message: "duplicate arm `\(entry.key)` in another spelling")
      }
      guard entry.key.first?.isASCIILetterOrDigit == true,
        entry.key.allSatisfy({ $0.isASCIILetterOrDigit || "_+-".contains($0) })
      else {
        let message = "the name of an arm is made of letters, digits, `_`, `+` and `-`, found `\(entry.key)`"
        throw ConfigurationError(origin: entry.origin, path: node.path, message: message)
      }
      return try arm(entry.key, entry.value, training: training)
    }
  }

  /// A list of strategies, or a map of `strategies` and what the arm has for its own.
  private static func arm(
    _ name: String, _ node: ConfigurationNode, training: ConfigurationNode?
  ) throws -> Recipe.Arm {
    guard node.entries != nil else {
      return Recipe.Arm(
        name: name, strategies: try strategies(node), model: nil, head: nil, training: nil, start: nil,
        seed: 0,
        classes: nil, node: node)
    }
    let own = try node.decode(OwnParts.self)
    try node.require("seed", own.seed, atLeast: 0)
    let merged = try own.training.map { try (training?.overlaid(by: $0) ?? $0).decode(Recipe.Training.self) }
    return Recipe.Arm(
      name: name, strategies: try own.strategies.map(strategies) ?? [], model: own.model, head: own.head,
      training: merged, start: own.start, seed: own.seed ?? 0, classes: own.classes, node: node)
  }

  private struct OwnParts: Decodable {
    let strategies: ConfigurationNode?
    let model: Selection?
    let head: Selection?
    let training: ConfigurationNode?
    let start: String?
    let seed: Int?
    let classes: [Int]?
  }

  private static func strategies(_ node: ConfigurationNode) throws -> [Selection] {
    guard case .list(let items) = node.content else {
      throw node.error(
        "must be a list of strategies, such as `[]` or `[{replay: {memory: 1000}}]`, found \(node.found)")
    }
    return try items.map { try Selection($0) }
  }
}

extension ConfigurationNode {
  /// The map with the entries of another in place of its own; a length of training replaces the other kind of length.
  func overlaid(by other: ConfigurationNode) throws -> ConfigurationNode {
    guard let own = entries, let new = other.entries else {
      throw other.error("must be a map of options, found \(other.found)")
    }
    let lengths = ["steps", "epochs"]
    let replaced = Set(new.map(\.key.foldedKey))
    let setsLength = !replaced.isDisjoint(with: lengths)
    let kept = own.filter {
      !replaced.contains($0.key.foldedKey) && !(setsLength && lengths.contains($0.key.foldedKey))
    }
    return ConfigurationNode(.map(kept + new), origin: other.origin, path: other.path)
  }
}

extension Recipe {
  /// The recipe as one of its arms runs it, with the arm's own model, head and training.
  func resolved(for arm: Arm) -> Recipe {
    var recipe = self
    if let model = arm.model {
      recipe.model = model
      recipe.weights = nil
    }
    if let head = arm.head { recipe.head = head }
    if let training = arm.training { recipe.training = training }
    return recipe
  }

  /// The same recipe for a plain model of another kind.
  func with(model: Selection) -> Recipe {
    var recipe = self
    recipe.model = model
    recipe.weights = nil
    recipe.head = Selection("linear")
    return recipe
  }
}
