import Torch

/// Inputs that a past self made up, put behind a batch together with what the past self says of them.
///
///     L = (1/t) · mean over fresh + (1 − 1/t) · mean over made up
///
/// with t experiences seen. Labels are the past self's best guess among the units that it knew, or, with `distills`, its
/// softened outputs: T² · mean over items of −Σ_c p_past log p. Where tasks are granted, each item is answered within
/// one of the past tasks, drawn at random.
struct PseudoRehearsal {
  let distills: Bool
  let temperature: Double
  private(set) var experiencesSeen = 0
  private var past: Frozen?
  /// The units that the past self knew, all together or task by task, and those tasks.
  private var known: [[Int]] = []
  private var tasks: [Int] = []
  /// The items made up for the step being taken.
  private var current: (places: Range<Int>, teacher: Tensor, forbidden: Tensor)?

  init(distills: Bool, temperature: Double) {
    self.distills = distills
    self.temperature = temperature
  }

  /// Whether there is a past to rehearse.
  var isActive: Bool { past != nil && !known.isEmpty }

  mutating func begin(_ experience: Experience, _ learner: Learner) throws {
    experiencesSeen += 1
    current = nil
    guard experiencesSeen > 1, let session = learner.session else { return }
    past = try Frozen(learner.model, learner.blueprint, device: learner.device)
    guard experience.task != nil else {
      (known, tasks) = ([Array(0..<session.previousOutputs)], [])
      return
    }
    let earlier = learner.classes.tasks.filter { $0.key != experience.task }.sorted { $0.key < $1.key }
    (known, tasks) = (earlier.map(\.value), earlier.map(\.key))
  }

  /// Puts model inputs `[n, …]` behind the batch and shares the loss among experiences.
  mutating func join(_ batch: Batch, _ inputs: Tensor, _ learner: Learner) throws -> Batch {
    current = nil
    guard let past, isActive else { return batch }
    return try noGrad {
      let count = inputs.shape[0]
      let outputs = try past(inputs)
      var forbidden = try Self.forbidden(known, units: outputs.shape[1]).to(learner.device)
      var itsTasks: Tensor?
      if tasks.isEmpty {
        forbidden = try forbidden.expand([count, outputs.shape[1]])
      } else {
        let draw = try Tensor.randomIntegers(0..<tasks.count, [count], learner.random.stream("past tasks"))
        forbidden = try forbidden.indexSelect(draw.to(learner.device))
        itsTasks = try Tensor(tasks).indexSelect(draw)
      }
      let teacher = try outputs.maskedFill(forbidden, Self.never)
      let first = batch.count
      let own = try batch.weights ?? Tensor.ones([first], device: learner.device)
      var joined = try batch.appending(inputs: inputs, targets: teacher.argmax(1), tasks: itsTasks)
      let factors = try factors(first, count, learner)
      joined.weights = try Tensor.concatenate([
        own * factors.narrow(dim: 0, start: 0, count: first),
        distills
          ? Tensor.zeros([count], device: learner.device)
          : factors.narrow(dim: 0, start: first, count: count),
      ])
      current = (first..<(first + count), teacher, forbidden)
      return joined
    }
  }

  /// What the student is away from the past self's softened outputs; nil with hard labels.
  func term(_ step: Step) throws -> LossTerm? {
    guard distills, let current else { return nil }
    let share = 1 - 1 / Double(experiencesSeen)
    let rows = try step.outputs.narrow(dim: 0, start: current.places.lowerBound, count: current.places.count)
    // New units are part of the student's distribution, so that they are pushed down; other tasks' are not.
    let student =
      tasks.isEmpty ? try rows.clamp(min: Self.never) : try rows.maskedFill(current.forbidden, Self.never)
    let values = try ResponseDistillation.zeroPaddedCrossEntropy(
      student: student, teacher: current.teacher, temperature: temperature)
    return try LossTerm("replay", DistillationReducer()(values, temperature: temperature) * share)
  }

  /// The fresh items of a batch and those made up, and factors of mean 1 by which each counts.
  func items(_ step: Step) throws -> (inputs: Tensor, factors: Tensor) {
    let batch = step.batch
    let fresh = try batch.inputs.narrow(dim: 0, start: 0, count: batch.fresh)
    guard let places = current?.places else {
      return (fresh, try Tensor.ones([batch.fresh], device: step.learner.device))
    }
    let replayed = try batch.inputs.narrow(dim: 0, start: places.lowerBound, count: places.count)
    return (
      try Tensor.concatenate([fresh, replayed]),
      try factors(batch.fresh, places.count, step.learner)
    )
  }

  private func factors(_ fresh: Int, _ past: Int, _ learner: Learner) throws -> Tensor {
    try ExperienceShares.factors(fresh: fresh, past: past, experiences: experiencesSeen).to(learner.device)
  }

  /// Where in the batch the items made up are.
  var places: Range<Int>? { current?.places }

  /// Far below any output, and finite: a masked probability times its logarithm stays 0.
  private static let never = -1e9

  /// True at the units that are not of each group, `[groups, units]`.
  private static func forbidden(_ groups: [[Int]], units: Int) throws -> Tensor {
    var rows = [Bool](repeating: true, count: groups.count * units)
    for (row, group) in groups.enumerated() { for unit in group { rows[row * units + unit] = false } }
    return try Tensor(rows, shape: [groups.count, units])
  }

  func state() throws -> State {
    var state = State()
    state["experiences"] = experiencesSeen
    state["known"] = known
    state["tasks"] = tasks
    if let past { state.set(try past.state(), under: "past") }
    return state
  }

  mutating func restore(_ state: State, _ learner: Learner) throws {
    experiencesSeen = try state.require("experiences")
    known = try state.require("known")
    tasks = try state.require("tasks")
    let saved = state.scoped("past")
    past = saved.values.isEmpty ? nil : try Frozen(saved, learner.blueprint, device: learner.device)
    current = nil
  }
}
