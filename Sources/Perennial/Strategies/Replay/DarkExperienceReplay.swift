import Torch

/// Dark experience replay, DER and DER++ (Buzzega et al. 2020, eq. 5 and 6).
///
///     L = CE(x, y) + α · E_(x',z')~M ‖h(x') − z'‖² + β · E_(x'',y'')~M CE(x'', y'')
///
/// z' are the outputs that the model had for the item in the step that inserted it, before that step's update: samples
/// of its trajectory rather than of its end, so no boundary of an experience is needed. The two expectations are over
/// two independent draws; the squared error is a mean over items and units, of those units that existed when the item
/// was stored. DER is β = 0. The published α and β are tuned a data set; the defaults are those of Split CIFAR-10 with
/// 500 examples.
///
/// Of a large vocabulary, `top` keeps each item's, or token's, k largest outputs and their units alone, and holds those: as
/// float32 and int32, 8 k bytes a token in place of 4 for every unit.
///
/// Fresh items and both draws go through the model in one pass. That equals the three passes of the paper's program up
/// to rounding, except that batch normalisation sees all items as one batch.
public final class DarkExperienceReplay: Strategy {
  public static let card = StrategyCard(
    "der", .replay, summary: "Holds the outputs of remembered items where they were when those were stored.",
    formula: "L = CE + α · mean over remembered items and units of (h(x') − z')²",
    use: "Streams with or without boundaries, small memories; stronger than replay of labels alone.",
    avoid: "Data must not be stored; stored outputs are far from right, as after very few steps.",
    cost: "A step on twice the items; outputs kept beside the examples.",
    paper: "Buzzega et al., Dark Experience for General Continual Learning: a Strong, Simple Baseline, 2020"
  ) { (options: Options) in DarkExperienceReplay(options) }

  public static let plusCard = StrategyCard(
    "der++", .replay, summary: "DER that rehearses labels too, of another draw.",
    formula: "L = CE + α · mean (h(x') − z')² + β · CE(x'', y''), two independent draws",
    use: "The strongest simple replay; where labels of remembered items can be trusted.",
    avoid: "Data must not be stored.",
    cost: "A step on three times the items; outputs kept beside the examples.",
    paper: "Buzzega et al., Dark Experience for General Continual Learning: a Strong, Simple Baseline, 2020"
  ) { (options: PlusOptions) in DarkExperienceReplay(options) }

  /// What a recipe can choose for DER.
  public struct Options: MemoryOptions, DarkOptions {
    public var memory = 500
    public var memoryBytes: ByteCount?
    public var policy = Replay.Policy.reservoir
    /// Items of each draw; as many as fresh ones when nil.
    public var batch: Int?
    /// The weight of the outputs.
    public var alpha = 0.3
    /// Keeps only so many of the largest outputs; all when nil.
    public var top: Int?

    public init() {}

    public func validate(at node: ConfigurationNode) throws { try validateDark(at: node) }
  }

  /// What a recipe can choose for DER++.
  public struct PlusOptions: MemoryOptions, DarkOptions {
    public var memory = 500
    public var memoryBytes: ByteCount?
    public var policy = Replay.Policy.reservoir
    /// Items of each draw; as many as fresh ones when nil.
    public var batch: Int?
    /// The weights of the outputs and of the labels.
    public var alpha = 0.2
    public var beta = 0.5
    /// Keeps only so many of the largest outputs; all when nil.
    public var top: Int?

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try validateDark(at: node)
      try node.require("beta", beta, atLeast: 0)
    }
  }

  public let name: String
  public var memory: ReplayMemory? { rehearsal.memory }
  private let batch: Int?
  private let alpha: Double
  private let beta: Double
  let top: Int?
  private let rehearsal: Rehearsal
  /// Where the items whose outputs are held lie in the batch on its way, and those outputs.
  private var held: (first: Int, outputs: Tensor, units: Tensor?)?
  /// What is stored of the fresh items on their way: outputs from before the step.
  private var kept: [String: Tensor] = [:]

  private init(_ name: String, _ options: any MemoryOptions & DarkOptions, beta: Double) {
    self.name = name
    (batch, alpha, self.beta, top) = (options.batch, options.alpha, beta, options.top)
    rehearsal = Rehearsal(options, purpose: "memory-\(name)")
  }

  public convenience init(_ options: Options) { self.init("der", options, beta: 0) }
  public convenience init(_ options: PlusOptions) { self.init("der++", options, beta: options.beta) }

  /// The largest of a language model's outputs are found, and held, piece by piece.
  public var seesOutputs: Bool { top == nil }

  public func check(_ facts: StreamFacts) throws { try rehearsal.check(facts) }
  public func begin(_ experience: Experience, _ learner: Learner) throws { try rehearsal.begin(learner) }

  public func rehearse(_ batch: Batch, _ learner: Learner) throws -> Batch {
    held = nil
    guard let memory, memory.count > 0 else { return batch }
    let count = self.batch ?? batch.fresh
    var parts: [(items: Batch, share: Double)] = []
    if alpha > 0 {
      let places = try memory.draw(count)
      if let items = try rehearsal.recall(places, learner), let outputs = try memory.extra("outputs") {
        let units = try memory.extra("units")?.indexSelect(places).to(learner.device).to(.int64)
        held = (batch.count, try outputs.indexSelect(places).to(learner.device), units)
        parts.append((items, 0))
      }
    }
    if beta > 0, let items = try rehearsal.draw(count, learner) { parts.append((items, beta)) }
    return try batch.joining(parts)
  }

  public func terms(_ step: Step) throws -> [LossTerm] {
    kept = try outputs(of: step)
    guard let held else { return [] }
    self.held = nil
    let items = held.first..<held.first + held.outputs.shape[0]
    if let pieces = try step.look.pieces?.items(items), let units = held.units {
      return [LossTerm(name, try Self.squaredError(pieces, units, held.outputs) * alpha)]
    }
    var now = try step.outputs[items]
    if let units = held.units { now = try now.gather(units, dim: -1) }
    return [LossTerm(name, try Self.squaredError(now, held.outputs) * alpha)]
  }

  public func observe(_ step: Step) throws {
    try rehearsal.insert(step, extras: kept)
    kept = [:]
  }

  public var replayBytes: Int { rehearsal.byteCount }
  public func state() throws -> State { try rehearsal.state() }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    try rehearsal.restore(state, learner)
  }
}

/// What DER and DER++ share.
protocol DarkOptions {
  var batch: Int? { get }
  var alpha: Double { get }
  var top: Int? { get }
}

extension MemoryOptions where Self: DarkOptions {
  fileprivate func validateDark(at node: ConfigurationNode) throws {
    try validateMemory(at: node)
    try node.require("batch", batch, atLeast: 1)
    try node.require("alpha", alpha, atLeast: 0)
    try node.require("top", top, atLeast: 1)
  }
}
