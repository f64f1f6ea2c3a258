import Torch

/// A model that learns a stream, one experience after the other.
///
/// There is one training loop, for every strategy, modality and scenario: ``step()``. `learn(_:)` is all most callers
/// need; `begin`, `step` and `end` are there for those who do something in between.
public final class Learner {
  public let blueprint: Blueprint
  public private(set) var model: Network
  public let objective: any Objective
  public let optimizer: any Optimizer
  public let strategies: [any Strategy]
  public let options: TrainingOptions
  public let pipeline: InputPipeline
  public let random: RandomStreams
  public let device: Device
  /// Models that know something already, by name, for strategies that learn from them.
  public let teachers: [String: any Teacher]
  /// How to make a model that a recipe names, for strategies that train others beside the learner's own.
  public let models: (Selection) throws -> Blueprint

  /// Which unit stands for which label.
  public private(set) var classes = ClassSpace()
  /// All trainable parameters; made anew when the head grows.
  public private(set) var vector: ParameterVector
  /// The experience being learned.
  public internal(set) var session: Session?
  /// Optimizer steps since the beginning.
  public private(set) var totalSteps = 0
  /// Fresh examples seen since the beginning, repetitions counted.
  public private(set) var totalExamples = 0
  /// The steps after which a boundary was found inside an experience.
  public internal(set) var boundaries: [Int] = []
  /// The learning rate before any schedule.
  public var baseLearningRate: Double
  private var forbidden: Tensor?

  /// - Throws: `LearnerError.duplicateStrategy`, `LearnerError.twoLosses`, or what making the model throws.
  public init(
    _ blueprint: Blueprint, objective: any Objective = Classification(), optimizer: any Optimizer,
    strategies: [any Strategy] = [], options: TrainingOptions = TrainingOptions(), pipeline: InputPipeline,
    teachers: [String: any Teacher] = [:],
    models: @escaping (Selection) throws -> Blueprint = { throw LearnerError.model($0.name) },
    seed: UInt64 = 0, device: Device = .cpu
  ) throws {
    try Self.check(strategies, objective, accumulate: options.accumulate)
    self.blueprint = blueprint.extended(by: strategies)
    self.objective = objective
    self.optimizer = optimizer
    self.strategies = strategies
    self.options = options
    self.pipeline = pipeline
    self.teachers = teachers
    self.models = models
    self.device = device
    random = RandomStreams(seed: seed)
    baseLearningRate = optimizer.learningRate
    model = try self.blueprint.make(random)
    if device != .cpu { try model.move(to: device) }
    vector = try ParameterVector(model.trainableParameters)
  }

  /// The teacher of that name.
  ///
  /// - Throws: `DistillationError.unknownTeacher`.
  public func teacher(_ name: String) throws -> any Teacher {
    guard let teacher = teachers[name] else {
      throw DistillationError.unknownTeacher(name, known: teachers.keys.sorted())
    }
    return teacher
  }

  /// Refuses strategies that no learner can have together.
  ///
  /// - Throws: `LearnerError.duplicateStrategy`, `LearnerError.twoLosses`, `LearnerError.twoTrainingSets`.
  static func check(_ strategies: [any Strategy], _ objective: any Objective, accumulate: Int) throws {
    for (index, strategy) in strategies.enumerated()
    where strategies[..<index].contains(where: { $0.name == strategy.name }) {
      throw LearnerError.duplicateStrategy(strategy.name)
    }
    let losses = strategies.filter(\.replacesLoss)
    if losses.count > 1 { throw LearnerError.twoLosses(losses[0].name, losses[1].name) }
    let sets = strategies.filter(\.replacesTrainingSet)
    if sets.count > 1 { throw LearnerError.twoTrainingSets(sets[0].name, sets[1].name) }
    if accumulate > 1, let strategy = strategies.first(where: \.seesBatch) {
      throw LearnerError.parts(strategy.name)
    }
    if objective.isOfWriting, let strategy = strategies.first(where: \.answersBeyondModel) {
      throw LearnerError.answers(strategy.name)
    }
  }

  /// Learns one experience.
  public func learn(_ experience: Experience) throws {
    try begin(experience)
    while let session, !session.isDone { try step() }
    try end()
  }

