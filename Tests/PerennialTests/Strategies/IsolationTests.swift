import Testing
import Torch

@testable import Perennial

/// Tasks that share a network without touching each other's weights.
@Suite struct IsolationTests {
  /// What a learner says of a task's test set: the features and the task's rows of the head, and the outputs of both.
  struct Answer {
    let features: Tensor
    let rows: Tensor
    let outputs: Tensor
  }

  /// Learns a stream of tasks; after each, what there is to say of all tasks so far.
  static func answers(
    _ strategies: [any Strategy], optimizer: any Optimizer, batchNorm: Bool = false,
    length: TrainingOptions.Length = .epochs(3), clip: Double? = 1, seed: UInt64 = 7
  ) throws -> (learner: Learner, answers: [[Answer]]) {
    let stream = try Clusters().stream(.taskIncremental)
    let learner = try Learner(
      .tiny(batchNorm: batchNorm, dropout: batchNorm ? 0.2 : 0), optimizer: optimizer, strategies: strategies,
      options: TrainingOptions(batch: 8, length: length, clip: clip), pipeline: stream.pipeline, seed: seed)
    var answers: [[Answer]] = []
    for index in 0..<stream.count {
      try learner.learn(stream.experience(index))
      answers.append(try (0...index).map { try answer(learner, stream.test($0).inputs, task: $0) })
    }
    return (learner, answers)
  }

