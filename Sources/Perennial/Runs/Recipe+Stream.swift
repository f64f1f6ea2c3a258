extension Recipe {
  /// What is learned, and in which order.
  public struct Stream: Sendable {
    /// The data set, perhaps with options.
    public let data: Selection
    /// What changes from one experience to the next: `class`, `task`, `domain` …
    public let scenario: Selection
    /// The number of experiences, at least 1.
    public let experiences: Int
    /// The order in which classes come.
    public let classOrder: ClassOrder
    /// The training examples that an experience has at most, chosen at random; `nil` takes all.
    public let limit: Int?
    /// The fraction of the training examples held out to choose hyper-parameters on, in [0, 1).
    public let validation: Double
    /// The size of the mini-batches in which an online stream arrives, each seen once; `nil` when the learner
    /// may go through an experience as often as it likes.
    public let online: Int?
    /// How an online stream is judged while it is learned, each batch before it is; `nil` leaves that out.
    public let prequential: PrequentialOptions?
    /// The fraction of examples that change places with those of neighbouring experiences, in [0, 1):
    /// boundaries are sharp at 0.
    public let blur: Double
    /// Random changes of the training images, in the order in which they are applied.
    public let augment: [Selection]
  }

  /// The order in which the classes of a data set come.
  public enum ClassOrder: Sendable, Equatable {
    /// Ascending labels.
    case natural
    /// Shuffled by each run's seed.
    case seeded
    /// As listed.
    case given([Int])
  }
}

extension Recipe.Stream: Decodable, Validated {
  private enum CodingKeys: String, CodingKey {
    case data, scenario, experiences, classOrder, limit, validation, online, prequential, blur, augment
  }

  /// Reads the `stream` of a recipe.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    data = try container.decode(Selection.self, forKey: .data)
    scenario = try container.value(.scenario, default: Selection("class"))
    experiences = try container.decode(Int.self, forKey: .experiences)
    classOrder = try container.value(.classOrder, default: .natural)
    limit = try container.decodeIfPresent(Int.self, forKey: .limit)
    validation = try container.value(.validation, default: 0)
    online = try container.decodeIfPresent(Int.self, forKey: .online)
    prequential = try container.decodeIfPresent(PrequentialOptions.self, forKey: .prequential)
    blur = try container.value(.blur, default: 0)
    augment = try container.value(.augment, default: [])
  }

  /// Rejects counts below 1 and fractions outside [0, 1).
  public func validate(at node: ConfigurationNode) throws {
    try node.require("experiences", experiences, atLeast: 1)
    try node.require("limit", limit, atLeast: 1)
    try node.require("validation", validation, in: 0..<1)
    try node.require("online", online, atLeast: 1)
    try node.require("blur", blur, in: 0..<1)
    if prequential != nil, online == nil {
      throw node.error(
        at: "prequential", "is for streams whose batches are seen once: say how large they are, `online: 10`")
    }
  }
}

extension Recipe.ClassOrder: Decodable {
  private enum Rule: String, CaseIterable, Decodable {
    case natural, seeded
  }

  /// Reads `natural`, `seeded` or a list of labels.
  public init(from decoder: any Decoder) throws {
    let node = try ConfigurationNode(from: decoder)
    guard case .list = node.content else {
      switch try? node.decode(Rule.self) {
      case .natural: self = .natural
      case .seeded: self = .seeded
      case nil: throw node.error("must be `natural`, `seeded` or a list of labels, found \(node.found)")
      }
      return
    }
    let labels = try node.decode([Int].self)
    guard !labels.isEmpty else { throw node.error("must list at least one label") }
    if let label = labels.first(where: { $0 < 0 }) {
      throw node.error("a label must be at least 0, found `\(label)`")
    }
    if let label = labels.enumerated().first(where: { labels[..<$0].contains($1) })?.element {
      throw node.error("the label `\(label)` is listed twice")
    }
    self = .given(labels)
  }
}
