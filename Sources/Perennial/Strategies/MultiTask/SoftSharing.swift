import Torch

/// Soft parameter sharing (Duong et al. 2015): one backbone a task, tied to each other.
///
///     L = Σ_t L_t(θ_t) + ½ λ Σ_{a<b} ‖θ_a − θ_b‖²
///
/// The gradient λ Σ_b (θ_a − θ_b) is added in closed form. Beside `joint` or `cumulative` all backbones learn at once; where
/// tasks come one by one, that of the task at hand learns and the others rest, so that backbones forget nothing
/// (an optimizer with momentum may still move the head's old rows). A new
/// backbone starts as a copy of the one before.
public final class SoftSharing: Strategy {
  public static let card = StrategyCard(
    "soft-sharing", .transfer, summary: "One backbone a task, tied to each other by their squared distances.",
    formula: "L = Σ_t L_t(θ_t) + ½ λ Σ_a<b ‖θ_a − θ_b‖²",
    use: "Tasks are told and related, and one backbone for all would suit none.",
    avoid: "Tasks are many: each has a whole backbone.", cost: "A backbone a task; a pass over them a step.",
    paper: "Duong et al., Low Resource Dependency Parsing: Cross-lingual Parameter Sharing, 2015"
  ) { SoftSharing($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// λ
    public var lambda = 0.001

    public init() {}

    public func validate(at node: ConfigurationNode) throws { try node.require("lambda", lambda, atLeast: 0) }
  }

  public let name = "soft-sharing"
  public let options: Options

  public init(_ options: Options = Options()) { self.options = options }

  public convenience init(lambda: Double) {
    var options = Options()
    options.lambda = lambda
    self.init(options)
  }

  public func check(_ facts: StreamFacts) throws { try TaskColumns.check(facts, name) }

  public func rebuild(
    _ network: Network, _ random: RandomStreams, fresh: @escaping (RandomStreams) throws -> Network
  ) throws -> Network { try TaskColumns.rebuilt(network, ownShare: nil, fresh: fresh) }

  public func begin(_ experience: Experience, _ learner: Learner) throws { try TaskColumns.prepare(learner) }

  public var answersBeyondModel: Bool { true }

  public func select(task: Int?, _ learner: Learner) throws { TaskColumns.select(task, nil, learner) }

  public func rehearse(_ batch: Batch, _ learner: Learner) throws -> Batch {
    TaskColumns.select(batch.task, batch.tasks, learner)
    return batch
  }

  public func transform(_ vector: ParameterVector, _ step: Step) throws {
    guard options.lambda > 0, let columns = (step.model.backbone as? TaskColumns)?.columns, columns.count > 1
    else { return }
    try noGrad {
      let weights = try columns.map { column in
        try Tensor.concatenate(
          column.parameters.filter { $0.parameter.kind != .buffer }.map { try $0.parameter.value.flatten() })
      }
      let sum = try weights.dropFirst().reduce(weights[0]) { try $0 + $1 }
      for (place, own) in weights.enumerated() {
        let pull = try own * Double(columns.count) - sum
        let slots = vector.layout.slots.filter { $0.path.hasPrefix("columns.\(place).") }
        var start = 0
        for slot in slots {
          let piece = try pull.narrow(dim: 0, start: start, count: slot.count)
          try vector.layout.view(slot, of: vector.gradients).add(
            piece.reshape(slot.shape), scale: options.lambda)
          start += slot.count
        }
      }
    }
  }
}