  /// Starts an experience: grows the head for labels never seen, then lets strategies prepare.
  public func begin(_ experience: Experience) throws {
    guard experience.examples.count > 0 else { throw LearnerError.emptyExperience(experience.name) }
    let previous = model.head.outputs
    try admit(experience)
    if options.resetOptimizer { optimizer.reset() }
    session = try makeSession(experience, previousOutputs: previous)
    for strategy in strategies { try strategy.begin(experience, self) }
    try select(task: session?.task)
    model.train()
  }

  /// One optimizer step on the next batch; gives its loss.
  @discardableResult
  public func step() throws -> Double {
    guard let session else { throw LearnerError.noSession }
    var batch = try nextBatch(session)
    for strategy in strategies { batch = try strategy.rehearse(batch, self) }

    try vector.zeroGradients()
    var value = 0.0
    var look: Look?
    var terms: [LossTerm] = []
    for part in try parts(of: batch) {
      let step = try forward(part.batch, isPart: options.accumulate > 1, session)
      let own = part.loss == 1 ? step.terms[0].value : try step.terms[0].value * part.loss
      let loss = try step.terms.dropFirst().reduce(own) {
        try $0 + (part.terms == 1 ? $1.value : $1.value * part.terms)
      }
      value += try finite(loss, step.terms, session)
      if vector.count > 0 { try vector.backward(loss) }
      (look, terms) = (step.look, step.terms)
    }
    guard let look else { throw LearnerError.emptyExperience(session.experience.name) }
    var step = Step(learner: self, session: session, number: session.step, batch: batch, look: look)
    step.terms = terms

    if vector.count > 0 {
      for strategy in strategies { try strategy.inspect(vector, step) }
      for strategy in strategies { try strategy.transform(vector, step) }
      if let clip = options.clip { try vector.clipGradientNorm(clip) }
      optimizer.learningRate = session.learningRate(base: baseLearningRate)
      try optimizer.step(vector)
    }
    for strategy in strategies { try strategy.observe(step) }
    session.step += 1
    totalSteps += 1
    totalExamples += batch.fresh
    if try strategies.contains(where: { try $0.isBoundary(step) }), !session.isDone { try consolidate() }
    return value
  }

  /// Finishes the experience: strategies estimate, select and consolidate.
  public func end() throws {
    guard let session else { throw LearnerError.noSession }
    try finish(session)
    self.session = nil
  }

  /// The mean loss of a batch, each item among the units that its task allows.
  public func loss(_ outputs: Tensor, _ batch: Batch) throws -> Tensor {
    let masked = try mask(outputs, batch)
    guard let weights = batch.weights else { return try objective.meanLoss(masked, batch.targets) }
    return try (objective.losses(masked, batch.targets) * weights).mean()
  }

  /// Outputs with −∞ at units that are not of the item's task; as they are where no tasks are granted.
  public func mask(_ outputs: Tensor, _ batch: Batch) throws -> Tensor {
    guard let forbidden else { return outputs }
    if let task = batch.task { return try outputs.maskedFill(forbidden[task], -Double.infinity) }
    guard let tasks = batch.tasks else { return outputs }
    return try outputs.maskedFill(forbidden.indexSelect(tasks.to(device)), -Double.infinity)
  }

  /// Gathers the trainable parameters anew after a strategy added, froze or grew some; optimizer moments follow.
  public func parametersChanged() throws {
    let old = vector.layout
    try gatherParameters()
    try optimizer.carry(from: old, to: vector.layout)
  }

  /// The model's parameters, then those of the strategies' companions below the strategies' names.
  private func gatherParameters() throws {
    var all = model.trainableParameters
    if device != .cpu { try model.move(to: device) }
    for strategy in strategies {
      guard let companion = strategy.companion else { continue }
      if device != .cpu { try companion.move(to: device) }
      all += companion.trainableParameters.map { ("\(strategy.name)/\($0.path)", $0.parameter) }
    }
    vector = try ParameterVector(all)
  }

  /// Tells strategies which task the model is about to learn or to be asked about.
  public func select(task: Int?) throws {
    for strategy in strategies { try strategy.select(task: task, self) }
  }

  /// Starts from a trained network's values: its classes become known in its order.
  ///
  /// - Parameters:
  ///   - state: as `stateDictionary()` gives it.
  ///   - labels: the class labels of its outputs in order; nil where they are no classes.
  /// - Throws: `StateMismatch` for another model's.
  public func start(from state: [String: Tensor], outputs: Int, labels: [Int]?) throws {
    if let labels, objective.isClassification {
      guard labels.count == outputs else { throw LearnerError.labels(labels.count, outputs: outputs) }
      classes.admit(inOrder: labels)
      forbidden = try classes.forbidden()?.to(device)
    }
    try growHead(to: outputs)
    try model.load(state)
    try gatherParameters()
  }

