import Testing
import Torch

@testable import Perennial

/// Two layers with ReLU as two stages.
private final class Pair: Module, Backbone {
  let featureCount: Int
  let stages: [Stage]

  init(_ inputs: Int, _ hidden: Int, _ features: Int, _ generator: Generator) throws {
    let first = try Linear(inputs, hidden, relu: true, generator)
    let second = try Linear(hidden, features, relu: true, generator)
    featureCount = features
    stages = [
      Stage("first", width: hidden, weight: first.weight, bias: first.bias) { try first($0) },
      Stage("second", width: features, weight: second.weight, bias: second.bias) { try second($0) },
    ]
    super.init()
    register("first", first)
    register("second", second)
  }

  func callAsFunction(_ input: Tensor) throws -> Tensor { try stages.reduce(input) { try $1($0) } }
}

@Suite struct MultiTaskTests {
  static func blueprint(_ inputs: Int = 8, _ hidden: Int = 10, _ features: Int = 12) -> Blueprint {
    Blueprint { random in
      let backbone = try Pair(inputs, hidden, features, random.stream("initialization"))
      return Network(backbone, head: try LinearHead(features: features, random.stream("head")))
    }
  }

  static func learner(
    _ strategies: [any Strategy], _ stream: Perennial.Stream, blueprint: Blueprint = blueprint(),
    optimizer: (any Optimizer)? = nil
  )
    throws -> Learner
  {
    try Learner(
      blueprint, optimizer: optimizer ?? Adam(learningRate: 0.01), strategies: strategies,
      options: TrainingOptions(batch: 8, length: .steps(6)), pipeline: stream.pipeline, seed: 2)
  }

  /// A learner that knows two tasks, with the golden columns; the session is of both tasks.
  static func golden(_ strategy: any Strategy, _ golden: GoldenTensors) throws -> (Learner, TaskColumns) {
    let inputs = try Tensor.normal([8, 4], Generator(seed: 1))
    let learner = try Learner(
      blueprint(4, 5, 3), optimizer: SGD(learningRate: 0.1), strategies: [Joint(), strategy],
      options: TrainingOptions(batch: 4, length: .steps(1)), pipeline: InputPipeline())
    for task in 0..<2 {
      let examples = try Examples(inputs: inputs, targets: Tensor((0..<8).map { $0 % 2 + 2 * task }))
      let experience = try Experience(index: task, name: "\(task)", examples: examples, task: task)
      try learner.begin(experience)
      if task == 0 { try learner.end() }
    }
    let columns = try #require(learner.model.backbone as? TaskColumns)
    for (place, column) in columns.columns.enumerated() { try column.load(golden.all("column\(place)")) }
    return (learner, columns)
  }

  @Test func uncertaintyWeightingIsTheGoldenOne() throws {
    let golden = try GoldenTensors("multitask")
    let (losses, s) = try (golden["uncertainty/losses"].clone(), golden["uncertainty/s"].clone())
    for leaf in [losses, s] { try leaf.setRequiresGrad(true) }
    let value = try UncertaintyWeighting.combined(losses, golden["uncertainty/tasks"], s)
    expectNear(value, try golden["uncertainty/value"])
    let slopes = try gradients(of: value, withRespectTo: [losses, s])
    expectNear(slopes[0], try golden["uncertainty/by_losses"])
    expectNear(slopes[1], try golden["uncertainty/by_s"])
  }

  /// The solution for fixed losses is exp(s_t) = 2 L_t: a task twice as hard counts half.
  @Test func aHardTaskLearnsASmallWeight() throws {
    let stream = try Clusters().stream(.taskIncremental)
    let learner = try Self.learner([Joint.cumulative(), UncertaintyWeighting()], stream)
    try learner.learn(stream)
    let state = try learner.model.stateDictionary()
    let s = try #require(state["uncertainty.log_variances"])
    let values = try s.floats()
    #expect(values.count == 3 && !values.contains(0))
  }

