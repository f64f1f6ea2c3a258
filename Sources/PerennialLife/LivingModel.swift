import Foundation
import Perennial
import Torch

/// One version of a model in memory, to be asked. It belongs to one thread at a time; load it once more for another.
public final class LivingModel {
  /// The version it is.
  public let manifest: VersionManifest
  public let learner: Learner
  public let inputs: any LiveInputs

  /// How many inputs are asked about at once.
  static let batch = 256

  /// - Parameter state: as the store reads it.
  init(_ manifest: VersionManifest, _ state: State, _ modality: any Modality) throws {
    self.manifest = manifest
    let configuration = try LifeConfiguration(
      yaml: manifest.configuration, source: "version \(manifest.version)")
    inputs = try modality.liveInputs(configuration.recipe)
    // Strategies that train on everything again have nothing to do with answers, and would ask for all of it.
    learner = try configuration.learner(inputs) { !$0.replacesTrainingSet }
    var state = try learner.completed(state, manifest.fromFiles)
    state["strategies"] = learner.strategies.map(\.name)
    try learner.restore(
      state, experience: nil, past: { throw StreamError.noSuchExperience(index: $0, count: 0) })
  }

  /// Whether it has learned anything to answer with.
  public var isTrained: Bool { learner.model.head.outputs > 0 && learner.classes.count > 0 }

  /// What the model says of inputs, as ``LiveInputs/payload(_:)`` gives them, and how sure it is.
  ///
  /// - Parameter top: how many labels are listed of each.
  /// - Throws: `LifeError.untrained`; what is wrong with an input.
  public func predict(_ payloads: [Data], top: Int = 5) throws -> [Prediction] {
    guard isTrained else { throw LifeError.untrained }
    var predictions: [Prediction] = []
    for start in stride(from: 0, to: payloads.count, by: Self.batch) {
      let part = Array(payloads[start..<min(start + Self.batch, payloads.count)])
      for shares in try learner.shares(of: inputs.rows(part), by: manifest.resolved) {
        let best = shares.sorted { ($0.value, $1.key) > ($1.value, $0.key) }.prefix(top)
        predictions.append(
          Prediction(best.map { .init(label: manifest.labels[$0.key], probability: $0.value) }))
      }
    }
    return predictions
  }

  /// Features `[N, D]` of inputs, as the head sees them.
  public func features(_ payloads: [Data]) throws -> Tensor {
    try noGrad {
      let parts = try stride(from: 0, to: payloads.count, by: Self.batch).map { start in
        let part = Array(payloads[start..<min(start + Self.batch, payloads.count)])
        return try learner.look(learner.inputs(try inputs.rows(part))).features
      }
      return try parts.isEmpty ? Tensor.zeros([0, 0]) : Tensor.concatenate(parts)
    }
  }
}

/// What a model says of one input.
public struct Prediction: Codable, Sendable, Equatable {
  /// A label and its share of 1.
  public struct Choice: Codable, Sendable, Equatable {
    public let label: String
    public let probability: Double
  }

  /// The likeliest labels, the likeliest first; never empty.
  public let choices: [Choice]

  init(_ choices: [Choice]) { self.choices = choices }

  /// The likeliest label, and its probability.
  public var label: String { choices.first?.label ?? "" }
  public var probability: Double { choices.first?.probability ?? 0 }
}

extension LifeConfiguration {
  /// A fresh learner as the configuration describes it.
  ///
  /// - Parameters:
  ///   - seedOffset: added to the seed, for a model that only what is not drawn at random can have in common.
  ///   - more: strategies that the configuration does not name, and the teachers that they learn from.
  ///   - isWanted: which of its strategies take part.
  func learner(
    _ inputs: any LiveInputs, seedOffset: Int = 0, adding more: [any Strategy] = [],
    teachers: [String: any Teacher] = [:], only isWanted: (any Strategy) -> Bool = { _ in true }
  ) throws -> Learner {
    var blueprint = try inputs.blueprint(recipe)
    if recipe.training.freeze == .backbone { blueprint = blueprint.withFrozenBackbone() }
    return try recipe.learner(
      blueprint, objective: ObjectiveRegistry.make(recipe.objective),
      strategies: arm.strategies.map { try StrategyRegistry.make($0) }.filter(isWanted) + more,
      pipeline: inputs.pipeline, teachers: teachers,
      seed: UInt64(recipe.seeds[0] + seedOffset), device: .cpu)
  }
}

extension Learner {
  /// A saved state with the weights that files gave and no blob holds.
  func completed(_ state: State, _ fromFiles: [String]) throws -> State {
    guard !fromFiles.isEmpty else { return state }
    var state = state
    let own = try model.stateDictionary()
    for path in fromFiles { state.tensors["\(VersionManifest.modelBlob)/\(path)"] = own[path] }
    return state
  }

  /// Model inputs of raw rows.
  func inputs(_ rows: Tensor) throws -> Tensor {
    try pipeline(rows, Tensor.arange(0, rows.shape[0]), augmentation: nil, device: device)
  }

  /// The probability of each label for each of some raw rows, merged labels counted as what they have become.
  func shares(of rows: Tensor, by resolved: (Int) -> Int) throws -> [[Int: Double]] {
    try noGrad {
      let shares = try predict(inputs(rows)).to(.float64).softmax(-1)
      let (count, units) = (shares.shape[0], shares.shape[1])
      let labels = classes.labels.map(resolved)
      let flat = try shares.array(of: Double.self)
      return (0..<count).map { row in
        var found: [Int: Double] = [:]
        for unit in 0..<min(units, labels.count) {
          let share = flat[row * units + unit]
          found[labels[unit], default: 0] += share.isFinite ? share : 0
        }
        return found
      }
    }
  }

  /// The number of the likeliest label of each of some raw rows.
  func answers(to rows: Tensor, by resolved: (Int) -> Int) throws -> [Int] {
    try shares(of: rows, by: resolved).map { shares in
      shares.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key ?? -1
    }
  }
}
