import Foundation
import Perennial
import Torch

/// A comparison of meta-learners on few-shot tasks as a file: `perennial few-shot RECIPE`.
///
/// It is no stream: classes are split once into those to meta-learn on and those to be judged on, every fifth of the
/// sorted names, and episodes are drawn from each.
public struct FewShotRecipe: Decodable, Validated {
  /// A meta-learner with its optimizer, under a name.
  public struct Learner: Configurable {
    public var algorithm = MetaLearner.Algorithm.maml
    /// Inner steps in training and in use.
    public var steps = 1
    public var testSteps = 3
    public var innerRate = 0.4
    /// What moves the weights between episodes.
    public var optimizer = Selection("adam")
    /// What the literature or an independent implementation says, and how far off is still right.
    public var expect: Double?
    public var tolerance = 0.01
    public var source: String?

    public init() {}
  }

  public let name: String
  public let description: String?
  public let data: Selection
  public let model: Selection
  public let ways: Int
  public let shots: Int
  public let queries: Int
  /// Episodes of a meta-step, meta-steps, and episodes of the test.
  public let episodes: Int
  public let iterations: Int
  public let testEpisodes: Int
  public let learners: ConfigurationNode
  public let seeds: [Int]

  /// Reads a recipe from a file.
  ///
  /// - Throws: `ConfigurationError` for the first mistake.
  public static func read(_ url: URL) throws -> FewShotRecipe {
    let text = try String(contentsOf: url, encoding: .utf8)
    return try ConfigurationNode(yaml: text, source: url.relativePath).decode(FewShotRecipe.self)
  }

  public func validate(at node: ConfigurationNode) throws {
    for (key, value) in [
      ("ways", ways), ("shots", shots), ("queries", queries), ("episodes", episodes),
      ("iterations", iterations), ("test_episodes", testEpisodes),
    ] {
      try node.require(key, value, atLeast: 1)
    }
    guard !seeds.isEmpty else { throw node.error(at: "seeds", "must list at least one seed") }
  }

  /// The learners by name, in the order of the file.
  public func arms() throws -> [(name: String, learner: Learner)] {
    guard let entries = learners.entries, !entries.isEmpty else {
      throw learners.error("must be a map with at least one learner, such as `{maml: {}}`")
    }
    return try entries.map { ($0.key, try $0.value.decode(Learner.self)) }
  }
}

/// Meta-learns on some classes and is judged on others.
public struct FewShotExperiment {
  private let recipe: FewShotRecipe
  private let training: EpisodeSampler
  private let testing: EpisodeSampler
  private let image: [Int]

  /// Every so many classes one is for testing.
  static let testEvery = 5

  /// - Throws: `ConfigurationError` for a wrong choice, what reading the data throws, or `EpisodeError`.
  public init(_ recipe: FewShotRecipe, root: DataRoot) throws {
    self.recipe = recipe
    let source = try DataSources(root: root).source(recipe.data)
    // Who drew what does not matter here: classes are split instead.
    let all = try Examples.concatenate([source.train, source.test])
    let labels = Set(try all.targets.integers()).sorted()
    func sampler(_ isIncluded: (Int) -> Bool) throws -> EpisodeSampler {
      let classes = Set(labels.indices.filter { isIncluded($0 % Self.testEvery) }.map { labels[$0] })
      return try EpisodeSampler(
        all, pipeline: source.pipeline, classes: classes, ways: recipe.ways, shots: recipe.shots,
        queries: recipe.queries)
    }
    training = try sampler { $0 != Self.testEvery - 1 }
    testing = try sampler { $0 == Self.testEvery - 1 }
    image = Array(all.inputs.shape.dropFirst())
  }

  /// The mean score on test episodes after meta-learning with one seed.
  ///
  /// - Parameter progress: is told the iteration and its loss.
  public func run(
    _ learner: FewShotRecipe.Learner, seed: Int, progress: (Int, Double) throws -> Void = { _, _ in }
  ) throws -> Double {
    let random = RandomStreams(seed: UInt64(seed))
    let backbone = try VisionModels.backbone(
      recipe.model, input: image, weights: random.stream("initialization"), dropout: random.stream("dropout"))
    let head = try LinearHead(
      features: backbone.featureCount, outputs: recipe.ways, random.stream("head"))
    var options = MetaLearner.Options()
    (options.algorithm, options.innerRate) = (learner.algorithm, learner.innerRate)
    (options.steps, options.testSteps) = (learner.steps, learner.testSteps)
    let meta = try MetaLearner(
      Network(backbone, head: head, headName: backbone.headName),
      optimizer: learner.optimizer.node.decode(Recipe.Optimizer.self).make(), options: options)
    let episodes = random.numbers("episodes")
    for iteration in 0..<recipe.iterations {
      let loss = try meta.step((0..<recipe.episodes).map { _ in try training.draw(episodes) })
      try progress(iteration, loss)
    }
    let tests = random.numbers("test-episodes")
    return try (0..<recipe.testEpisodes).reduce(0.0) { sum, _ in
      try sum + meta.score(testing.draw(tests)) / Double(recipe.testEpisodes)
    }
  }
}
