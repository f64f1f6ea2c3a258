import Torch

/// End-to-end incremental learning (Castro et al. 2018, EEIL): the classes of each earlier experience are distilled by
/// themselves, and a second stage learns from as many examples of every class.
///
///     L = CE + w Σ_f KL(softmax(z_f of the past self / T) ‖ softmax(z_f / T)),   f the classes of each earlier experience
///
/// In the second stage the classes of this experience are distilled too, from the model as it was before that stage; its
/// exemplars are chosen anew after it.
/// Published: T = 2, 40 epochs and 30 of fine-tuning at a tenth of the rate. The gradient noise and the stronger augmentation
/// of the paper are training, and left to the recipe.
public final class EndToEndIncrementalLearning: ExemplarDistillation {
  public static let card = StrategyCard(
    "eeil", .distillation,
    summary: "Distils the classes of each experience by themselves, then balances.",
    formula:
      "L = CE + w Σ_f KL(softmax(z_f,old / T) ‖ softmax(z_f / T));  then the same on balanced exemplars",
    use: "New classes in experiences, a few examples of each may be kept.",
    avoid: "Data must not be stored.",
    cost: "One more forward pass a step, a stage of training on the exemplars; a copy of the model.",
    paper: "Castro et al., End-to-End Incremental Learning, 2018"
  ) { EndToEndIncrementalLearning($0) }

  /// What a recipe can choose.
  public struct Options: ExemplarOptions {
    public var memory = 2000
    public var perClass: Int?
    public var selection = ExemplarSelection.herding
    /// w
    public var weight = 1.0
    /// T
    public var temperature = 2.0
    public var fineTuning = BalancedFineTuning()

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try validateExemplars(at: node)
      try node.require("weight", weight, atLeast: 0)
      try node.require("temperature", temperature, above: 0)
    }
  }

  public let name = "eeil"
  public let options: Options
  public let exemplars: ExemplarMemory
  public let teacher = PastSelf()
  /// How many classes there were after each earlier experience.
  private var borders: [Int] = []

  public init(_ options: Options = Options()) {
    self.options = options
    exemplars = ExemplarMemory(options)
  }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    try teacher.begin(experience, learner)
    if teacher.known > borders.last ?? 0 { borders.append(teacher.known) }
  }

  public func terms(_ step: Step) throws -> [LossTerm] {
    guard options.weight > 0, let past = try teacher.look(step.batch.inputs) else { return [] }
    return [LossTerm(name, try distillation(step.batch, step.outputs, past.outputs) * options.weight)]
  }

  /// The sum over the heads of earlier experiences.
  private func distillation(_ batch: Batch, _ outputs: Tensor, _ past: Tensor) throws -> Tensor {
    let heads = zip([0] + borders, borders).map { $0..<$1 }
    return try heads.reduce(Tensor.zeros([], device: outputs.device)) {
      try $0
        + batch.softTargets(student: outputs, teacher: past, $1, temperature: options.temperature)
    }
  }

  public func end(_ experience: Experience, _ learner: Learner) throws {
    try exemplars.admit(experience, learner)
    if teacher.known > 0, let balanced = try exemplars.examples {
      try fineTune(balanced, learner)
      try exemplars.admit(experience, learner)
    }
    try teacher.end(learner)
  }

  private func fineTune(_ balanced: Examples, _ learner: Learner) throws {
    let before = try Frozen(learner.model, learner.blueprint, device: learner.device)
    let new = teacher.known..<learner.model.head.outputs
    try options.fineTuning(balanced, learner) { batch, look in
      let loss = try learner.loss(look.outputs, batch)
      guard options.weight > 0, let past = try teacher.look(batch.inputs) else { return loss }
      var held = try distillation(batch, look.outputs, past.outputs)
      if !new.isEmpty {
        held =
          try held
          + batch.softTargets(
            student: look.outputs, teacher: before(batch.inputs), new, temperature: options.temperature)
      }
      return try loss + held * options.weight
    }
  }

  public func state() throws -> State {
    var state = try sharedState()
    state["borders"] = borders
    return state
  }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    borders = try state.require("borders")
    try restoreShared(state, learner)
  }
}
