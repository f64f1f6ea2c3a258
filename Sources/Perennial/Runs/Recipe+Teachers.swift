extension Recipe {
  /// A trained model that strategies may learn from, as a recipe names it:
  /// `big: {model: {cifar-resnet: {depth: 56}}, weights: resnet56.safetensors}`.
  ///
  /// An arm of the recipe is a teacher too, for the arms after it and under its own name.
  public struct Teacher: Sendable {
    public let name: String
    public let model: Selection
    /// A safetensors file with all weights, the classifier's included, below the data folder unless absolute.
    public let weights: String
    /// The class labels of its outputs in order; 0, 1, 2 … where nothing is said and the file does not tell.
    public let labels: [Int]?
    /// Where it is written.
    public let node: ConfigurationNode
  }
}

extension Recipe.Teacher {
  private struct Document: Decodable {
    let model: Selection
    let weights: String
    let labels: [Int]?
  }

  static func teachers(_ node: ConfigurationNode?) throws -> [Recipe.Teacher] {
    guard let node else { return [] }
    guard let entries = node.entries, !entries.isEmpty else {
      throw node.error("must be a map of trained models by name, found \(node.found)")
    }
    return try entries.map { entry in
      let document = try entry.value.decode(Document.self)
      return Recipe.Teacher(
        name: entry.key, model: document.model, weights: document.weights, labels: document.labels,
        node: entry.value)
    }
  }

  /// Refuses a teacher and an arm of one name, and an arm that starts from none before it.
  static func check(_ arms: [Recipe.Arm], _ teachers: [Recipe.Teacher]) throws {
    for teacher in teachers where arms.contains(where: { $0.name == teacher.name }) {
      throw teacher.node.error(
        "an arm has the name `\(teacher.name)` too, and every arm is a teacher under its own")
    }
    for (index, arm) in arms.enumerated() {
      guard let start = arm.start else { continue }
      guard arms[..<index].contains(where: { $0.name == start }) else {
        throw arm.node.error(at: "start", "must be an arm that comes before `\(arm.name)`, found `\(start)`")
      }
    }
  }
}
