import Torch

/// Makes the learner of an arm, as often as it is needed.
struct LearnerMaker {
  let recipe: Recipe
  let arm: Recipe.Arm
  let seed: Int
  let modality: any Modality
  let stream: Stream
  let device: Device
  /// The trained models that strategies may learn from.
  var teachers: [String: any Teacher] = [:]

  /// - Parameters:
  ///   - isPlain: without strategies, but with the modules that they attach to the model, so that both have the same
  ///     weights.
  ///   - isWanted: which of the strategies take part.
  ///   - more: strategies that the recipe does not name.
  func make(
    isPlain: Bool = false, only isWanted: (any Strategy) -> Bool = { _ in true },
    adding more: [any Strategy] = []
  ) throws -> Learner {
    let strategies = try arm.strategies.map { try StrategyRegistry.make($0) }.filter(isWanted) + more
    let blueprint = try modality.trainedBlueprint(recipe, for: stream)
    return try Learner(
      isPlain ? blueprint.extended(by: strategies) : blueprint,
      objective: modality.objective(recipe),
      optimizer: recipe.training.optimizer.make(), strategies: isPlain ? [] : strategies,
      options: recipe.training.options(online: recipe.stream.online, keepsOrder: stream.source.isOrdered),
      pipeline: stream.pipeline, teachers: teachers,
      models: { try modality.blueprint(recipe.with(model: $0), for: stream) }, seed: UInt64(seed + arm.seed),
      device: device)
  }
}
