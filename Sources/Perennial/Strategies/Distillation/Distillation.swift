import Torch

/// Knowledge distillation: a student learns from labels and from teachers at once.
///
///     L = w_hard · L(labels) + w · Σ_k weight_k · term_k(student, teacher)
///
/// Teachers are trained models, the student's own past, its moving average, or a file of their answers; terms compare
/// outputs, features or relations between items, see ``TermRegistry``. Terms between outputs see only the units that
/// teacher and student both answer for; where tasks are granted, they take the units of each task by themselves. With a
/// past self and one `kd` term this is learning without forgetting.
/// Cost: one forward pass of each teacher, and what the terms take.
public final class Distillation: Strategy, Tunable {
  public static let card = StrategyCard(
    "distillation", .distillation, summary: "Learns from labels and from teachers at once.",
    formula: "L = w_hard L(labels) + w Σ_k weight_k term_k(student, teacher)",
    use: "A big, an old or another model knows what the student should know.",
    avoid: "The teacher is wrong on the new data; see `trust`.",
    cost: "A forward pass of each teacher a step.",
    paper: "Hinton et al., Distilling the Knowledge in a Neural Network, 2015"
  ) { try Distillation($0) }

  /// Whom among the items of a batch the teachers are asked about.
  public enum Items: String, Codable, CaseIterable, Sendable {
    case all
    /// Those that come from the stream.
    case fresh
    /// Those that other strategies put behind them.
    case remembered
  }

