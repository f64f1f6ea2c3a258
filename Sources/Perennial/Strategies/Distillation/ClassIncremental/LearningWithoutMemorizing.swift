import Torch

/// Learning without memorizing (Dhar et al. 2019, LwM): the past self's answers, and where in the picture it found them.
///
///     L = CE + β KL(softmax(z_old / T) ‖ softmax(z / T)) + γ Σ |Q_s / ‖Q_s‖₂ − Q_t / ‖Q_t‖₂|
///
/// Q is the Grad-CAM map of the class that the past self finds most likely, in the past self (Q_t) and in the student (Q_s).
/// The student's map is derived in full, by its activations and by the slopes that weigh them. Means over items.
public final class LearningWithoutMemorizing: Strategy {
  public static let card = StrategyCard(
    "lwm", .distillation, summary: "Holds the past self's answers, and the places where it found them.",
    formula: "L = CE + β KL(softmax(z_old / T) ‖ softmax(z / T)) + γ ‖Q_s/‖Q_s‖ − Q_t/‖Q_t‖‖₁",
    use: "Pictures; no data may be kept.",
    avoid: "A few examples may be kept; models without maps.",
    cost: "A forward pass and two backward passes more a step; a copy of the model.",
    paper: "Dhar et al., Learning without Memorizing, 2019"
  ) { LearningWithoutMemorizing($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// The weight of the answers.
    public var beta = 1.0
    /// The weight of the maps.
    public var gamma = 1.0
    /// T
    public var temperature = 2.0
    /// The tap whose maps are looked at; the one behind the last stage that gives any when nil.
    public var tap: String?

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("beta", beta, atLeast: 0)
      try node.require("gamma", gamma, atLeast: 0)
      try node.require("temperature", temperature, above: 0)
    }
  }

  public let name = "lwm"
  public let options: Options
  public let teacher = PastSelf()
  private var tap: String?

  public init(_ options: Options = Options()) {
    self.options = options
    tap = options.tap
  }

  public func check(_ facts: StreamFacts) throws { try facts.requireNewClasses(name) }

  public func extend(_ network: Network, _ random: RandomStreams) throws {
    guard let tap = options.tap, !network.tapNames.contains(tap) else { return }
    throw TapError.unknown(tap, known: network.tapNames)
  }

  public var taps: [String] { options.gamma > 0 ? [tap].compactMap { $0 } : [] }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    if options.gamma > 0 {
      let maps = try learner.mapTaps()
      tap = tap ?? learner.model.backbone.stages.map(\.name).last(where: maps.contains)
      guard let tap, maps.contains(tap) else {
        throw StrategyError.model(name, "looks at maps `[N, C, H, W]`, and \(tap ?? "the model") gives none")
      }
    }
    try teacher.begin(experience, learner)
  }

  public func terms(_ step: Step) throws -> [LossTerm] {
    guard let past = teacher.teacher, teacher.known > 0, options.beta + options.gamma > 0 else { return [] }
    let batch = step.batch
    guard let tap, options.gamma > 0 else {
      return [try answers(step, teacher: past(batch.inputs))]
    }
    let (outputs, units, rows) = try past.derivable(batch.inputs, taps: [tap]) { look in
      let known = try look.outputs.narrow(dim: 1, start: 0, count: teacher.known)
      let units = try noGrad { try known.argmax(1) }
      let rows = try AttentionMaps.rows(
        look.value(tap), outputs: known, units: units, isDerivable: false)
      return (try known.detach(), units, try rows.detach())
    }
    let own = try AttentionMaps.rows(
      step.look.value(tap), outputs: step.outputs, units: units, isDerivable: true)
    let maps = try batch.mean(AttentionMaps.distances(student: own, teacher: rows)) * options.gamma
    return [try answers(step, teacher: outputs), LossTerm("lwm/attention", maps)]
  }

  private func answers(_ step: Step, teacher outputs: Tensor) throws -> LossTerm {
    let value = try step.batch.softTargets(
      student: step.outputs, teacher: outputs, 0..<teacher.known, temperature: options.temperature)
    return LossTerm("lwm/answers", try value * options.beta)
  }

  public func end(_ experience: Experience, _ learner: Learner) throws { try teacher.end(learner) }

  public func state() throws -> State {
    var state = try teacher.state()
    state["tap"] = tap
    return state
  }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    tap = state["tap"]
    try teacher.restore(state, learner)
  }
}

extension Learner {
  /// The model's taps whose values are maps `[N, C, H, W]`.
  func mapTaps() throws -> Set<String> {
    guard let session else { throw LearnerError.noSession }
    let sample = try batch(of: session.examples, Tensor.arange(0, 1), isAugmented: false)
    let names = model.backbone.taps.map(\.name)
    let look = try asking(task: nil) { try model.look(sample.inputs, taps: names) }
    return Set(names.filter { look.taps[$0]?.rank == 4 })
  }
}
