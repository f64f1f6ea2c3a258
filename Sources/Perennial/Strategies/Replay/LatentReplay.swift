import Torch

/// Latent replay (Pellegrini et al. 2020), as in AR1*: remembers activations in the middle of the model, not inputs.
///
///     L = n/(n + m) · mean over n fresh of the loss + m/(n + m) · mean over m remembered activations
///
/// Fresh items go through the whole model, remembered ones enter behind the stage `after` and pass only what lies above.
/// Once the first experience is learned, the layers up to that stage move `slowdown` times as far as the optimizer would
/// have them: 0 holds them still, so that what is remembered stays true; a small number lets them follow, and what is
/// remembered ages. Activations are taken when an experience ends, in evaluation mode; each experience has the same share
/// of the memory. Batch normalisation above the stage sees fresh and remembered items apart.
public final class LatentReplay: Strategy {
  public static let card = StrategyCard(
    "latent-replay", .replay,
    summary: "Rehearses activations from the middle of the model; what lies below hardly moves.",
    formula:
      "L = mean over fresh x of the loss + over remembered h of the loss of upper(h);  lower layers held",
    use: "A pretrained or well-trained lower part; small devices; raw inputs must not be stored.",
    avoid: "The first experience teaches the lower layers too little for those to come.",
    cost: "A step on the fresh items, and on remembered ones in the upper layers alone; the activations.",
    paper: "Pellegrini et al., Latent Replay for Real-Time Continual Learning, 2020"
  ) { LatentReplay($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// Activations kept.
    public var memory = 1000
    /// Stages below the memory; negative numbers count from the last, which −1 leaves above.
    public var after = -1
    /// How far the lower layers still move after the first experience, in shares of the optimizer's step.
    public var slowdown = 0.0
    /// Remembered items a step; as many as fresh ones when nil.
    public var batch: Int?

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("memory", memory, atLeast: 1)
      try node.require("slowdown", slowdown, in: 0...1)
      try node.require("batch", batch, atLeast: 1)
    }
  }

  public let name = "latent-replay"
  public let options: Options
  /// Its inputs are activations.
  public var memory: ReplayMemory? { rehearsal.memory }
  private let rehearsal: Rehearsal
  private var experiencesSeen = 0
  private var scaledStep = ScaledStep()
  /// How far every parameter goes, `[P]`.
  private var factors: (layout: VectorLayout, values: Tensor)?
  /// Remembered items of the step being taken.
  private var drawn: Tensor?

  public init(_ options: Options = Options()) {
    self.options = options
    rehearsal = Rehearsal(memory: options.memory, policy: .experienceBalanced, purpose: "memory")
  }

  public func check(_ facts: StreamFacts) throws {
    guard facts.classes != nil else { throw StrategyError.needsClasses(name) }
  }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    experiencesSeen += 1
    _ = try split(learner)
    try rehearsal.begin(learner)
  }

  public func rehearse(_ batch: Batch, _ learner: Learner) throws -> Batch {
    drawn = nil
    guard let memory, memory.count > 0 else { return batch }
    let places = try memory.draw(options.batch ?? batch.fresh)
    drawn = places
    var batch = batch
    let share = Double(batch.count) / Double(batch.count + places.count)
    batch.weights = try (batch.weights ?? Tensor.ones([batch.count], device: learner.device)) * share
    return batch
  }

  public func terms(_ step: Step) throws -> [LossTerm] {
    let learner = step.learner
    guard let drawn, let kept = try memory?.examples else { return [] }
    let latent = try kept.inputs.indexSelect(drawn).to(learner.device)
    let features = try split(learner).upper.reduce(latent) { try $1($0) }
    let targets = try kept.targets.indexSelect(drawn).to(learner.device)
    let tasks = try kept.tasks?.indexSelect(drawn)
    let batch = Batch(
      inputs: latent, targets: targets, tasks: tasks, task: nil, weights: nil, fresh: 0, source: kept,
      places: drawn)
    let share = Double(drawn.count) / Double(step.batch.count + drawn.count)
    return [LossTerm("latent replay", try learner.loss(learner.model.head(features), batch) * share)]
  }

  public func transform(_ vector: ParameterVector, _ step: Step) throws {
    if experiencesSeen > 1, options.slowdown < 1 { try scaledStep.begin(vector) }
  }

  public func observe(_ step: Step) throws {
    try scaledStep.end(step.learner.vector, factors(step.learner))
  }

  public func end(_ experience: Experience, _ learner: Learner) throws {
    guard let memory, let session = learner.session else { return }
    let examples = session.examples
    let order = try Tensor.permutation(examples.count, learner.random.stream("latent replay"))
    let latent = try activations(examples, learner)
    let kept = try Examples(
      inputs: latent, targets: examples.targets, tasks: examples.tasks, identifiers: examples.identifiers)
    try memory.insert(kept, order, experience: experience.index)
  }

  /// What the lower stages give for examples, in evaluation mode.
  private func activations(_ examples: Examples, _ learner: Learner) throws -> Tensor {
    let stages = try split(learner).lower
    return try learner.asking(task: learner.session?.task) {
      let pieces = try stride(from: 0, to: examples.count, by: 500).map { start in
        let places = try Tensor.arange(start, min(start + 500, examples.count))
        var inputs = try learner.pipeline(
          examples.inputs, places, augmentation: nil, device: learner.device)
        // Fully connected stages take flat rows.
        if let weight = stages.first?.weight, weight.value.rank == 2 { inputs = try inputs.flatten(from: 1) }
        return try stages.reduce(inputs) { try $1($0) }.to(.cpu)
      }
      return try Tensor.concatenate(pieces)
    }
  }

  private func split(_ learner: Learner) throws -> (lower: ArraySlice<Stage>, upper: ArraySlice<Stage>) {
    let stages = learner.model.backbone.stages
    // A model of one stage is remembered behind it, where −1 would leave nothing below.
    let place = options.after < 0 ? max(stages.count + options.after, 1) : options.after
    guard (1...stages.count).contains(place) else {
      throw StrategyError.model(
        name,
        "`after: \(options.after)` is not among the \(stages.count) stages of the model, which are "
          + stages.map(\.name).joined(separator: ", "))
    }
    return (stages[..<place], stages[place...])
  }

  /// What slows the parameters of the backbone that do not lie above the memory; 1 for all others.
  private func factors(_ learner: Learner) throws -> Tensor {
    let layout = learner.vector.layout
    if let factors, factors.layout == layout { return factors.values }
    let upper = try split(learner).upper.map { $0.name + "." }
    let own = Set(learner.model.backbone.parameters.map { ObjectIdentifier($0.parameter) })
    let values = try Tensor.ones([layout.count], device: learner.device)
    for (slot, parameter) in zip(layout.slots, learner.vector.parameters)
    where own.contains(ObjectIdentifier(parameter)) && !upper.contains(where: slot.path.hasPrefix) {
      try layout.view(slot, of: values).fill(options.slowdown)
    }
    factors = (layout, values)
    return values
  }

  public var replayBytes: Int { rehearsal.byteCount }

  public func state() throws -> State {
    var state = try rehearsal.state()
    state["experiences"] = experiencesSeen
    return state
  }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    experiencesSeen = try state.require("experiences")
    (factors, drawn) = (nil, nil)
    try rehearsal.restore(state, learner)
  }
}
