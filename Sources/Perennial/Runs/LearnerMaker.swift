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
    return try recipe.learner(
      isPlain ? blueprint.extended(by: strategies) : blueprint, objective: modality.objective(recipe),
      strategies: isPlain ? [] : strategies,
      pipeline: stream.pipeline, keepsOrder: stream.source.isOrdered, teachers: teachers,
      models: { try modality.blueprint(recipe.with(model: $0), for: stream) }, seed: UInt64(seed + arm.seed),
      device: device)
  }
}

extension Recipe {
  /// A learner that is trained as the recipe says, of a model that is made already.
  ///
  /// - Parameters:
  ///   - blueprint: the model, with the parts frozen that shall not learn.
  ///   - objective: what the recipe names, as its modality knows it.
  ///   - strategies: those of an arm, or others.
  ///   - keepsOrder: whether an online stream comes as time has ordered it.
  /// - Throws: what making the learner throws.
  public func learner(
    _ blueprint: Blueprint, objective: any Objective, strategies: [any Strategy], pipeline: InputPipeline,
    keepsOrder: Bool = false,
    teachers: [String: any Perennial.Teacher] = [:],
    models: @escaping (Selection) throws -> Blueprint = { throw LearnerError.model($0.name) }, seed: UInt64,
    device: Device
  ) throws -> Learner {
    try Learner(
      blueprint, objective: objective, optimizer: training.optimizer.make(),
      strategies: strategies, options: training.options(online: stream.online, keepsOrder: keepsOrder),
      pipeline: pipeline, teachers: teachers, models: models, seed: seed, device: device)
  }
}
