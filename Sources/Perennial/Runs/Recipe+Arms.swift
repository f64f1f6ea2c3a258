extension Recipe {
  /// One side of the comparison: a name, and the strategies that work together under it.
  public struct Arm: Sendable {
    /// The name in tables and folders.
    public let name: String
    /// The strategies in the order in which they are asked; none is plain fine-tuning.
    public let strategies: [Selection]
    /// Where the arm is written, for errors about the combination.
    public let node: ConfigurationNode
  }
}

extension Recipe.Arm {
  static func arms(_ node: ConfigurationNode) throws -> [Recipe.Arm] {
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
      return Recipe.Arm(name: entry.key, strategies: try strategies(entry.value), node: entry.value)
    }
  }

  private static func strategies(_ node: ConfigurationNode) throws -> [Selection] {
    guard case .list(let items) = node.content else {
      throw node.error(
        "must be a list of strategies, such as `[]` or `[{replay: {memory: 1000}}]`, found \(node.found)")
    }
    return try items.map { try Selection($0) }
  }
}
