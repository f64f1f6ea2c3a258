import Torch

/// Everything seen so far, trained together: the upper bound that forgetting is measured against.
///
/// `Cumulative` goes on from the model as it is. `Joint` starts each experience from fresh weights and, where training
/// is counted in steps, gets the steps of all experiences so far.
public final class Joint: Strategy {
  /// Joint training has nothing to choose.
  public struct Options: Configurable {
    public init() {}
  }

  public static let card = StrategyCard(
    "joint", .baseline, summary: "Everything seen so far from fresh weights: the upper bound.",
    formula: "L = mean over all experiences so far of the loss",
    use: "To know what is possible at best.", avoid: "Data cannot be kept, or the stream is long.",
    cost: "All data kept; the time of an experience grows with the stream.", paper: "common practice"
  ) { Joint($0) }

  public static let cumulativeCard = StrategyCard(
    "cumulative", .baseline, summary: "Everything seen so far, from the model as it is.",
    formula: "L = mean over all experiences so far of the loss",
    use: "As joint training, where starting anew is too slow.", avoid: "Data cannot be kept.",
    cost: "All data kept; the same number of steps as fine-tuning.", paper: "common practice"
  ) { Joint(keeping: $0) }

  public let name: String
  public var seesBatch: Bool { false }
  private let keepsModel: Bool
  private var seen: [Experience] = []

  public init(_ options: Options = Options()) {
    keepsModel = false
    name = "joint"
  }

  /// Joint training that goes on from the model as it is.
  public init(keeping options: Options) {
    keepsModel = true
    name = "cumulative"
  }

  /// Training on everything seen so far, from the model as it is.
  public static func cumulative() -> Joint { Joint(keeping: Options()) }

  public var replacesTrainingSet: Bool { true }

  public func trainingSet(for experience: Experience, _ learner: Learner) throws -> TrainingSet? {
    let gone = Set((seen + [experience]).flatMap(\.withdrawn))
    let past = try seen.map { try $0.examples.without(gone) }.filter { $0.count > 0 }
    let all = try Examples.concatenate(past + [experience.examples])
    return TrainingSet(all, budget: keepsModel ? 1 : seen.count + 1)
  }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    if !keepsModel, !seen.isEmpty { try learner.restart() }
  }

  public func end(_ experience: Experience, _ learner: Learner) throws { seen.append(experience) }

  public var replayBytes: Int { seen.reduce(0) { $0 + $1.examples.inputs.byteCount } }

  public func state() throws -> State {
    var state = State()
    state["seen"] = seen.map(\.index)
    return state
  }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    let indices: [Int] = try state.require("seen")
    seen = try indices.map(past)
  }
}
