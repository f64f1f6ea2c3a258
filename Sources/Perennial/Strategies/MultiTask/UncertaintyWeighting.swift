import Torch

/// Weighs the losses of tasks by their learned uncertainty (Kendall, Gal & Cipolla 2018).
///
///     L = Σ_t exp(−s_t) L_t + ½ s_t,   s_t = log σ_t² learned, 0 at the start
///
/// over the tasks of a batch, L_t the mean loss of the items of task t. Meant beside `joint` or `cumulative`, where a
/// batch has several tasks; alone it only scales the loss of the task at hand.
public final class UncertaintyWeighting: Strategy {
  public static let card = StrategyCard(
    "uncertainty-weighting", .transfer, summary: "Weighs the losses of tasks by their learned uncertainty.",
    formula: "L = Σ_t exp(−s_t) L_t + ½ s_t",
    use: "Tasks trained together have losses of different scales.", avoid: "Tasks come one by one.",
    cost: "None to speak of.",
    paper: "Kendall, Gal & Cipolla, Multi-Task Learning Using Uncertainty to Weigh Losses, 2018"
  ) { UncertaintyWeighting($0) }

  /// There is nothing to choose.
  public struct Options: Configurable {
    public init() {}
  }

  public let name = "uncertainty-weighting"

  public init(_ options: Options = Options()) {}

  public func check(_ facts: StreamFacts) throws { try facts.requireTasks(name) }

  public func extend(_ network: Network, _ random: RandomStreams) throws {
    network.register("uncertainty", try TaskUncertainty(tasks: 0))
  }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    try uncertainty(learner.model).grow(to: (learner.classes.tasks.keys.max() ?? -1) + 1)
    try learner.parametersChanged()
  }

  public var replacesLoss: Bool { true }

  public func loss(_ step: Step) throws -> Tensor? {
    guard let tasks = step.batch.tasks else { return nil }
    let logVariances = try uncertainty(step.model).logVariances.value
    let outputs = try step.learner.mask(step.outputs, step.batch)
    var losses = try step.learner.objective.losses(outputs, step.batch.targets)
    if let weights = step.batch.weights { losses = try losses * weights }
    return try Self.combined(losses, tasks.to(step.learner.device), logVariances)
  }

  /// L for losses `[N]`, tasks int64 `[N]` and s `[T]`.
  static func combined(_ losses: Tensor, _ tasks: Tensor, _ logVariances: Tensor) throws -> Tensor {
    let counts = try tasks.bincount(minimum: logVariances.count).to(.float32)
    let means = try logVariances.zerosLike().indexAdd(tasks, losses) / counts.clamp(min: 1)
    let isPresent = try (counts .> 0).to(.float32)
    return try (isPresent * ((-logVariances).exp() * means + logVariances * 0.5)).sum()
  }

  private func uncertainty(_ network: Network) throws -> TaskUncertainty {
    try network.attached("uncertainty")
  }
}

/// s of every task.
private final class TaskUncertainty: Module {
  /// `[T]`
  let logVariances: Parameter

  init(tasks: Int) throws {
    logVariances = Parameter(try Tensor.zeros([tasks]))
    super.init()
    register("log_variances", logVariances)
  }

  func grow(to tasks: Int) throws {
    let new = tasks - logVariances.value.count
    if new > 0 { try logVariances.append(Tensor.zeros([new])) }
  }

  override func fit(_ shapes: [String: [Int]]) throws { try grow(to: shapes["log_variances"]?.first ?? 0) }
}
