import Testing
import Torch

@testable import Perennial

@Suite struct LearnerTests {
  static func learner(
    _ strategies: [any Strategy] = [], optimizer: any Optimizer,
    options: TrainingOptions = TrainingOptions(batch: 8),
    blueprint: Blueprint = .tiny(), objective: any Objective = Classification()
  ) throws -> Learner {
    try Learner(
      blueprint, objective: objective, optimizer: optimizer, strategies: strategies, options: options,
      pipeline: InputPipeline(), seed: 1)
  }

  static func experience(_ labels: [Int], index: Int = 0, task: Int? = nil) throws -> Experience {
    let inputs = try Tensor.normal([labels.count, 8], Generator(seed: UInt64(index) + 5))
    return try Experience(
      index: index, name: "part \(index)", examples: try Examples(inputs: inputs, targets: Tensor(labels)),
      task: task)
  }

  // MARK: - What a learner knows

  @Test func theHeadKnowsNoClassThatHasNotCome() throws {
    let stream = try Clusters().stream()
    let learner = try Self.learner(optimizer: SGD(learningRate: 0.1))
    #expect(learner.model.head.outputs == 0)
    #expect(learner.classes.count == 0)
    for index in 0..<3 {
      try learner.begin(stream.experience(index))
      #expect(learner.model.head.outputs == 2 * (index + 1))
      #expect(learner.classes.labels == Array(0..<(2 * (index + 1))))
      #expect(learner.session?.previousOutputs == 2 * index)
      try learner.step()
      try learner.end()
    }
  }

  @Test func unitsAreGivenInTheOrderOfArrival() throws {
    let learner = try Self.learner(optimizer: SGD(learningRate: 0.1))
    try learner.learn(Self.experience([70, 9, 9, 70]))
    try learner.learn(Self.experience([3, 9], index: 1))
    #expect(learner.classes.labels == [9, 70, 3])
    #expect(try learner.classes.units(for: Tensor([3, 70, 9, 5])).integers() == [2, 1, 0, -1])
  }

  @Test func knownClassesGrowNothing() throws {
    let learner = try Self.learner(optimizer: SGD(learningRate: 0.1))
    try learner.learn(Self.experience([0, 1, 2]))
    let layout = learner.vector.layout
    try learner.learn(Self.experience([1, 2, 2], index: 1))
    #expect(learner.vector.layout == layout)
  }

  // MARK: - Growing heads and optimizers (avalanche#306, #725, #1163)