  /// Starts again from fresh weights, keeping the units that are known.
  public func restart() throws {
    let outputs = model.head.outputs
    let fresh = try blueprint.make(random)
    try fresh.head.grow(to: outputs, random.stream("head"))
    model = fresh
    model.train()
    try gatherParameters()
    optimizer.reset()
  }
}

// MARK: - Parts of a step

extension Learner {
  /// What the model makes of a batch, or of a part of one, with the parts of its loss.
  private func forward(_ batch: Batch, isPart: Bool, _ session: Session) throws -> Step {
    let (features, taps) = try model.recording(taps: strategies.flatMap(\.taps)) {
      try model.features(batch.inputs)
    }
    try model.head.prepare(features, batch.targets)
    let pieces = try outputPieces(features)
    let outputs = try pieces == nil ? model.head(features) : Tensor.zeros([0])
    let look = Look(features: features, outputs: outputs, taps: taps, pieces: pieces)
    var step = Step(
      learner: self, session: session, number: session.step, batch: batch, isPart: isPart, look: look)
    let main = LossTerm("loss", try strategies.first(where: \.replacesLoss)?.loss(step) ?? loss(step))
    step.terms = [main] + (try strategies.flatMap { try $0.terms(step) })
    return step
  }

  private func nextBatch(_ session: Session) throws -> Batch {
    let places = try session.sampler.next(random.stream("order"))
    if let views = options.views {
      let first = session.drawn - places.count
      return try batch(
        of: session.examples, places,
        views: (0..<places.count).map { (first + $0) / session.examples.count % views },
        task: session.task)
    }
    return try batch(of: session.examples, places, task: session.task, isAugmented: true)
  }

  /// The examples at `places` as a batch.
  ///
  /// - Parameters:
  ///   - examples: targets as output units.
  ///   - places: int64 `[N]`
  ///   - task: the task that all share.
  ///   - isAugmented: changes inputs at random, as in training.
  public func batch(of examples: Examples, _ places: Tensor, task: Int? = nil, isAugmented: Bool) throws
    -> Batch
  {
    let inputs = try pipeline(
      examples.inputs, places, augmentation: isAugmented ? random.stream("augmentation") : nil,
      device: device)
    return Batch(
      inputs: inputs, targets: try examples.targets.indexSelect(places).to(device),
      tasks: try examples.tasks?.indexSelect(places), task: task, weights: nil, fresh: places.count,
      source: examples, places: places)
  }

  /// The examples at `places`, each in one of the ways in which it is augmented: the same whoever asks, and when.
  ///
  /// - Parameter views: the number of each one's view.
  public func batch(of examples: Examples, _ places: Tensor, views: [Int], task: Int? = nil) throws -> Batch {
    let identifiers = try examples.identifiers.indexSelect(places).integers()
    let streams = try zip(identifiers, views).map { identifier, view in
      try Generator(seed: RandomStreams.derive(random.seed, "augmentation/\(identifier)/\(view)"))
    }
    var batch = Batch(
      inputs: try pipeline(examples.inputs, places, augmentation: streams, device: device),
      targets: try examples.targets.indexSelect(places).to(device),
      tasks: try examples.tasks?.indexSelect(places), task: task, weights: nil, fresh: places.count,
      source: examples, places: places)
    batch.views = views
    return batch
  }

  /// The loss as a number; stops the training where a part of it is not one.
  private func finite(_ loss: Tensor, _ terms: [LossTerm], _ session: Session) throws -> Double {
    let value = try loss.item()
    guard value.isFinite else {
      let culprit = try terms.first { try !$0.value.item().isFinite }
      throw LearnerError.notFinite(
        term: culprit?.name ?? "loss", experience: session.experience.name, step: session.step)
    }
    return value
  }

  private func admit(_ experience: Experience) throws {
    if objective.isClassification {
      classes.admit(Set(try experience.examples.targets.integers()), task: experience.task)
      try growHead(to: classes.count)
    } else if let outputs = objective.outputs(for: experience.examples.targets) {
      guard model.head.outputs == 0 || model.head.outputs == outputs else {
        throw LearnerError.outputs(head: model.head.outputs, needed: outputs)
      }
      try growHead(to: outputs)
    }
    forbidden = try classes.forbidden()?.to(device)
  }

