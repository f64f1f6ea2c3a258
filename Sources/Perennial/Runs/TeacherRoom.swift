import Foundation
import Torch

/// Finds the teachers of an arm: models that the recipe names, and the arms before it.
struct TeacherRoom {
  let recipe: Recipe
  let modality: any Modality
  let stream: Stream
  let seed: Int
  let device: Device
  /// The weights of a finished arm, or of a teacher trained before, with the same seed; nil while there are none.
  let finished: (_ name: String) -> URL?
  /// Whether untrained models of the same shape stand in for those that have not been trained.
  var isTrial = false
  /// Keeps the weights of a teacher that was trained here, for the other arms.
  var keep: (_ name: String, Data) throws -> Void = { _, _ in }
  /// Called before every step of such a training; what it throws ends it.
  var interrupt: () throws -> Void = {}

  /// The names that an arm may learn from.
  static func names(in recipe: Recipe, for arm: Recipe.Arm) -> [String] {
    recipe.teachers.map(\.name) + recipe.arms.prefix { $0.name != arm.name }.map(\.name)
  }

  /// Those of the arm's teachers that its strategies name.
  func teachers(of strategies: [any Strategy], for arm: Recipe.Arm) throws -> [String: any Teacher] {
    let known = Self.names(in: recipe, for: arm)
    let named = strategies.flatMap(\.teacherNames)
    return try Dictionary(
      uniqueKeysWithValues: Set(named).filter(known.contains).map { ($0, try teacher($0)) })
  }

  private func teacher(_ name: String) throws -> any Teacher {
    if let named = recipe.teachers.first(where: { $0.name == name }) {
      do {
        return try teacher(named)
      } catch let error as RunInterrupted {
        throw error
      } catch let error as ConfigurationError {
        throw error
      } catch {
        throw named.node.error("\(error)")
      }
    }
    guard let arm = recipe.arms.first(where: { $0.name == name }), isTrial || finished(name) != nil else {
      throw DistillationError.teacher(name, "has not been trained: run its arm too, and before this one")
    }
    let strategies = try arm.strategies.map { try StrategyRegistry.make($0) }
    let blueprint = try modality.blueprint(recipe.resolved(for: arm), for: stream).extended(by: strategies)
    guard let url = finished(name) else { return try standIn(blueprint, stream, classes: arm.classes) }
    return try network(blueprint, Safetensors.read(url))
  }

  private func teacher(_ named: Recipe.Teacher) throws -> any Teacher {
    switch named.origin {
    case .weights(let model, let file):
      let own = recipe.taught(model, named.data)
      let stream = named.data == nil ? stream : try modality.stream(own, seed: UInt64(seed))
      return try network(
        modality.blueprint(own, for: stream), Safetensors.read(modality.file(file)), named, stream)
    case .training(let model, let training):
      let own = recipe.taught(model, named.data)
      let stream = try modality.stream(own, seed: UInt64(seed))
      let blueprint = try modality.blueprint(own, for: stream)
      if isTrial { return try standIn(blueprint, stream, named) }
      if let url = finished(named.name) {
        return try network(blueprint, Safetensors.read(url), named, stream)
      }
      let learner = try trained(blueprint, stream, training, named.name)
      try keep(named.name, TrainedWeights.encode(learner))
      let labels = learner.objective.isClassification ? learner.classes.labels : nil
      return try teacher(learner.model, blueprint, labels, named, stream)
    case .script(let file):
      let stream =
        try named.data.map { try modality.stream(recipe.taught(recipe.model, $0), seed: UInt64(seed)) }
        ?? stream
      let example = try stream.pipeline(
        stream.test(0).inputs, Tensor.arange(0, 1), augmentation: nil, device: device)
      return try ScriptedTeacher(
        named.name, contentsOf: modality.file(file), example: example, labels: named.labels,
        data: named.data == nil ? nil : stream.source, dtype: named.precision.dtype, device: device)
    }
  }

  /// A model that has learned a stream of one experience.
  private func trained(
    _ blueprint: Blueprint, _ stream: Stream, _ training: Recipe.Training, _ name: String
  ) throws -> Learner {
    let learner = try Learner(
      blueprint, objective: modality.objective(recipe), optimizer: training.optimizer.make(),
      options: training.options(online: nil), pipeline: stream.pipeline,
      seed: RandomStreams.derive(UInt64(seed), "teacher/\(name)"), device: device)
    try learner.begin(stream.experience(0))
    while let session = learner.session, !session.isDone {
      try interrupt()
      try learner.step()
    }
    try learner.end()
    return learner
  }

  /// A model as training will make it, before any.
  private func standIn(
    _ blueprint: Blueprint, _ stream: Stream, _ named: Recipe.Teacher? = nil, classes: [Int]? = nil
  ) throws -> PretrainedTeacher {
    let network = try blueprint.make(RandomStreams(seed: 0))
    let head = try RandomStreams(seed: 0).stream("head")
    let objective = try modality.objective(recipe)
    guard objective.isClassification else {
      if let outputs = try objective.outputs(for: stream.experience(0).examples.targets) {
        try network.head.grow(to: outputs, head)
      }
      return try teacher(network, blueprint, nil, named, stream)
    }
    let labels =
      try classes.map(Set.init)
      ?? (0..<stream.count).reduce(into: []) {
        $0.formUnion(try stream.experience($1).examples.targets.integers())
      }
    try network.head.grow(to: labels.count, head)
    return try teacher(network, blueprint, labels.sorted(), named, stream)
  }

  private func network(
    _ blueprint: Blueprint, _ file: Safetensors.Contents, _ named: Recipe.Teacher? = nil,
    _ stream: Stream? = nil
  ) throws -> PretrainedTeacher {
    let trained = TrainedWeights(file)
    let network = try blueprint.make(RandomStreams(seed: 0))
    try trained.load(into: network)
    let labels = named?.labels ?? trained.labels ?? Array(0..<network.head.outputs)
    guard labels.count == network.head.outputs, Set(labels).count == labels.count else {
      throw LearnerError.labels(labels.count, outputs: network.head.outputs)
    }
    return try teacher(network, blueprint, labels, named, stream)
  }

  private func teacher(
    _ network: Network, _ blueprint: Blueprint, _ labels: [Int]?, _ named: Recipe.Teacher?, _ stream: Stream?
  ) throws -> PretrainedTeacher {
    PretrainedTeacher(
      try Frozen(network, blueprint, device: device, dtype: named?.precision.dtype ?? .float32),
      labels: labels,
      data: named?.data == nil ? nil : stream?.source)
  }
}
