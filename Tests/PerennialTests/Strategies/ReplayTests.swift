import Testing
import Torch

@testable import Perennial

@Suite struct ReplayTests {
  typealias Policy = Replay.Policy

  /// Learns a stream with replay, looking at every step and at the memory after each experience.
  @discardableResult
  static func run(
    _ replay: Replay, _ stream: Perennial.Stream, batch: Int = 8,
    look: @escaping (Step) throws -> Void = { _ in },
    after: (Int, ReplayMemory) throws -> Void = { _, _ in }
  ) throws -> Learner {
    let learner = try Learner(
      .tiny(), optimizer: SGD(learningRate: 0.05), strategies: [replay, Spy(look)],
      options: TrainingOptions(batch: batch), pipeline: stream.pipeline, seed: 2)
    for index in 0..<stream.count {
      try learner.learn(stream.experience(index))
      try after(index, #require(replay.memory))
    }
    return learner
  }

  @Test(arguments: Policy.allCases, Replay.Insertion.allCases)
  func theMemoryNeverHoldsMoreThanItMay(policy: Policy, insert: Replay.Insertion) throws {
    let stream = try Clusters().stream()
    let replay = Method.replay { ($0.policy, $0.insert) = (policy, insert) }
    let data = try Clusters().source().train
    try Self.run(replay, stream) { step in
      #expect((replay.memory?.count ?? 0) <= 13)
    } after: { index, memory in
      #expect(memory.count == 13)
      let kept = try #require(try memory.examples)
      let identifiers = try kept.identifiers.integers()
      #expect(Set(identifiers).count == 13)
      #expect(
        try kept.inputs.equals(data.inputs.indexSelect(kept.identifiers)), "inputs are those of the stream")
      #expect(try kept.targets.equals(data.targets.indexSelect(kept.identifiers)))
      let classes = Dictionary(try kept.targets.integers().map { ($0, 1) }, uniquingKeysWith: +)
      let experiences = Dictionary(try memory.experiences().map { ($0, 1) }, uniquingKeysWith: +)
      #expect(try memory.experiences() == kept.targets.integers().map { $0 / 2 })
      switch policy {
      case .classBalanced, .ring:
        #expect(classes.count == 2 * (index + 1))
        #expect((classes.values.max() ?? 0) - (classes.values.min() ?? 0) <= 1)
      case .experienceBalanced:
        #expect(experiences.count == index + 1)
        #expect((experiences.values.max() ?? 0) - (experiences.values.min() ?? 0) <= 1)
      case .reservoir: #expect(classes.count > 1)
      }
    }
  }

  /// Rehearsal begins inside the first experience, as soon as there is something to rehearse (Mammoth's ER).
  @Test func rehearsalBeginsWithTheSecondStep() throws {
    var counts: [[Int]] = []
    try Self.run(Method.replay(), Clusters().stream()) { step in
      counts.append([step.batch.fresh, step.batch.count - step.batch.fresh])
    }
    #expect(counts == [[8, 0]] + [Int](repeating: 8, count: 8).map { [$0, 8] })
  }

  /// With insertion at the end only earlier experiences are rehearsed.
  @Test func insertionAtTheEndRehearsesEarlierExperiencesOnly() throws {
    try Self.run(Method.replay { $0.insert = .end }, Clusters().stream()) { step in
      let index = step.session.experience.index
      let old = try step.batch.targets[8..<step.batch.count].integers()
      #expect(old.count == (index == 0 ? 0 : 8))
      #expect(old.allSatisfy { $0 < 2 * index })
    }
  }

  @Test func theBatchOfMemoryCanBeChosen() throws {
    try Self.run(Method.replay { ($0.batch, $0.insert) = (3, .end) }, Clusters().stream()) { step in
      #expect(step.batch.count == (step.session.experience.index == 0 ? 8 : 11))
    }
  }

  @Test func oneForwardPassLearnsFromBothAlike() throws {
    try Self.run(Method.replay(), Clusters().stream()) { step in
      let expected = try step.outputs.crossEntropy(step.batch.targets).item()
      expectNear(try step.terms[0].value.item(), expected, within: 1e-6)
    }
  }

  /// L = (1/t) · fresh + (1 − 1/t) · remembered.
  @Test func experiencesWeighAlike() throws {
    let replay = Method.replay { ($0.weighting, $0.insert, $0.batch) = (.experiences, .end, 5) }
    try Self.run(replay, Clusters().stream()) { step in
      let t = Double(step.session.experience.index + 1)
      let losses = try step.outputs.crossEntropy(step.batch.targets, reduction: .none)
      let fresh = try losses[0..<8].mean().item()
      let old = step.batch.count > 8 ? try losses[8..<step.batch.count].mean().item() : 0
      expectNear(try step.terms[0].value.item(), fresh / t + (1 - 1 / t) * old, within: 1e-5)
    }
  }

