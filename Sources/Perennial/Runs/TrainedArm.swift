import Foundation
import Torch

/// The model that an arm of a run left behind, with the data that it learned: what exporting and serving begin from.
public struct TrainedArm {
  /// The recipe as the arm ran it.
  public let recipe: Recipe
  public let arm: Recipe.Arm
  public let seed: Int
  /// In evaluation mode.
  public let network: Network
  /// The class label of each output in order; nil where outputs are no classes.
  public let labels: [Int]?
  public let stream: Stream

  /// Opens a trained model.
  ///
  /// - Parameters:
  ///   - folder: the run's.
  ///   - name: the arm; nil where the run has one alone.
  ///   - seed: the first of the recipe when nil.
  /// - Throws: ``TrainedArmError`` for an arm or seed that the run does not have or has not finished, and for one whose
  ///   answers need more than its model; what reading the recipe, its data and the weights throws.
  public init(run folder: URL, arm name: String?, seed: Int?, modality: any Modality) throws {
    let whole = try Recipe(contentsOf: folder.appendingPathComponent(RunFolder.recipeName))
    guard let arm = whole.arms.first(where: { $0.name == name ?? whole.arms[0].name }),
      name != nil || whole.arms.count == 1
    else { throw TrainedArmError.arm(name, known: whole.armNames) }
    let seed = seed ?? whole.seeds.first ?? 0
    guard whole.seeds.contains(seed) else { throw TrainedArmError.seed(seed, known: whole.seeds) }
    let weights = RunFolder.student(of: arm.name, seed: seed, in: folder)
    guard FileManager.default.fileExists(atPath: weights.path) else {
      throw TrainedArmError.unfinished(arm.name, seed: seed)
    }
    let strategies = try arm.strategies.map { try StrategyRegistry.make($0) }
    if let strategy = strategies.first(where: \.answersBeyondModel) {
      throw TrainedArmError.answers(arm.name, strategy: strategy.name)
    }
    let own = whole.resolved(for: arm)
    let stream = try modality.stream(own, of: arm, seed: UInt64(seed))
    let trained = TrainedWeights(try Safetensors.read(weights))
    let network = try modality.trainedBlueprint(own, for: stream).extended(by: strategies)
      .make(RandomStreams(seed: 0))
    try trained.load(into: network)
    network.evaluate()
    (self.recipe, self.arm, self.seed, self.network) = (own, arm, seed, network)
    (labels, self.stream) = (trained.labels, stream)
  }

  /// The names of the outputs: those of their classes where the data tell them.
  public var outputNames: [String]? {
    labels?.map { label in
      guard let names = stream.source.classNames, names.indices.contains(label) else { return "\(label)" }
      return names[label]
    }
  }
}

/// Why a run has no model to go on with.
public enum TrainedArmError: Error, Equatable, CustomStringConvertible {
  case arm(String?, known: [String])
  case seed(Int, known: [Int])
  case unfinished(String, seed: Int)
  case answers(String, strategy: String)

  public var description: String {
    switch self {
    case .arm(nil, let known): "the run compares several arms, name one: \(known.joined(separator: ", "))"
    case .arm(let name?, let known): "the run has no arm `\(name)`; it has \(known.joined(separator: ", "))"
    case .seed(let seed, let known):
      "the run has no seed \(seed); it has \(known.map(String.init).joined(separator: ", "))"
    case .unfinished(let arm, let seed): "the arm `\(arm)` has not finished with seed \(seed)"
    case .answers(let arm, let strategy):
      "the answers of the arm `\(arm)` need what `\(strategy)` keeps beside the model, or the task; such a model "
        + "cannot stand alone"
    }
  }
}