  @Test func crossStitchedFeaturesAreTheGoldenOnes() throws {
    let golden = try GoldenTensors("multitask")
    let (_, columns) = try Self.golden(CrossStitch(), golden)
    for (place, layers) in columns.stitches.enumerated() {
      for (layer, parameter) in layers.enumerated() {
        try noGrad { try parameter.value.copy(from: golden["shares\(place)/l\(layer)"]) }
      }
    }
    let inputs = try golden["stitched_inputs/inputs"]
    columns.tasks = nil
    for task in 0..<2 {
      columns.task = task
      expectNear(try noGrad { try columns(inputs) }, try golden["stitched\(task)/outputs"])
    }
    // A batch of both tasks is taken apart and put together in its own order.
    columns.tasks = try Tensor([1, 0, 0, 1, 1, 0])
    let both = try noGrad { try columns(inputs) }
    for (row, task) in [1, 0, 0, 1, 1, 0].enumerated() {
      expectNear(try both[row], try golden["stitched\(task)/outputs"][row], relative: 1e-5)
    }
  }

  @Test func thePullOfTiedBackbonesIsTheGoldenOne() throws {
    let golden = try GoldenTensors("multitask")
    let strategy = SoftSharing(lambda: 0.7)
    let (learner, _) = try Self.golden(strategy, golden)
    try learner.vector.zeroGradients()
    let session = try #require(learner.session)
    let batch = try learner.batch(of: session.examples, Tensor.arange(0, 4), isAugmented: false)
    let step = Step(
      learner: learner, session: session, number: 0, batch: batch,
      look: Look(features: batch.inputs, outputs: batch.inputs))
    try strategy.transform(learner.vector, step)
    for slot in learner.vector.layout.slots where slot.path.hasPrefix("columns.") {
      let parts = slot.path.split(separator: ".", maxSplits: 2)
      expectNear(
        try learner.vector.layout.view(slot, of: learner.vector.gradients),
        try golden["tied\(parts[1])/\(parts[2])"], slot.path)
    }
  }

  /// Where tasks come one by one, what earlier tasks are answered from does not change by a bit. The answers are
  /// products with a head of more rows by then, which sums in another order.
  @Test(arguments: ["soft-sharing", "cross-stitch"])
  func earlierTasksAreLeftAlone(name: String) throws {
    let stream = try Clusters().stream(.taskIncremental)
    let strategy: any Strategy = name == "soft-sharing" ? SoftSharing(lambda: 0.1) : CrossStitch()
    // Without momentum, which would go on moving the resting rows of the head.
    let learner = try Self.learner([strategy], stream, optimizer: SGD(learningRate: 0.05))
    let inputs = try stream.test(0).inputs
    func basis() throws -> (features: Tensor, head: Tensor, answers: Tensor) {
      let features = try learner.asking(task: 0) { try learner.model.features(inputs) }
      let rows = try #require(try learner.model.stateDictionary()["head.weight"])
      let answers = try learner.predict(inputs, task: 0).narrow(dim: 1, start: 0, count: 2)
      return (features, try rows[0..<2], answers)
    }
    try learner.learn(stream, 1)
    let before = try basis()
    try learner.learn(stream.experience(1))
    try learner.learn(stream.experience(2))
    let after = try basis()
    #expect(try after.features.equals(before.features))
    #expect(try after.head.equals(before.head))
    #expect(try after.answers.isClose(to: before.answers, relative: 1e-5, absolute: 1e-6))
    #expect(try !learner.predict(inputs, task: 2).equals(learner.predict(inputs, task: 1)))
  }

  /// All tasks together learn well, and weights tied hard are almost one.
  @Test(arguments: ["hard", "soft-sharing", "cross-stitch", "uncertainty-weighting"])
  func allTasksTogetherAreLearned(name: String) throws {
    let stream = try Clusters(spread: 0.4).stream(.taskIncremental)
    let extra: [any Strategy] =
      switch name {
      case "soft-sharing": [SoftSharing(lambda: 0.01)]
      case "cross-stitch": [CrossStitch()]
      case "uncertainty-weighting": [UncertaintyWeighting()]
      default: []
      }
    let learner = try Learner(
      Self.blueprint(), optimizer: Adam(learningRate: 0.01), strategies: [Joint()] + extra,
      options: TrainingOptions(batch: 12, length: .steps(60)), pipeline: stream.pipeline, seed: 2)
    try learner.learn(stream)
    for index in 0..<stream.count {
      let test = try stream.test(index)
      let task = try #require(try stream.experience(index).task)
      let units = try #require(learner.classes.tasks[task])
      let outputs = try learner.predict(test.inputs, task: task).indexSelect(Tensor(units), dim: 1)
      let targets = try learner.classes.units(for: test.targets).integers().map {
        units.firstIndex(of: $0) ?? -1
      }
      #expect(try Classification().score(outputs, Tensor(targets)) > 0.85)
    }
  }