  private static func answer(_ learner: Learner, _ inputs: Tensor, task: Int) throws -> Answer {
    let units = try Tensor(try #require(learner.classes.tasks[task]))
    let head = try #require(learner.model.head as? LinearHead)
    return try learner.asking(task: task) {
      let features = try learner.model.features(inputs)
      let rows = try head.weight.value.indexSelect(units)
      let outputs = try head(features).indexSelect(units, dim: 1)
      return Answer(features: features, rows: rows, outputs: outputs)
    }
  }

  /// The largest change of outputs since a task was learned.
  static func drift(_ answers: [[Answer]]) throws -> Double {
    var worst = 0.0
    for (later, row) in answers.enumerated() {
      for task in 0..<later {
        worst = max(worst, try (row[task].outputs - answers[task][task].outputs).abs().amax([]).item())
      }
    }
    return worst
  }

  static let optimizers: [(String, @Sendable () throws -> any Optimizer)] = [
    ("sgd", { try SGD(learningRate: 0.1) }),
    ("momentum and decay", { try SGD(learningRate: 0.1, momentum: 0.9, weightDecay: 0.01) }),
    ("adam", { try Adam(learningRate: 0.02) }),
  ]

  /// Nothing of an old task changes: no weight, no bias, no statistic, whatever the optimizer remembers.
  @Test(
    arguments: 0..<3, ["packnet", "progressive", "learn-to-grow", "supsup", "piggyback", "lora-per-task"])
  func oldTasksAreAnsweredAsBefore(optimizer: Int, name: String) throws {
    for batchNorm in [false, true] {
      let (_, answers) = try Self.answers(
        [StrategyRegistry.make(Selection(name))], optimizer: Self.optimizers[optimizer].1(),
        batchNorm: batchNorm)
      for task in 0..<2 {
        #expect(try answers[2][task].features.data() == answers[task][task].features.data())
        #expect(try answers[2][task].rows.data() == answers[task][task].rows.data())
      }
      // A product with a wider head may round otherwise.
      #expect(try Self.drift(answers) < 1e-5, "batch normalisation: \(batchNorm)")
    }
  }

  /// Fine-tuning would fail the test above.
  @Test func fineTuningAnswersOtherwise() throws {
    #expect(try Self.drift(Self.answers([], optimizer: SGD(learningRate: 0.1)).answers) > 0.1)
  }

  // MARK: - PackNet

  /// A gradient of zero is not enough: Adam's moments carry owned weights on.
  @Test func withGradientsMaskedAloneAdamDrifts() throws {
    final class GradientsOnly: Strategy {
      let name = "gradients only"
      let whole = PackNet()
      func begin(_ experience: Experience, _ learner: Learner) throws { try whole.begin(experience, learner) }
      func select(task: Int?, _ learner: Learner) throws { try whole.select(task: task, learner) }
      func transform(_ vector: ParameterVector, _ step: Step) throws { try whole.transform(vector, step) }
      func observe(_ step: Step) throws {
        let before = try step.learner.vector.snapshot()
        try whole.observe(step)
        let isPruning = step.number + 1 == step.session.steps * 2 / 3
        if !isPruning { try noGrad { try step.learner.vector.values.copy(from: before) } }
      }
    }
    let (_, outputs) = try Self.answers([GradientsOnly()], optimizer: Adam(learningRate: 0.02))
    #expect(try Self.drift(outputs) > 1e-3)
  }

  @Test func packNetPrunesTheSmallestOfItsOwn() throws {
    let golden = try GoldenTensors("isolation")
    let weights = try golden["packnet/weights"]
    let isOwn = try golden["packnet/own"]
    for percent in [25, 50, 75] {
      let pruned = try PackNet.pruned(weights, isOwn: isOwn, fraction: Double(percent) / 100)
      #expect(try pruned.equals(golden["packnet/pruned\(percent)"]))
    }
  }

  /// Each task keeps a quarter of what was free.
  @Test func everyTaskTakesItsShare() throws {
    let strategy = PackNet()
    let (learner, _) = try Self.answers([strategy], optimizer: SGD(learningRate: 0.1))
    let weight = try #require(learner.model.backbone.stages[0].weight)
    let owners = try CarriedVector(strategy.state().scoped("owners"))
    var carried = try #require(owners)
    let slot = try #require(learner.vector.layout.slots.first { $0.shape == weight.value.shape })
    let of = try learner.vector.layout.view(slot, of: carried.tensor(in: learner.vector.layout))
    let total = Double(weight.value.count)
    var free = total
    for owner in 1...3 {
      let own = try (of .== owner).to(.float32).sum().item()
      expectNear(own, free * 0.25, within: 1)
      free -= own
    }
    #expect(try (weight.value .== 0).to(.float32).sum().item() >= free)
  }

  /// Asking about an old task takes away what belongs to later ones, and gives it back.
  @Test func masksAreTakenOffAgain() throws {
    let (learner, _) = try Self.answers([PackNet()], optimizer: Adam(learningRate: 0.02))
    let weights = try learner.weights()
    let inside = try learner.asking(task: 0) { try learner.weights() }
    #expect(inside != weights)
    #expect(try learner.weights() == weights)
  }

  // MARK: - Hard attention

  @Test func attentionMatchesTheReference() throws {
    let golden = try GoldenTensors("isolation")
    let embedding = try golden["hat/embedding"]
    let maximum = 400.0
    for (index, batch) in [0, 3, 7].enumerated() {
      let s = HardAttention.steepness(step: batch + 8 * index, batches: 8, maximum: maximum)
      expectNear(s, try golden["hat/s\(batch)"].item(), within: 1e-3)
      expectNear(try (embedding * s).sigmoid(), try golden["hat/mask\(batch)"])
      expectNear(
        try HardAttention.compensation(embedding, steepness: s, maximum: maximum),
        try golden["hat/compensation\(batch)"], relative: 1e-4)
    }
    let attention = try [golden["hat/attention0"], golden["hat/attention1"]]
    let used = try [golden["hat/used0"], golden["hat/used1"]]
    expectNear(try HardAttention.sparsity(attention, used: used), try golden["hat/sparsity"])
    expectNear(try HardAttention.sparsity(attention, used: []), try golden["hat/sparsity_first"])
    let (c, l) = try (golden["hat/used0"], golden["hat/used1"])
    expectNear(
      try HardAttention.freedom([5, 4, 3, 3], output: l, input: c), try golden["hat/freedom_convolution"])
    expectNear(
      try HardAttention.freedom([5, 4 * 6], output: l, input: c), try golden["hat/freedom_flattened"])
    expectNear(try HardAttention.freedom([5, 7], output: l, input: nil), try golden["hat/freedom_first"])
    expectNear(try HardAttention.freedom([5], output: l, input: nil), try golden["hat/freedom_bias"])
  }

  /// Momentum and Adam carry weights on where the gradient is masked; the move is masked here. A gate that was left half open
  /// protects its unit by half, as in the paper: only runs count in which all gates came to be open or closed.
  @Test(arguments: 0..<3, [false, true])
  func guardedUnitsStayWhateverTheOptimizer(optimizer: Int, batchNorm: Bool) throws {
    var decided = 0
    for seed in 0..<10 as Range<UInt64> {
      let (learner, outputs) = try Self.answers(
        [HardAttention()], optimizer: Self.optimizers[optimizer].1(), batchNorm: batchNorm,
        length: .epochs(20), clip: nil, seed: seed)
      let gates = try (0..<outputs.count).flatMap { task in
        try learner.select(task: task)
        return try learner.model.backbone.stages.compactMap(\.gate.values).flatMap { try $0.floats() }
      }
      guard gates.allSatisfy({ min($0, 1 - $0) < 0.001 }) else { continue }
      decided += 1
      #expect(try Self.drift(outputs) < 0.02)
    }
    #expect(decided >= 3)
  }

  @Test func capacityIsTheShareOfUsedUnits() throws {
    let hat = HardAttention()
    #expect(try hat.capacity() == 0)
    _ = try Self.answers([hat], optimizer: SGD(learningRate: 0.1), length: .epochs(1))
    #expect(try (0.1...1).contains(hat.capacity()))
  }

  // MARK: - Context gating

  @Test func everyTaskHasItsOwnUnits() throws {
    let gating = ContextGating()
    let one = try gating.gate(100, stage: 0, task: 0, seed: 1)
    #expect(try one.sum().item() == 20)
    #expect(try one.equals(gating.gate(100, stage: 0, task: 0, seed: 1)))
    #expect(try !one.equals(gating.gate(100, stage: 0, task: 1, seed: 1)))
    #expect(try !one.equals(gating.gate(100, stage: 1, task: 0, seed: 1)))
  }

  /// Weights into a closed unit do not move.
  @Test func closedUnitsDoNotLearn() throws {
    let stream = try Clusters().stream(.taskIncremental)
    let gating = ContextGating()
    let learner = try Learner(
      .tiny(), optimizer: SGD(learningRate: 0.1), strategies: [gating], options: TrainingOptions(batch: 8),
      pipeline: stream.pipeline, seed: 7)
    let weight = try #require(learner.model.backbone.stages[0].weight)
    let before = try weight.value.detach().clone()
    try learner.learn(stream.experience(0))
    let moved = try (weight.value.detach() - before).abs().sum([1]) .> 0
    let gate = try gating.gate(16, stage: 0, task: 0, seed: 7) .> 0
    #expect(try moved.logicalAnd(gate.logicalNot()).to(.float32).sum().item() == 0)
    #expect(try moved.to(.float32).sum().item() > 0)
  }

  @Test(arguments: ["xdg", "packnet", "hat", "progressive", "den", "piggyback"])
  func withoutTasksTheyAreRefused(name: String) throws {
    let strategy = try StrategyRegistry.make(Selection(name))
    let facts = StreamFacts(classes: 6, experiences: 3, scenario: .classIncremental, strategies: [name])
    #expect(throws: StrategyError.needsTasks(name)) { try strategy.check(facts) }
  }
}
