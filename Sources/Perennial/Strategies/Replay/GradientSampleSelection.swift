import Torch

/// Gradient-based sample selection, GSS-Greedy (Aljundi et al. 2019, algorithm 2).
///
///     c(x) = 1 + max over n remembered items i of cos(∇ℓ(x), ∇ℓ(x_i))
///
/// A full memory lets an item in only where c < 1, its gradient pointing away from all that it was compared with: a slot i
/// is drawn with probability C_i / ΣC and given up with probability C_i / (C_i + c). What stays are items whose gradients
/// differ. Gradients are per item, in evaluation mode, after the step; the items to compare with are drawn once a step.
/// Published: n = 10.
public final class GradientSampleSelection: Strategy {
  public static let card = StrategyCard(
    "gss", .replay, summary: "Replay whose memory keeps the examples whose gradients differ most.",
    formula: "score = 1 + max cos(∇ℓ(x), ∇ℓ(x_i)); low scores drive out high ones",
    use: "Unbalanced streams without boundaries, small batches.",
    avoid: "Large batches or models: every fresh item takes a backward pass of its own.",
    cost: "A backward pass for each fresh item and each item compared with, every step.",
    paper: "Aljundi et al., Gradient Based Sample Selection for Online Continual Learning, 2019"
  ) { GradientSampleSelection($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    public var memory = 300
    public var memoryBytes: ByteCount?
    /// Remembered items a step; as many as fresh ones when nil.
    public var batch: Int?
    /// Remembered items that a gradient is compared with, n.
    public var strength = 10

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("memory", memory, atLeast: 1)
      try node.require("batch", batch, atLeast: 1)
      try node.require("strength", strength, atLeast: 1)
    }
  }

  /// The score of items that there is nothing to compare with.
  private static let firstScore: Float = 0.1

  public let name = "gss"
  public let options: Options
  public var memory: ReplayMemory? { rehearsal.memory }
  private let rehearsal: Rehearsal
  /// G of the last step, kept for its memory.
  private var rows: Tensor?

  public init(_ options: Options = Options()) {
    self.options = options
    rehearsal = Rehearsal(
      memory: options.memory, bytes: options.memoryBytes, purpose: "memory-gss")
  }

  public func begin(_ experience: Experience, _ learner: Learner) throws { try rehearsal.begin(learner) }

  public func rehearse(_ batch: Batch, _ learner: Learner) throws -> Batch {
    try rehearsal.join(batch, options.batch, learner)
  }

  public func observe(_ step: Step) throws {
    guard let memory else { return }
    let random = step.learner.random.numbers("gss")
    var generator = random
    for (row, score) in try scores(step).enumerated() {
      let place = try step.batch.places[row..<(row + 1)]
      let extras = ["score": try Tensor([score])]
      if memory.count < memory.capacity {
        try memory.insert(
          step.batch.source, place, experience: step.session.experience.index, extras: extras)
      } else if score < 1, let kept = try memory.extra("score")?.floats() {
        let slot = Self.draw(kept, &generator)
        guard Float.random(in: 0..<1, using: &generator) < kept[slot] / (kept[slot] + score) else { continue }
        try memory.overwrite(
          slot, with: step.batch.source, place, experience: step.session.experience.index, extras: extras)
      }
    }
  }

  /// A place, with probability in proportion to its weight.
  static func draw(_ weights: [Float], _ generator: inout NumberStream) -> Int {
    var rest = Float.random(in: 0..<1, using: &generator) * weights.reduce(0, +)
    for (place, weight) in weights.enumerated() {
      rest -= weight
      if rest < 0 { return place }
    }
    return weights.count - 1
  }

  /// 1 + the largest cosine of each fresh item's gradient with those of items of the memory.
  func scores(_ step: Step) throws -> [Float] {
    let (learner, fresh) = (step.learner, step.batch.fresh)
    guard learner.vector.count > 0, let items = try rehearsal.draw(options.strength, learner) else {
      return [Float](repeating: Self.firstScore, count: fresh)
    }
    let own = try step.batch.select(Tensor.arange(0, fresh))
    let count = fresh + items.count
    if rows?.shape != [count, learner.vector.count] {
      rows = try Tensor.zeros([count, learner.vector.count], device: learner.device)
    }
    guard let rows else { return [] }
    try learner.model.evaluating {
      try learner.vector.gradients(into: rows) { index in
        let item =
          try index < fresh
          ? own.select(Tensor([index])) : items.select(Tensor([index - fresh]))
        return try learner.loss(learner.model(item.inputs), item)
      }
    }
    return try noGrad {
      let directions = try rows.unitRows()
      let cosines = try directions[0..<fresh].matmul(directions[fresh..<count].T)
      return try (cosines.amax([1]) + 1).floats()
    }
  }

  public var replayBytes: Int { rehearsal.byteCount }
  public func state() throws -> State { try rehearsal.state() }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    try rehearsal.restore(state, learner)
  }
}