  private func growHead(to outputs: Int) throws {
    guard outputs > model.head.outputs else { return }
    try model.head.grow(to: outputs, random.stream("head"))
    try parametersChanged()
  }

  private func makeSession(_ experience: Experience, previousOutputs: Int) throws -> Session {
    let replaced = try strategies.first(where: \.replacesTrainingSet)?.trainingSet(for: experience, self)
    var examples = replaced?.examples ?? experience.examples
    if objective.isClassification {
      examples = try examples.with(targets: classes.units(for: examples.targets))
    }
    return Session(
      experience: experience, examples: examples, mixesTasks: replaced != nil,
      previousOutputs: previousOutputs,
      budget: replaced?.budget ?? 1, options: options,
      lengths: options.buckets == nil ? nil : try pipeline.lengths?(examples.inputs).integers())
  }
}

// MARK: - Saving and going on

extension Learner {
  /// Everything needed to go on exactly from here.
  public func state() throws -> State {
    var state = State()
    state["classes"] = classes
    state["outputs"] = model.head.outputs
    state["steps"] = totalSteps
    state["examples"] = totalExamples
    state["boundaries"] = boundaries
    state["strategies"] = strategies.map(\.name)
    state["frozen"] = model.frozenPaths.sorted()
    // Where one library is told from outside, what was measured plays no part.
    let backends = LinearBackendChoice.shared
    if backends.forced == nil { state["linear_backends"] = backends.decisions }
    state.set(State(tensors: try model.stateDictionary()), under: "model")
    state.set(State(tensors: try optimizer.state()), under: "optimizer")
    state.set(State(tensors: try random.state()), under: "random")
    for strategy in strategies { state.set(try strategy.state(), under: "strategy/\(strategy.name)") }
    if let session {
      state["session/step"] = session.step
      state["session/previous"] = session.previousOutputs
      state["session/boundary"] = session.boundary
      state.set(try session.sampler.state(), under: "session/sampler")
    }
    return state
  }

  /// Goes on from a state.
  ///
  /// - Parameters:
  ///   - experience: the experience that was being learned; nil when the state was taken between two.
  ///   - past: gives experiences again, for strategies that keep all data.
  /// - Throws: `StateError`, or `StateMismatch` when the state is of another model.
  public func restore(
    _ state: State, experience: Experience?, past: (Int) throws -> Experience
  ) throws {
    let saved: [String] = try state.require("strategies")
    guard saved == strategies.map(\.name) else {
      throw StateError.strategies(saved: saved, now: strategies.map(\.name))
    }
    // Another matrix library would round differently.
    if let answers: [String: LinearBackend] = state["linear_backends"] {
      LinearBackendChoice.shared.adopt(answers)
    }
    classes = try state.require("classes")
    totalSteps = try state.require("steps")
    totalExamples = try state.require("examples")
    boundaries = state["boundaries"] ?? []
    let outputs: Int = try state.require("outputs")
    // Back to before the head grew: heads do not shrink.
    if model.head.outputs > outputs { model = try blueprint.make(random) }
    try model.head.grow(to: outputs, random.stream("head"))
    try model.load(state.scoped("model").tensors)
    if device != .cpu { try model.move(to: device) }
    if let frozen: [String] = state["frozen"], frozen != model.frozenPaths.sorted() {
      model.freeze(where: Set(frozen).contains)
    }
    vector = try ParameterVector(model.trainableParameters)
    forbidden = try classes.forbidden()?.to(device)
    for strategy in strategies {
      try strategy.restore(state.scoped("strategy/\(strategy.name)"), self, past: past)
    }
    if strategies.contains(where: { $0.companion != nil }) { try gatherParameters() }
    try optimizer.restore(state.scoped("optimizer").tensors.mapValues { try $0.to(device) })
    session = nil
    model.evaluate()
    if let experience {
      let session = try makeSession(experience, previousOutputs: state.require("session/previous"))
      session.step = try state.require("session/step")
      session.boundary = state["session/boundary"] ?? 0
      try session.sampler.restore(state.scoped("session/sampler"))
      self.session = session
      try select(task: session.task)
      model.train()
    }
    try random.restore(state.scoped("random").tensors)
  }
}
