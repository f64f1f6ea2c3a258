extension Recipe {
  /// Reads a recipe that is part of another file, or was put together.
  ///
  /// - Throws: ``ConfigurationError`` for the first mistake.
  public init(_ node: ConfigurationNode) throws {
    let document = try node.decode(Document.self)
    name = document.name
    description = document.description
    stream = document.stream
    model = document.model
    weights = document.weights
    head = document.head ?? Selection("linear")
    objective = document.objective ?? Selection("classification")
    training = document.training
    seeds = document.seeds
    collaboration = document.collaboration
    arms = try Arm.arms(document.strategies, training: node["training"])
    teachers = try Teacher.teachers(document.teachers, training: node["training"])
    try Teacher.check(arms, teachers)
    targets = try Target.targets(document.expect, of: arms.map(\.name))
    self.node = node
    yaml = try node.yaml()
  }
}

/// The top level of the file.
private struct Document: Decodable, Validated {
  let name: String
  let description: String?
  let stream: Recipe.Stream
  let model: Selection
  let weights: String?
  let head: Selection?
  let objective: Selection?
  let training: Recipe.Training
  let teachers: ConfigurationNode?
  let strategies: ConfigurationNode
  let seeds: [Int]
  let collaboration: Collaboration?
  let expect: ConfigurationNode?

  func validate(at node: ConfigurationNode) throws {
    let isFolderName = name.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { part in
      part.first.map { $0.isASCIILetterOrDigit } == true
        && part.allSatisfy { $0.isASCIILetterOrDigit || "._+-".contains($0) }
    }
    guard isFolderName else {
      throw node.error(
        at: "name",
        "must be words of letters, digits, `.`, `_`, `+` and `-`, separated by `/`, found `\(name)`")
    }
    guard !seeds.isEmpty else { throw node.error(at: "seeds", "must list at least one seed") }
    if let seed = seeds.first(where: { $0 < 0 }) {
      throw node.error(at: "seeds", "a seed must be at least 0, found `\(seed)`")
    }
    if let seed = seeds.enumerated().first(where: { seeds[..<$0].contains($1) })?.element {
      throw node.error(at: "seeds", "the seed `\(seed)` is listed twice")
    }
    if stream.online != nil, case .epochs(let epochs) = training.length, epochs > 1 {
      throw node.error(at: "training", "an online stream is seen once: `epochs` must be 1, found `\(epochs)`")
    }
    for (key, isAsked) in [("tune", training.tune != nil), ("max_forgetting", training.maxForgetting != nil)]
    where isAsked {
      guard let part = node["training"] else { continue }
      guard stream.validation > 0 else {
        throw part.error(
          at: key, "is judged on examples held out of training: set `stream.validation`, such as 0.1")
      }
      guard stream.online == nil else {
        throw part.error(at: key, "learns an experience more than once, and an online stream is seen once")
      }
    }
  }
}

extension Character {
  var isASCIILetterOrDigit: Bool { isASCII && (isLetter || isNumber) }
}