  @Test func aStrongTieMakesOneBackboneOfAll() throws {
    func distance(_ lambda: Double) throws -> Double {
      let stream = try Clusters().stream(.taskIncremental)
      let learner = try Learner(
        Self.blueprint(), optimizer: SGD(learningRate: 0.05),
        strategies: [Joint(), SoftSharing(lambda: lambda)],
        options: TrainingOptions(batch: 12, length: .steps(40)), pipeline: stream.pipeline, seed: 2)
      try learner.learn(stream, 2)
      let state = try learner.model.stateDictionary()
      let (one, other) = try (
        #require(state["columns.0.first.weight"]), #require(state["columns.1.first.weight"])
      )
      return try (one - other).norm().item()
    }
    let (tied, free) = try (distance(5), distance(0))
    #expect(tied < 0.1 * free, "\(tied) tied, \(free) free")
  }

  @Test func withoutTasksOrInTheWrongOrderTheyAreRefused() throws {
    func facts(_ scenario: Scenario, _ strategies: [String]) -> StreamFacts {
      StreamFacts(classes: 6, experiences: 3, scenario: scenario, strategies: strategies)
    }
    for strategy in [SoftSharing(), CrossStitch(), UncertaintyWeighting()] as [any Strategy] {
      #expect(throws: StrategyError.needsTasks(strategy.name)) {
        try strategy.check(facts(.classIncremental, [strategy.name]))
      }
      try strategy.check(facts(.taskIncremental, ["joint", strategy.name]))
    }
    #expect(throws: StrategyError.self) {
      try SoftSharing().check(facts(.taskIncremental, ["soft-sharing", "joint"]))
    }
  }

  static let methods: [Method] = [
    Method("soft-sharing") { [SoftSharing(lambda: 0.1)] },
    Method("cross-stitch") { [CrossStitch()] },
    Method("uncertainty-weighting") { [UncertaintyWeighting()] },
    Method("joint, soft-sharing") { [Joint(), SoftSharing(lambda: 0.1)] },
    Method("cumulative, cross-stitch") { [Joint.cumulative(), CrossStitch()] },
    Method("joint, uncertainty-weighting") { [Joint(), UncertaintyWeighting()] },
    Method("replay, soft-sharing") { [Method.replay(), SoftSharing(lambda: 0.1)] },
  ]

  /// The laws of all strategies, in the setting that tells tasks.
  @Test(arguments: methods)
  func goingOnIsAsNeverHavingStopped(method: Method) throws {
    let whole = try ResumeTests.run(method, .tasks)
    #expect(try ResumeTests.run(method, .tasks) == whole, "the run does not even repeat itself")
    for cut in stride(from: 1, through: whole.losses.count, by: 3) {
      ResumeTests.expectSame(try ResumeTests.run(method, .tasks, cut: cut), whole, "cut before step \(cut)")
    }
    for index in 1..<3 {
      ResumeTests.expectSame(
        try ResumeTests.run(method, .tasks, betweenExperiences: index), whole, "cut before \(index)")
    }
  }

  @Test func tiedByNothingTheFirstTaskIsFineTuning() throws {
    let (_, plain) = try StrategyLawTests.train(Method("finetune") { [] }, .tasks, experiences: 1)
    let (_, same) = try StrategyLawTests.train(
      Method("soft-sharing") { [SoftSharing(lambda: 0)] }, .tasks, experiences: 1)
    #expect(same == plain)
  }
}