  /// How the weights of its terms are found.
  public enum Balance: String, Codable, CaseIterable, Sendable {
    /// As the recipe has them.
    case fixed
    /// A term of weight w pulls at the backbone w times as hard as the labels do: w ‖g_labels‖ / ‖g_term‖, both measured
    /// every 10 steps and averaged over time, after GradNorm (Chen et al. 2018) with equal rates. A term that does not
    /// pull yet keeps its weight.
    case gradient
    /// w exp(−s) L + ½ s with s learned for each term (Kendall, Gal & Cipolla 2018).
    case uncertainty
  }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// Who teaches: `past-self`, `ema`, `unadapted`, `cached`, `paired`, or a name under the recipe's `teachers:`.
    public var teacher = Selection("past-self")
    /// Several of the recipe's teachers, each perhaps with a `weight` and a `temperature`, in place of one.
    public var teachers: [Selection] = []
    /// How several teachers are heard.
    public var merge = NamedTeachers.Merge.separate
    /// What is compared; soft targets where nothing is said.
    public var terms: [TermChoice] = []
    /// The temperature of soft targets, where no terms are listed.
    public var temperature: Ramp?
    /// w
    public var weight: Ramp = 1
    /// w_hard
    public var hard: Ramp = 1
    public var items = Items.all
    /// How often a language model is taught on what it writes itself; never when nil.
    public var onPolicy: OnPolicyOptions?
    /// Modules that the student takes over from its teacher, by the path in both, such as `conv1`; `head` for the
    /// classifier, whatever its path.
    public var reuse: [String] = []
    /// Whether they learn on from there; they rest where nothing is said.
    public var reuseLearns = false
    /// How terms are weighed against each other: `fixed`, by their `gradient`, or by learned `uncertainty`.
    public var balance = Balance.fixed
    /// How far the teacher is trusted, item by item.
    public var trust = TeacherTrust.Measure.always

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      if let temperature {
        try node.require("temperature", temperature, above: 0)
        guard terms.isEmpty else {
          throw node.error(at: "temperature", "is for soft targets alone: give each term its own")
        }
      }
      try node.require("weight", weight, atLeast: 0)
      try node.require("hard", hard, atLeast: 0)
      if !reuse.isEmpty, teacherNames.count != 1 {
        throw node.error(at: "reuse", "takes modules over from one trained teacher: name it")
      }
      if node["teacher"] != nil, !teachers.isEmpty {
        throw node.error(at: "teachers", "give either `teacher` or `teachers`, not both")
      }
      if merge != .separate, teachers.count < 2 {
        throw node.error(at: "merge", "is for several `teachers`")
      }
    }
  }

  public let name = "distillation"
  public let options: Options
  public var strength: Double
  /// The terms with their weights, in the order of the recipe.
  public let terms: [(term: any DistillationTerm, weight: Ramp)]
  /// Those that count: the others are neither built nor computed.
  var active: [(term: any DistillationTerm, weight: Ramp)] {
    options.weight.most == 0 ? [] : terms.filter { $0.weight.most > 0 }
  }
  /// The options of each term, where a recipe made it.
  let settings: [[(key: String, value: String)]]
  private(set) var source: any TeacherSource
  private(set) var adapters = TermModules()
  /// What labels and terms did to the student, a few times an experience.
  public private(set) var readings: [TermReading] = []
  let trust: TeacherTrust
  private let balance: TermBalance
  private(set) var isTeaching = false
  /// Whether the batch on its way is one that the student wrote.
  var isOnPolicy = false
  /// Whether the student has the modules that it takes over.
  var hasTakenOver = false
  /// Which outputs belong together, teacher by teacher and task by task, while the head is as it is.
  var alignments: [Question: [Alignment]] = [:]

  /// - Throws: `ConfigurationError` for a wrong term or teacher.
  public init(_ options: Options = Options()) throws {
    self.options = options
    strength = options.weight.most
    let choices = try options.chosenTerms
    terms = try choices.map { (try TermRegistry.make($0.selection), $0.weight) }
    settings = try choices.map { try TermRegistry.settings($0.selection) }
    source = try options.source()
    trust = TeacherTrust(options.trust)
    balance = try TermBalance(options.balance, terms: terms.map(\.term.name))
    adapters.keep(balance)
  }

  /// - Parameters:
  ///   - source: who teaches.
  ///   - terms: what is compared, each with its weight.
  public init(
    _ source: any TeacherSource, terms: [(term: any DistillationTerm, weight: Ramp)],
    options: Options = Options()
  ) throws {
    self.options = options
    strength = options.weight.most
    (self.source, self.terms) = (source, terms)
    settings = terms.map { _ in [] }
    trust = TeacherTrust(options.trust)
    balance = try TermBalance(options.balance, terms: terms.map(\.term.name))
    adapters.keep(balance)
  }

  /// Lets the teacher itself answer where its kept answers would: for a trial with a few examples.
  func makeTrial() { source = source.trial }

  public func check(_ facts: StreamFacts) throws {
    if let missing = options.teacherNames.first(where: { !facts.teachers.contains($0) }) {
      throw DistillationError.unknownTeacher(missing, known: facts.teachers)
    }
    guard !active.isEmpty || options.hard.most > 0 else { throw DistillationError.noWeight }
    if options.items == .remembered, facts.strategies.count == 1 { throw DistillationError.nothingRemembered }
    if options.items == .remembered, options.teacher.isNamed(CachedTeacher.name) {
      throw DistillationError.teacher(
        options.teacherNames.joined(), "its kept answers are for fresh items alone: set `items: fresh`")
    }
    try checkOnPolicy(facts)
    if facts.classes == nil {
      if [.loss, .entropy].contains(options.trust) {
        throw StrategyError.needsClasses("\(name) with `trust: \(options.trust.rawValue)`")
      }
    }
    if !facts.hasAlternatives, let term = terms.first(where: { $0.term.needsClasses })?.term {
      throw StrategyError.needsClasses("\(name) with the term \(term.name)")
    }
    var names: Set<String> = []
    for (term, _) in terms where !names.insert(term.name).inserted {
      throw DistillationError.twice(term: term.name)
    }
  }

  public func extend(_ network: Network, _ random: RandomStreams) throws {
    let known = network.tapNames
    let wanted = terms.flatMap { $0.term.pairs.map(\.student) }
    if let missing = wanted.first(where: { !known.contains($0) }) {
      throw TapError.unknown(missing, known: known)
    }
  }

  /// Means over all items are those over their parts.
  public var seesBatch: Bool {
    options.items != .all || options.onPolicy != nil || options.balance != .fixed || seesOutputs
  }

  /// Terms of single items can be asked piece by piece.
  public var seesOutputs: Bool { options.trust != .always || !active.allSatisfy(\.term.isItemwise) }
  public var taps: [String] { active.flatMap { $0.term.pairs.map(\.student) } }
  public var teacherNames: [String] { options.teacherNames }
  public var companion: Module? { adapters.isEmpty ? nil : adapters }
  var teacherTaps: [String] { active.flatMap { $0.term.pairs.map(\.teacher) } }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    alignments = [:]
    try source.begin(experience, learner)
    try takeOver(learner)
    try prepare(learner)
  }

  public var replacesLoss: Bool { options.hard != 1 || options.onPolicy != nil }

  public func loss(_ step: Step) throws -> Tensor? {
    // What the student wrote is no truth to learn.
    if isOnPolicy { return try (step.look.pieces == nil ? step.outputs : step.features).sum() * 0 }
    let weight = options.hard(step.progress)
    guard isTeaching, weight != 1 else { return nil }
    return try step.learner.loss(step) * weight
  }

  public func terms(_ step: Step) throws -> [LossTerm] {
    let parts = try balance(contributions(step), step)
    if !parts.isEmpty, isRead(step) { readings += try read(step, parts) }
    return try parts.map { LossTerm("\(name)/\($0.name)", try $0.value * $0.weight) }
  }

  public func observe(_ step: Step) throws { try source.observe(step) }

  public func end(_ experience: Experience, _ learner: Learner) throws { try source.end(learner) }

  public func state() throws -> State {
    var state = State()
    state["teaching"] = isTeaching
    state["reused"] = hasTakenOver
    state["readings"] = readings
    state.set(try source.state(), under: "teacher")
    state.set(try adapters.state(), under: "adapters")
    state.set(trust.state(), under: "trust")
    state.set(balance.state(), under: "balance")
    return state
  }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    isTeaching = try state.require("teaching")
    hasTakenOver = state["reused"] ?? false
    readings = try state.require("readings")
    try source.restore(state.scoped("teacher"), learner)
    adapters = try TermModules(state.scoped("adapters"), active.map(\.term), balance, learner.random)
    try trust.restore(state.scoped("trust"), device: learner.device)
    try balance.restore(state.scoped("balance"))
  }
}

