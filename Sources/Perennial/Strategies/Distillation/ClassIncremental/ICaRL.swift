import Torch

/// iCaRL (Rebuffi et al. 2017): exemplars by herding, binary distillation, and the nearest mean of exemplars for an answer.
///
///     L = mean over items and units of BCE(σ(z_k), q_k),   q_k = σ(z_k of the past self) for old k, [y = k] for new k
///     ŷ = argmin_c ‖φ̂(x) − μ_c‖,   μ_c the mean of φ̂ over the exemplars of c, of length 1 again
///
/// Old units follow the past self on exemplars too, whatever their label. The mean over units is that of the authors'
/// program, which is why it learns at a rate of 2. The variant `softmax` is CE(y) + KL(softmax(z_old / T) ‖ softmax(z / T))
/// over old units, as PyCIL has it.
public final class ICaRL: ExemplarDistillation {
  public static let card = StrategyCard(
    "icarl", .distillation,
    summary: "Binary distillation, herded exemplars, and their nearest mean for an answer.",
    formula: "L = mean BCE(σ(z), [σ(z_old); one-hot]);  ŷ = argmin_c ‖φ(x)/‖φ(x)‖ − μ_c‖",
    use: "New classes in experiences, a few examples of each may be kept.",
    avoid: "Data must not be stored, or the same classes come again in new domains.",
    cost: "One more forward pass a step; a copy of the model; the exemplars in every epoch.",
    paper: "Rebuffi et al., iCaRL: Incremental Classifier and Representation Learning, 2017"
  ) { ICaRL($0) }

  /// How old units are held.
  public enum Variant: String, Codable, CaseIterable, Sendable { case sigmoid, softmax }

  /// What a recipe can choose.
  public struct Options: ExemplarOptions {
    public var memory = 2000
    public var perClass: Int?
    public var selection = ExemplarSelection.herding
    public var variant = Variant.sigmoid
    /// T of the variant `softmax`.
    public var temperature = 2.0

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try validateExemplars(at: node)
      try node.require("temperature", temperature, above: 0)
    }
  }

  public let name = "icarl"
  public let options: Options
  public let exemplars: ExemplarMemory
  public let teacher = PastSelf()
  private var means = MeansInUse()

  public init(_ options: Options = Options()) {
    self.options = options
    exemplars = ExemplarMemory(options)
  }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    means.forget()
    try teacher.begin(experience, learner)
  }

  public var replacesLoss: Bool { true }

  public func loss(_ step: Step) throws -> Tensor? {
    guard options.variant == .sigmoid else { return nil }
    return try step.batch.mean(
      SigmoidDistillation.values(
        step.outputs, units: step.batch.targets, teacher: teacher.look(step.batch.inputs)?.outputs
      ).mean([1]))
  }

  public func terms(_ step: Step) throws -> [LossTerm] {
    guard options.variant == .softmax, let past = try teacher.look(step.batch.inputs) else { return [] }
    let value = try step.batch.softTargets(
      student: step.outputs, teacher: past.outputs, 0..<teacher.known, temperature: options.temperature)
    return [LossTerm(name, value)]
  }

  public func observe(_ step: Step) throws { means.forget() }

  public func end(_ experience: Experience, _ learner: Learner) throws {
    means.forget()
    try exemplars.admit(experience, learner)
    try teacher.end(learner)
  }

  public var answersBeyondModel: Bool { true }

  public func answer(_ question: Question, _ learner: Learner) throws -> Tensor? {
    try means.answer(question, exemplars.memory, learner)
  }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    means.forget()
    try restoreShared(state, learner)
  }
}
