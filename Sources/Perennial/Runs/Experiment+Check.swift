import Torch

extension Experiment {
  /// Finds out what no run of a recipe can do: before anything is learned, and before there is a folder for it.
  ///
  /// - Throws: `ConfigurationError` naming the line of an arm whose strategies cannot serve the stream, or of a head
  ///   without room; what the modality throws for a stream or a model.
  public static func check(_ recipe: Recipe, modality: any Modality) throws {
    let seed = UInt64(recipe.seeds[0])
    let stream = try modality.stream(recipe, seed: seed)
    let objective = try modality.objective(recipe)
    if recipe.training.buckets != nil, stream.pipeline.lengths == nil, let node = recipe.node["training"] {
      throw node.error(at: "buckets", "rows of these data do not differ in length: leave `buckets` out")
    }
    let random = RandomStreams(seed: seed)
    let network = try modality.trainedBlueprint(recipe, for: stream).make(random)
    let classes = try StreamFacts(stream, objective: objective, recipe, strategies: [], teachers: []).classes
    try blaming(recipe.head.node) { try network.head.grow(to: classes ?? 0, random.stream("head")) }
    for arm in recipe.arms {
      let strategies = try arm.strategies.map { try StrategyRegistry.make($0) }
      try blaming(arm.node) {
        let facts = try StreamFacts(
          stream, objective: objective, recipe, strategies: strategies.map(\.name),
          teachers: TeacherRoom.names(in: recipe, for: arm))
        try Learner.check(
          strategies, objective, accumulate: recipe.resolved(for: arm).training.accumulate)
        for strategy in strategies {
          try strategy.check(facts)
          for model in strategy.models {
            _ = try modality.blueprint(recipe.with(model: model), for: stream).make(random)
          }
        }
        _ = try DistillationTrial(recipe, arm, modality).lines()
        try checkWarmUp(
          recipe.resolved(for: arm).training, stream, at: arm.node["training"] ?? recipe.node["training"])
        let blueprint = try modality.trainedBlueprint(recipe.resolved(for: arm), for: stream)
        let network = try blueprint.extended(by: strategies).make(random)
        try network.head.grow(to: classes ?? 0, random.stream("head"))
        if recipe.training.tune != nil { try refuseRebuilding(strategies, blueprint, random, recipe) }
      }
    }
  }

  private static func checkWarmUp(_ training: Recipe.Training, _ stream: Stream, at node: ConfigurationNode?)
    throws
  {
    guard training.warmUp != nil, let node else { return }
    let largest = try (0..<stream.count).map { try stream.experience($0).examples.count }.max() ?? 0
    try training.checkWarmUp(examples: largest, at: node)
  }

  /// Refuses to tune what cannot be compared with plain fine-tuning of the same weights.
  private static func refuseRebuilding(
    _ strategies: [any Strategy], _ blueprint: Blueprint, _ random: RandomStreams, _ recipe: Recipe
  ) throws {
    for strategy in strategies {
      let network = try blueprint.make(random)
      guard try strategy.rebuild(network, random, fresh: blueprint.make) !== network,
        let node = recipe.node["training"]
      else { continue }
      throw node.error(
        at: "tune",
        "compares with plain fine-tuning of the same weights, and `\(strategy.name)` learns a network of its own: "
          + "give it a recipe without `tune`")
    }
  }

  static func blaming<Result>(_ node: ConfigurationNode, _ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as ConfigurationError {
      throw error
    } catch {
      throw node.error("\(error)")
    }
  }
}

extension StreamFacts {
  init(
    _ stream: Stream, objective: any Objective, _ recipe: Recipe, strategies: [String],
    teachers: [String]
  ) throws {
    var labels: Set<Int> = []
    if objective.isClassification {
      for index in 0..<stream.count { labels.formUnion(try stream.test(index).targets.integers()) }
    }
    self.init(
      classes: objective.isClassification ? labels.count : nil, hasAlternatives: objective.hasAlternatives,
      experiences: stream.count,
      scenario: stream.scenario, isOnline: recipe.stream.online != nil, strategies: strategies,
      teachers: teachers)
  }
}