// MARK: - Before the first step

extension Distillation {
  /// Asks teacher and student once about two examples, so that every term knows the shapes it compares, or refuses
  /// them before anything is learned.
  func prepare(_ learner: Learner) throws {
    guard let session = learner.session else { return }
    let count = min(2, session.examples.count)
    let sample = try learner.batch(of: session.examples, Tensor.arange(0, count), isAugmented: false)
    let signals =
      try seesOutputs
      ? source.signals(sample, taps: teacherTaps, learner) : source.signalsInPieces(sample, learner)
    isTeaching = !signals.isEmpty
    guard isTeaching, !active.isEmpty else { return }
    let look = try noGrad {
      try learner.model.evaluating {
        try learner.model.look(sample.inputs, taps: taps, inPieces: !seesOutputs)
      }
    }
    let targets = learner.objective.isClassification ? try session.examples.targets.integers() : []
    for (term, _) in active {
      let plans = try signals.map { try plan(term, look, $0, session, targets: targets, learner) }
      try adapters.prepare(term, plans, learner.random)
    }
    guard !adapters.isBuilt else { return }
    adapters.isBuilt = true
    if !adapters.isEmpty { try learner.parametersChanged() }
  }

  private func plan(
    _ term: any DistillationTerm, _ look: Look, _ signal: TeacherSignal, _ session: Session, targets: [Int],
    _ learner: Learner
  ) throws -> TermPlan {
    let shapes = try term.pairs.map {
      TermPlan.Shapes(
        student: try look.value($0.student).shape, teacher: try signal.look.value($0.teacher).shape)
    }
    let alignment = try Alignment(
      signal.units, group: nil, outputs: learner.model.head.outputs, device: learner.device)
    return TermPlan(
      shapes: shapes, outputs: alignment.count, examples: session.examples.count, targets: targets)
  }
}