  /// The weights of a strategy asked before are kept: here van de Ven's 1/t of the data.
  @Test func weightsOfOtherStrategiesAreKept() throws {
    let replay = Method.replay { ($0.weighting, $0.insert) = (.experiences, .end) }
    let stream = try Clusters().stream()
    let spy = Spy { step in
      let t = Double(step.session.experience.index + 1)
      guard t > 1 else { return }
      let losses = try step.outputs.crossEntropy(step.batch.targets, reduction: .none)
      let fresh = try losses[0..<8].mean().item()
      let old = try losses[8..<16].mean().item()
      expectNear(try step.terms[0].value.item(), fresh / t / t + (1 - 1 / t) * old, within: 1e-5)
    }
    let learner = try Learner(
      .tiny(), optimizer: SGD(learningRate: 0.05),
      strategies: [Method.lwf { $0.variant = .vanDeVen }, replay, spy],
      options: TrainingOptions(batch: 8), pipeline: stream.pipeline)
    try learner.learn(stream)
    #expect(learner.totalSteps == 9)
  }

  // MARK: - §3.10: what is stored, and when

  /// The memory keeps inputs as they were read; every draw is changed at random anew.
  @Test func augmentedInputsAreStored() throws {
    let stream = try Clusters().stream(pipeline: .noisy())
    let data = try Clusters().source().train
    var seen: [Int: Set<[Float]>] = [:]
    let replay = Method.replay { $0.memory = 2 }
    try Self.run(replay, stream) { step in
      guard step.number > 0 else { return }
      for n in step.batch.fresh..<step.batch.count {
        seen[try step.batch.targets[n].itemInt(), default: []].insert(try step.batch.inputs[n].floats())
      }
    } after: { _, memory in
      let kept = try #require(try memory.examples)
      #expect(try kept.inputs.equals(data.inputs.indexSelect(kept.identifiers)))
    }
    // Two items were drawn at each of six steps, and no drawn input came twice.
    #expect(seen.values.reduce(0) { $0 + $1.count } == 12)
  }

  /// Items go in after the step, so a step never rehearses what it is learning from.
  @Test func aStepDoesNotRehearseItsOwnItems() throws {
    var known: Set<Int> = []
    let replay = Method.replay { $0.memory = 1000 }
    let spy = Spy { step in
      // Strategies observe in order: by now the fresh items are in, and what was drawn came from before.
      let fresh = try step.batch.source.identifiers.indexSelect(step.batch.places).integers()
      #expect(replay.memory?.count == known.count + fresh.count)
      known.formUnion(fresh)
    }
    let stream = try Clusters().stream()
    let learner = try Learner(
      .tiny(), optimizer: SGD(learningRate: 0.05), strategies: [replay, spy],
      options: TrainingOptions(batch: 8), pipeline: stream.pipeline)
    try learner.learn(stream)
    #expect(known.count == 72)
  }

  @Test func rememberedItemsKeepTheirTask() throws {
    let stream = try Clusters().stream(.taskIncremental)
    try Self.run(Method.replay(), stream) { step in
      let tasks = try #require(step.batch.tasks).integers()
      #expect(try tasks == step.batch.targets.integers().map { $0 / 2 })
      let shared = step.batch.count == step.batch.fresh
      #expect(step.batch.task == (shared ? step.session.experience.index : nil))
      // Each item among the units of its own task: two classes, so the loss starts near log 2 and not log 6.
      let masked = try step.learner.mask(step.outputs, step.batch).softmax()
      for (n, task) in tasks.enumerated() {
        let own = try masked[n].narrow(dim: 0, start: 2 * task, count: 2).sum().item()
        #expect(abs(own - 1) < 1e-5)
      }
    }
  }

  @Test func itRemembersWhatFineTuningForgets() throws {
    let stream = try Clusters(spread: 0.3).stream()
    func accuracy(_ strategies: [any Strategy]) throws -> Double {
      let learner = try Learner(
        .tiny(), optimizer: SGD(learningRate: 0.1), strategies: strategies,
        options: TrainingOptions(batch: 4, length: .epochs(8)), pipeline: stream.pipeline)
      try learner.learn(stream)
      return try Evaluator(stream).look(at: learner).scores.map(\.score).reduce(0, +) / 3
    }
    let (forgetting, remembering) = (try accuracy([]), try accuracy([Replay(memory: 30)]))
    #expect(remembering > 0.9 && forgetting < remembering - 0.2, "\(forgetting), \(remembering)")
  }

  // MARK: - Impossible memories

  static func facts(classes: Int) -> StreamFacts {
    StreamFacts(classes: classes, experiences: 2, scenario: .classIncremental)
  }

  @Test(arguments: [Policy.classBalanced, .ring])
  func aMemorySmallerThanTheClassesIsRefused(policy: Policy) throws {
    let replay = Replay(memory: 3, policy: policy)
    #expect(throws: StrategyError.memoryTooSmall(memory: 3, classes: 4)) {
      try replay.check(Self.facts(classes: 4))
    }
    try replay.check(Self.facts(classes: 3))
    let stream = try Clusters().stream()
    let learner = try Learner(
      .tiny(), optimizer: SGD(learningRate: 0.05), strategies: [replay], pipeline: stream.pipeline)
    try learner.learn(stream, 1)
    #expect(throws: StrategyError.memoryTooSmall(memory: 3, classes: 4)) {
      try learner.begin(stream.experience(1))
    }
    #expect(
      "\(StrategyError.memoryTooSmall(memory: 3, classes: 4))".contains(
        "3 examples cannot hold one of each of 4"))
  }

  @Test func aReservoirServesAnyNumberOfClasses() throws {
    try Replay(memory: 1).check(Self.facts(classes: 100))
    try Self.run(Replay(memory: 1), Clusters().stream()) { step in
      #expect(step.batch.count <= 9)
    }
  }
}