  @Test func theMomentsOfOldRowsStayWhenTheHeadGrows() throws {
    let stream = try Clusters().stream()
    let learner = try Self.learner(optimizer: Adam(learningRate: 0.01))
    try learner.learn(stream, 1)
    let (before, old) = (try learner.optimizer.state(), learner.vector.layout)
    let values = try learner.vector.snapshot()
    try learner.begin(stream.experience(1))
    let (after, new) = (try learner.optimizer.state(), learner.vector.layout)
    #expect(new.count > old.count)
    #expect(try after["step"]?.item() == before["step"]?.item())
    for (name, was, now) in [
      ("mean", before["mean"], after["mean"]), ("square", before["square"], after["square"]),
      ("values", values, try learner.vector.snapshot()),
    ] {
      let (was, now) = (try #require(was), try #require(now))
      for (oldSlot, newSlot) in zip(old.slots, new.slots) {
        #expect(oldSlot.path == newSlot.path)
        let (a, b) = (try old.view(oldSlot, of: was), try new.view(newSlot, of: now))
        let rows = a.shape[0]
        #expect(try b[0..<rows].equals(a), "\(name) of \(oldSlot.path)")
        guard newSlot.shape != oldSlot.shape else { continue }
        let added = try b[rows..<b.shape[0]].abs().amax([]).item()
        #expect(name == "values" ? added > 0 : added == 0, "\(name) of new rows of \(oldSlot.path)")
      }
    }
  }

  @Test func momentumIsCarriedOrResetAsAsked() throws {
    let stream = try Clusters().stream()
    for reset in [true, false] {
      let learner = try Self.learner(
        optimizer: SGD(learningRate: 0.1, momentum: 0.9),
        options: TrainingOptions(batch: 8, resetOptimizer: reset))
      try learner.learn(stream, 1)
      try learner.begin(stream.experience(1))
      #expect(try learner.optimizer.state().isEmpty == reset)
    }
  }

  @Test func everyExperienceStartsFromTheBaseRate() throws {
    let stream = try Clusters().stream()
    let optimizer = try SGD(learningRate: 0.1)
    let learner = try Self.learner(
      optimizer: optimizer,
      options: TrainingOptions(batch: 8, schedule: { _, _ in .step(every: 1, factor: 0.5) }))
    for index in 0..<2 {
      try learner.begin(stream.experience(index))
      var rates: [Double] = []
      while let session = learner.session, !session.isDone {
        try learner.step()
        rates.append(optimizer.learningRate)
      }
      try learner.end()
      #expect(rates == [0.1, 0.05, 0.025])
    }
  }

  @Test func laterExperiencesWarmUpToAShareOfTheRate() throws {
    let stream = try Clusters().stream()
    let optimizer = try SGD(learningRate: 0.1)
    let options = TrainingOptions(
      batch: 8, schedule: { _, _ in .warmUp(steps: 2, start: 0.5, then: .constant) }, rewarm: 0.25)
    let learner = try Self.learner(optimizer: optimizer, options: options)
    for (index, expected) in [[0.05, 0.075, 0.1], [0.0125, 0.01875, 0.025]].enumerated() {
      try learner.begin(stream.experience(index))
      var rates: [Double] = []
      while let session = learner.session, !session.isDone {
        #expect(abs(learner.learningRate - expected[rates.count]) < 1e-12)
        try learner.step()
        rates.append(optimizer.learningRate)
      }
      try learner.end()
      #expect(zip(rates, expected).allSatisfy { abs($0 - $1) < 1e-12 }, "\(rates)")
    }
  }

  // MARK: - Length

  @Test func epochsSeeEveryExampleOnceEach() throws {
    let experience = try Clusters().stream().experience(0)
    #expect(experience.examples.count == 24)
    for (batch, epochs, steps) in [(7, 2, 8), (24, 3, 3), (100, 1, 1), (1, 1, 24)] {
      let learner = try Self.learner(
        optimizer: SGD(learningRate: 0.01), options: TrainingOptions(batch: batch, length: .epochs(epochs)))
      try learner.learn(experience)
      #expect(learner.totalSteps == steps)
      #expect(learner.totalExamples == 24 * epochs)
    }
  }

  @Test func stepsAlwaysHaveFullBatches() throws {
    let experience = try Clusters().stream().experience(0)
    let learner = try Self.learner(
      optimizer: SGD(learningRate: 0.01), options: TrainingOptions(batch: 7, length: .steps(9)))
    try learner.learn(experience)
    #expect(learner.totalSteps == 9)
    #expect(learner.totalExamples == 63)
  }

  @Test func clippingBoundsTheStep() throws {
    let learner = try Self.learner(
      optimizer: SGD(learningRate: 1), options: TrainingOptions(batch: 8, clip: 0.01))
    try learner.begin(Self.experience([0, 1, 2, 3]))
    let before = try learner.vector.snapshot()
    try learner.step()
    let moved = try noGrad { try (learner.vector.values - before).norm().item() }
    #expect(abs(moved - 0.01) < 1e-5)
  }

  // MARK: - Tasks

  /// Only the units of an item's own task compete, and the others get no gradient.
  @Test func tasksKeepToTheirUnits() throws {
    let learner = try Self.learner(optimizer: SGD(learningRate: 0.5))
    try learner.learn(Self.experience([0, 1, 0, 1], task: 0))
    let head = try #require(learner.model.parameters.first { $0.path == "head.weight" }).parameter
    let before = try noGrad { try head.value.clone() }
    try learner.learn(Self.experience([2, 3, 3, 2], index: 1, task: 1))
    #expect(try head.value[0..<2].equals(before))
    #expect(learner.classes.tasks == [0: [0, 1], 1: [2, 3]])
  }

  /// Smoothing spreads over the units that take part; over masked ones the loss would be infinite.
  @Test func labelSmoothingKeepsToTheTasksUnits() throws {
    let learner = try Self.learner(
      optimizer: SGD(learningRate: 0.5), objective: Classification(labelSmoothing: 0.1))
    try learner.learn(Self.experience([0, 1, 0, 1], task: 0))
    try learner.begin(Self.experience([2, 3, 3, 2], index: 1, task: 1))
    #expect(try learner.step().isFinite)

    let random = try Generator(seed: 3)
    let outputs = try Tensor.normal([4, 5], random)
    let masked = try outputs.maskedFill(Tensor([true, false, false, true, false]), -Double.infinity)
    let smooth = Classification(labelSmoothing: 0.2)
    let targets = try Tensor([1, 2, 4, 1])
    let own = try outputs.indexSelect(Tensor([1, 2, 4]), dim: 1)
    let expected = try own.crossEntropy(Tensor([0, 1, 2, 0]), reduction: .none, labelSmoothing: 0.2)
    expectNear(try smooth.losses(masked, targets), expected)
    expectNear(try smooth.meanLoss(masked, targets), try expected.mean())
    let whole = try outputs.crossEntropy(targets, reduction: .none, labelSmoothing: 0.2)
    expectNear(try smooth.losses(outputs, targets), whole)
    try outputs.setRequiresGrad(true)
    let loss = try smooth.meanLoss(
      outputs.maskedFill(Tensor([true, false, false, true, false]), -Double.infinity), targets)
    let gradient = try gradients(of: loss, withRespectTo: [outputs])[0]
    #expect(try gradient.floats().allSatisfy(\.isFinite))
    #expect(try gradient.select(0, dim: 1).abs().amax([]).item() == 0)
  }

  // MARK: - Errors

  @Test func anEmptyExperienceIsRefused() throws {
    let learner = try Self.learner(optimizer: SGD(learningRate: 0.1))
    let empty = try Self.experience([0]).examples.select([])
    #expect(throws: LearnerError.emptyExperience("part 4")) {
      try learner.begin(Experience(index: 4, name: "part 4", examples: empty))
    }
    #expect(learner.session == nil)
  }

