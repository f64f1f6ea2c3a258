import Torch

/// Large scale incremental learning (Wu et al. 2019, BiC): held-out items tell how much too loud the new classes are.
///
///     L = (1 − λ) CE + λ KL(softmax(ô / T) ‖ softmax(o / T)),   λ = n / (n + m) with n old and m new classes
///     q_k = α o_k + β for the newest classes, o_k for others;   α, β by CE(q, y) on the held-out items, the rest fixed
///
/// As many items of every class, old and new, are held out: a tenth of what is kept of an old one. ô are the past self's
/// outputs as it corrected them, so that the correction of one experience is learned by the next.
public final class BiasCorrection: MixedDistillation {
  public static let card = StrategyCard(
    "bic", .distillation,
    summary: "Distils, and corrects the newest outputs by a line fitted to held-out items.",
    formula: "L = (1−λ) CE + λ KL(old ‖ now), λ = n/(n+m);  q_new = α o_new + β by held-out items",
    use: "Many classes in experiences, with enough exemplars to hold some out.",
    avoid: "A few exemplars a class: those held out are missed.",
    cost: "One more forward pass a step; a copy of the model; the exemplars in every epoch.",
    paper: "Wu et al., Large Scale Incremental Learning, 2019"
  ) { BiasCorrection($0) }

  /// What a recipe can choose.
  public struct Options: MixtureOptions {
    public var memory = 2000
    public var perClass: Int?
    public var selection = ExemplarSelection.herding
    /// λ; n / (n + m) when nil.
    public var lambda: Double?
    /// T
    public var temperature = 2.0
    /// The share of exemplars that is held out; at 0 nothing is corrected.
    public var heldOut = 0.1

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try validateMixture(at: node)
      try node.require("held_out", heldOut, in: 0..<1)
    }
  }

  public let name = "bic"
  public let options: Options
  public let exemplars: ExemplarMemory
  public let teacher = PastSelf()
  /// Of the newest classes; nil before there is one, and while they are learned.
  public private(set) var correction: BiasFit?
  /// Of the past self's newest classes.
  private var past: BiasFit?
  /// The places in the training set of an experience that are held out.
  private(set) var held: Held?

  struct Held: Codable {
    let experience: Int
    let places: [Int]
  }

  public init(_ options: Options = Options()) {
    self.options = options
    exemplars = ExemplarMemory(options)
  }

  public func trainingSet(for experience: Experience, _ learner: Learner) throws -> TrainingSet? {
    guard let all = try exemplars.trainingSet(for: experience, learner)?.examples else { return nil }
    if held?.experience != experience.index {
      held = Held(experience: experience.index, places: try holdOut(all, experience, learner))
    }
    let excluded = Set(held?.places ?? [])
    return TrainingSet(try all.select((0..<all.count).filter { !excluded.contains($0) }))
  }

  /// The same number of places of every class, any of them.
  private func holdOut(_ all: Examples, _ experience: Experience, _ learner: Learner) throws -> [Int] {
    let kept = all.count - experience.examples.count
    let classes = Dictionary(grouping: try all.targets.integers().enumerated(), by: \.element)
    let old = Set(try exemplars.examples?.targets.integers() ?? []).count
    guard options.heldOut > 0, old > 0 else { return [] }
    let count = max(1, Int((options.heldOut * Double(kept) / Double(old)).rounded()))
    return try classes.sorted { $0.key < $1.key }.flatMap { _, members in
      let order = try Tensor.permutation(members.count, learner.random.stream("held-out")).integers()
      return order.prefix(min(count, members.count - 1)).map { members[$0].offset }
    }.sorted()
  }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    try teacher.begin(experience, learner)
    (past, correction) = (correction, nil)
  }

  public func answer(of outputs: Tensor) throws -> Tensor { try past?(outputs) ?? outputs }

  public func end(_ experience: Experience, _ learner: Learner) throws {
    if let held, held.experience == experience.index, !held.places.isEmpty,
      teacher.known < learner.model.head.outputs,
      let all = try exemplars.trainingSet(for: experience, learner)?.examples.select(held.places)
    {
      let units = try learner.classes.units(for: all.targets).to(learner.device)
      let outputs = try learner.asking(task: nil) {
        try learner.model(
          learner.batch(of: all, Tensor.arange(0, all.count), isAugmented: false).inputs)
      }
      correction = try BiasFit.fit(outputs, units: units, first: teacher.known)
    }
    try exemplars.admit(experience, learner)
    try teacher.end(learner)
  }

  public var answersBeyondModel: Bool { true }

  public func answer(_ question: Question, _ learner: Learner) throws -> Tensor? {
    try correction?(question.outputs)
  }

  public func state() throws -> State {
    var state = try sharedState()
    state["correction"] = correction
    state["past"] = past
    state["held"] = held
    return state
  }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    (correction, self.past, held) = (state["correction"], state["past"], state["held"])
    try restoreShared(state, learner)
  }
}
