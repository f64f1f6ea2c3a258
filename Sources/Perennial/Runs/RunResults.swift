import Foundation

/// Everything measured when a recipe ran, as kept in `results.json`.
///
/// One entry of `runs` for each strategy and seed; the rest is what was run, where, and what it adds up to.
public struct RunResults: Codable, Equatable, Sendable {
  /// The version of the file format, raised when a change would mislead an older reader.
  public static let schema = 1

  /// The recipe's name, such as "split-mnist/class".
  public var recipe: String
  /// SHA-256 of the resolved recipe, in hexadecimal.
  public var recipeSHA256: String
  /// The version of Perennial.
  public var version: String
  public var environment: Environment
  public var stream: Stream
  /// One for each strategy and seed, strategies in the recipe's order.
  public var runs: [Run]
  public var expectations: [Expectation]

  public init(
    recipe: String, recipeSHA256: String, version: String, environment: Environment, stream: Stream,
    runs: [Run] = [], expectations: [Expectation] = []
  ) {
    self.recipe = recipe
    self.recipeSHA256 = recipeSHA256
    self.version = version
    self.environment = environment
    self.stream = stream
    self.runs = runs
    self.expectations = expectations
  }

  /// The machine and what ran on it.
  public struct Environment: Codable, Equatable, Sendable {
    /// The version of libtorch.
    public var torch: String
    /// The device that trained, such as "cpu" or "cuda:0".
    public var device: String
    public var threads: Int
    /// The processor's name.
    public var cpu: String

    public init(torch: String, device: String, threads: Int, cpu: String) {
      self.torch = torch
      self.device = device
      self.threads = threads
      self.cpu = cpu
    }
  }

  /// What was learned, in order.
  public struct Stream: Codable, Equatable, Sendable {
    public var data: String
    /// What changes between experiences, such as "class", "task" or "domain".
    public var scenario: String
    /// A name for each experience, such as its classes "0,1".
    public var experiences: [String]
    /// The size of each experience's test set.
    public var testExamples: [Int]

    public init(data: String, scenario: String, experiences: [String], testExamples: [Int]) {
      self.data = data
      self.scenario = scenario
      self.experiences = experiences
      self.testExamples = testExamples
    }

    enum CodingKeys: String, CodingKey {
      case data, scenario, experiences
      case testExamples = "test_examples"
    }
  }

  /// One strategy with one seed.
  public struct Run: Codable, Equatable, Sendable {
    /// The name of the arm in the recipe.
    public var strategy: String
    public var seed: Int
    /// R[i][j]: the score on experience j's test set after learning experience i, as the scenario grants.
    public var matrix: [[Double]]
    /// The same when only the classes of j's own task compete.
    public var taskMaskedMatrix: [[Double]]?
    /// The score on each experience's test set before any learning.
    public var randomInit: [Double]?
    public var metrics: MetricValues
    public var cost: LearningCost
    /// The scores on an online stream while it was learned.
    public var prequential: PrequentialRecord?
    /// The steps after which a boundary was found inside an experience.
    public var boundaries: [Int]?
    /// What was chosen for each experience.
    public var tuning: [ContinualGridSearch.Choice]?
    /// Whether the budget of forgetting was kept, experience by experience.
    public var forgettingBudget: [ForgettingBudget.Outcome]?
    /// What a student took over from its teachers.
    public var transfer: TransferRecord?
    /// What the scores are, where they are no accuracies.
    public var scoreKind: ScoreKind?

    public init(
      strategy: String, seed: Int, matrix: [[Double]], taskMaskedMatrix: [[Double]]? = nil,
      randomInit: [Double]? = nil, metrics: MetricValues, cost: LearningCost
    ) {
      self.strategy = strategy
      self.seed = seed
      self.matrix = matrix
      self.taskMaskedMatrix = taskMaskedMatrix
      self.randomInit = randomInit
      self.metrics = metrics
      self.cost = cost
    }

    /// What a learner's record amounts to.
    /// - Parameter joint: the joint run of the same seed, for intransigence.
    public init(strategy: String, seed: Int, record: AccuracyMatrix, joint: AccuracyMatrix? = nil) {
      self.init(
        strategy: strategy, seed: seed, matrix: record.scores, taskMaskedMatrix: record.taskMaskedScores,
        randomInit: record.randomInit, metrics: MetricValues(record, joint: joint), cost: record.cost)
      prequential = record.prequential
      boundaries = record.boundaries
      tuning = record.tuning
      forgettingBudget = record.forgettingBudget
      transfer = record.transfer
      scoreKind = record.scoreKind
    }

    enum CodingKeys: String, CodingKey {
      case strategy, seed, matrix
      case taskMaskedMatrix = "task_masked_matrix"
      case randomInit = "random_init"
      case metrics, cost, prequential, boundaries, tuning
      case forgettingBudget = "forgetting_budget"
      case transfer
      case scoreKind = "score_kind"
    }

    public func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(strategy, forKey: .strategy)
      try container.encode(seed, forKey: .seed)
      try container.encode(matrix, forKey: .matrix)
      try container.encode(taskMaskedMatrix, forKey: .taskMaskedMatrix)
      try container.encode(randomInit, forKey: .randomInit)
      try container.encode(metrics, forKey: .metrics)
      try container.encode(cost, forKey: .cost)
      try container.encodeIfPresent(prequential, forKey: .prequential)
      try container.encodeIfPresent(boundaries, forKey: .boundaries)
      try container.encodeIfPresent(tuning, forKey: .tuning)
      try container.encodeIfPresent(forgettingBudget, forKey: .forgettingBudget)
      try container.encodeIfPresent(transfer, forKey: .transfer)
      try container.encodeIfPresent(scoreKind, forKey: .scoreKind)
    }
  }

  enum CodingKeys: String, CodingKey {
    case schema, recipe
    case recipeSHA256 = "recipe_sha256"
    case version, environment, stream, runs, summary, expectations
  }

  /// Reads everything but `summary`, which is always computed from the runs.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let schema = try container.decode(Int.self, forKey: .schema)
    guard schema == Self.schema else { throw UnsupportedSchema(found: schema) }
    self.init(
      recipe: try container.decode(String.self, forKey: .recipe),
      recipeSHA256: try container.decode(String.self, forKey: .recipeSHA256),
      version: try container.decode(String.self, forKey: .version),
      environment: try container.decode(Environment.self, forKey: .environment),
      stream: try container.decode(Stream.self, forKey: .stream),
      runs: try container.decode([Run].self, forKey: .runs),
      expectations: try container.decode([Expectation].self, forKey: .expectations))
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(Self.schema, forKey: .schema)
    try container.encode(recipe, forKey: .recipe)
    try container.encode(recipeSHA256, forKey: .recipeSHA256)
    try container.encode(version, forKey: .version)
    try container.encode(environment, forKey: .environment)
    try container.encode(stream, forKey: .stream)
    try container.encode(runs, forKey: .runs)
    try container.encode(Summary(of: self), forKey: .summary)
    try container.encode(expectations, forKey: .expectations)
  }
}

/// Thrown while decoding a file of another format version.
struct UnsupportedSchema: Error {
  let found: Int
}