  @Test func stepsNeedAnExperience() throws {
    let learner = try Self.learner(optimizer: SGD(learningRate: 0.1))
    #expect(throws: LearnerError.noSession) { try learner.step() }
    #expect(throws: LearnerError.noSession) { try learner.end() }
  }

  @Test func twoStrategiesOfOneNameAreRefused() throws {
    #expect(throws: LearnerError.duplicateStrategy("replay")) {
      try Self.learner([Method.replay(), Method.ewc(), Method.replay()], optimizer: SGD(learningRate: 0.1))
    }
  }

  @Test func aLossThatIsNoNumberStopsBeforeTheModelMoves() throws {
    let learner = try Self.learner(
      optimizer: SGD(learningRate: 0.1), options: TrainingOptions(batch: 2, length: .epochs(1)))
    let inputs = try Tensor.normal([8, 8], Generator(seed: 2))
    try inputs[5].fill(Float.nan)
    let examples = try Examples(inputs: inputs, targets: Tensor([0, 1, 0, 1, 0, 1, 0, 1]))
    try learner.begin(Experience(index: 1, name: "2,3", examples: examples))
    var weights = try learner.weights()
    var steps = 0
    do {
      while let session = learner.session, !session.isDone {
        weights = try learner.weights()
        try learner.step()
        steps += 1
      }
      Issue.record("nothing was thrown")
    } catch {
      #expect(error as? LearnerError == .notFinite(term: "loss", experience: "2,3", step: steps))
      #expect("\(error)".contains("step \(steps) of experience 2,3"))
    }
    #expect(try learner.weights() == weights)
    #expect(learner.totalSteps == steps)
  }

  private final class Broken: Strategy {
    let name = "broken"
    func terms(_ step: Step) throws -> [LossTerm] {
      step.number < 1
        ? []
        : [
          LossTerm("the good part", try Tensor.scalar(Float(0))),
          LossTerm("the pull", try Tensor.scalar(Float.infinity)),
        ]
    }
  }

  @Test func theTermThatIsNoNumberIsNamed() throws {
    let learner = try Self.learner(
      [Broken()], optimizer: SGD(learningRate: 0.1), options: TrainingOptions(batch: 2))
    try learner.begin(Self.experience([0, 1, 0, 1]))
    try learner.step()
    #expect(throws: LearnerError.notFinite(term: "the pull", experience: "part 0", step: 1)) {
      try learner.step()
    }
  }

  // MARK: - Other objectives

  @Test(arguments: [1, 3])
  func regressionLearns(values: Int) throws {
    let random = try Generator(seed: 8)
    let inputs = try Tensor.normal([64, 8], random)
    let truth = try inputs.matmul(Tensor.normal([8, values], random))
    let targets = values == 1 ? try truth.squeeze(1) : truth
    let examples = try Examples(inputs: inputs, targets: targets)
    let learner = try Self.learner(
      optimizer: Adam(learningRate: 0.02), options: TrainingOptions(batch: 16, length: .epochs(60)),
      objective: Regression())
    try learner.learn(Experience(index: 0, name: "0", examples: examples))
    #expect(learner.model.head.outputs == values)
    #expect(try Regression().score(learner.model(inputs), targets) > 0.9)
  }

  @Test func severalLabelsLearn() throws {
    let random = try Generator(seed: 9)
    let inputs = try Tensor.normal([64, 8], random)
    let targets = try (inputs.matmul(Tensor.normal([8, 4], random)) .> 0).to(.int64)
    let learner = try Self.learner(
      optimizer: Adam(learningRate: 0.02), options: TrainingOptions(batch: 16, length: .epochs(40)),
      objective: MultiLabelClassification())
    try learner.learn(Experience(index: 0, name: "0", examples: Examples(inputs: inputs, targets: targets)))
    #expect(try MultiLabelClassification().score(learner.model(inputs), targets) > 0.95)
  }

  @Test func anotherNumberOfValuesIsRefused() throws {
    let random = try Generator(seed: 8)
    func experience(_ values: Int) throws -> Experience {
      let examples = try Examples(
        inputs: Tensor.normal([4, 8], random), targets: Tensor.normal([4, values], random))
      return try Experience(index: 0, name: "0", examples: examples)
    }
    let learner = try Self.learner(optimizer: SGD(learningRate: 0.1), objective: Regression())
    try learner.learn(experience(2))
    #expect(throws: LearnerError.outputs(head: 2, needed: 3)) { try learner.begin(experience(3)) }
  }
}
