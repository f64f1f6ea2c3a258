extension Recipe {
  /// How each experience is learned.
  public struct Training: Sendable {
    /// The optimizer with its learning rate.
    public let optimizer: Optimizer
    /// How the learning rate changes within an experience.
    public let schedule: Schedule
    /// A slow start before the schedule; `nil` starts with the full learning rate.
    public let warmUp: WarmUp?
    /// The learning rate of experiences after the first, as a share of the first one's.
    public let rewarm: Double
    /// The number of examples in a batch, at least 1.
    public internal(set) var batch: Int
    /// How long an experience is learned.
    public internal(set) var length: Length
    /// In how many ways each example is augmented; `nil` draws anew each time.
    public let views: Int?
    /// So many batches are sorted by length together; `nil` shuffles all alike.
    public let buckets: Int?
    /// In how many parts, one after the other, a batch is learned; 1 learns it whole.
    public let accumulate: Int
    /// Whether the blocks of a model are run again in the backward pass rather than remembered.
    public let recompute: Bool
    /// The type in which linear layers of the backbone compute in training and in use; weights stay float32.
    public let precision: Teacher.Precision
    /// The largest Euclidean norm of the gradient; `nil` leaves gradients as they are.
    public let clip: Double?
    /// Whether each experience starts with a fresh optimizer.
    public let resetOptimizer: Bool
    /// What of the model does not learn.
    public let freeze: Freeze
    /// The number of steps between evaluations within an experience; `nil` evaluates after it.
    public let evaluateEvery: Int?
    /// How the learning rate and strengths are chosen for each experience; `nil` takes the recipe's.
    public let tune: ContinualGridSearch.Options?
    /// How much may be forgotten of earlier experiences before one is learned again; `nil` asks nothing.
    public let maxForgetting: Double?
    /// The number of steps between checkpoints within an experience; `nil` leaves it to the program.
    public let checkpointEvery: Int?
  }

  /// What of a model does not learn.
  public enum Freeze: String, Codable, CaseIterable, Sendable {
    case nothing
    /// All but the head; dropout and batch statistics rest too.
    case backbone
  }

  /// How long an experience is learned.
  public enum Length: Sendable, Equatable {
    /// A number of optimizer steps.
    case steps(Int)
    /// A number of passes over the examples of the experience.
    case epochs(Int)
  }
}

extension Recipe.Training: Decodable, Validated {
  private enum CodingKeys: String, CodingKey {
    case optimizer, schedule, warmUp, rewarm, batch, steps, epochs, clip, resetOptimizer, freeze,
      evaluateEvery,
      views, buckets, accumulate, recompute, precision,
      checkpointEvery, tune, maxForgetting
  }

  /// Reads the `training` of a recipe: exactly one of `steps` and `epochs`.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    optimizer = try container.decode(Recipe.Optimizer.self, forKey: .optimizer)
    schedule = try container.value(.schedule, default: .constant)
    warmUp = try container.decodeIfPresent(Recipe.WarmUp.self, forKey: .warmUp)
    rewarm = try container.value(.rewarm, default: 1)
    views = try container.decodeIfPresent(Int.self, forKey: .views)
    buckets = try container.decodeIfPresent(Int.self, forKey: .buckets)
    accumulate = try container.value(.accumulate, default: 1)
    recompute = try container.value(.recompute, default: false)
    precision = try container.value(.precision, default: .float32)
    clip = try container.decodeIfPresent(Double.self, forKey: .clip)
    resetOptimizer = try container.value(.resetOptimizer, default: false)
    freeze = try container.value(.freeze, default: .nothing)
    evaluateEvery = try container.decodeIfPresent(Int.self, forKey: .evaluateEvery)
    checkpointEvery = try container.decodeIfPresent(Int.self, forKey: .checkpointEvery)
    tune = try container.decodeIfPresent(ContinualGridSearch.Options.self, forKey: .tune)
    maxForgetting = try container.decodeIfPresent(Double.self, forKey: .maxForgetting)
    let steps = try container.decodeIfPresent(Int.self, forKey: .steps)
    let epochs = try container.decodeIfPresent(Int.self, forKey: .epochs)
    batch = try container.decode(Int.self, forKey: .batch)
    let node = try ConfigurationNode(from: decoder)
    switch (steps, epochs) {
    case (let steps?, nil): length = .steps(steps)
    case (nil, let epochs?): length = .epochs(epochs)
    case (.some, .some): throw node.error(at: "epochs", "give either `steps` or `epochs`, not both")
    case (nil, nil): throw node.error("missing key `steps` or `epochs`: how long is an experience learned?")
    }
    try node.require("steps", steps, atLeast: 1)
    try node.require("epochs", epochs, atLeast: 1)
    try node.require("buckets", buckets, atLeast: 2)
  }

  /// Rejects counts below 1 and a gradient norm or learning rate that lets nothing through.
  public func validate(at node: ConfigurationNode) throws {
    try node.require("batch", batch, atLeast: 1)
    try node.require("views", views, atLeast: 1)
    try node.require("accumulate", accumulate, atLeast: 1)
    try node.require("clip", clip, above: 0)
    try node.require("rewarm", rewarm, above: 0)
    try node.require("evaluate_every", evaluateEvery, atLeast: 1)
    try node.require("checkpoint_every", checkpointEvery, atLeast: 1)
    try node.require("max_forgetting", maxForgetting, in: 0..<1)
  }
}
