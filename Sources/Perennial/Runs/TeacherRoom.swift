import Foundation
import Torch

/// Finds the teachers of an arm: trained models that the recipe names, and the arms before it.
struct TeacherRoom {
  let recipe: Recipe
  let modality: any Modality
  let stream: Stream
  let device: Device
  /// The weights of a finished arm with the same seed; nil while there are none.
  let finished: (_ arm: String) -> URL?
  /// Whether untrained models of the same shape stand in for arms that have not run.
  var isTrial = false

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
        let file = try modality.weights(named.weights)
        return try network(
          modality.blueprint(recipe.with(model: named.model), for: stream), file, named.labels)
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
    guard let url = finished(name) else { return try standIn(blueprint) }
    return try network(blueprint, Safetensors.read(url), nil)
  }

  /// A model as the arm will make it, before any training.
  private func standIn(_ blueprint: Blueprint) throws -> PretrainedTeacher {
    let network = try blueprint.make(RandomStreams(seed: 0))
    let labels = try (0..<stream.count).reduce(into: Set<Int>()) {
      $0.formUnion(try stream.experience($1).examples.targets.integers())
    }
    try network.head.grow(to: labels.count, RandomStreams(seed: 0).stream("head"))
    return PretrainedTeacher(try Frozen(network, blueprint, device: device), labels: labels.sorted())
  }

  private func network(
    _ blueprint: Blueprint, _ file: Safetensors.Contents, _ labels: [Int]?
  ) throws -> PretrainedTeacher {
    let trained = TrainedWeights(file)
    let network = try blueprint.make(RandomStreams(seed: 0))
    try trained.load(into: network)
    let labels = labels ?? trained.labels ?? Array(0..<network.head.outputs)
    guard labels.count == network.head.outputs, Set(labels).count == labels.count else {
      throw LearnerError.labels(labels.count, outputs: network.head.outputs)
    }
    return PretrainedTeacher(try Frozen(network, blueprint, device: device), labels: labels)
  }
}

/// The weights of a whole network as a run leaves them, or as somebody published them.
struct TrainedWeights {
  let tensors: [String: Tensor]
  /// The class labels of the outputs in order, where the file tells them.
  let labels: [Int]?

  static let labelsKey = "labels"

  init(_ file: Safetensors.Contents) {
    tensors = file.tensors
    labels = file.metadata[Self.labelsKey].flatMap {
      try? JSONDecoder().decode([Int].self, from: Data($0.utf8))
    }
  }

  /// How many outputs a network has.
  func outputs(_ network: Network) -> Int? {
    tensors["\(network.headName).weight"]?.shape.first ?? labels?.count
  }

  /// Grows the head to the file's size and takes everything over; counters that old files lack start at zero.
  func load(into network: Network) throws {
    if let outputs = outputs(network) {
      try network.head.grow(to: outputs, RandomStreams(seed: 0).stream("head"))
    }
    var state = tensors
    for (path, parameter) in network.parameters
    where path.hasSuffix(".num_batches_tracked") && state[path] == nil {
      state[path] = try parameter.value.zerosLike()
    }
    try network.load(state)
  }
}
