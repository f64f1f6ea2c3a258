import Testing
import Torch

@testable import Perennial

/// The strategy: what it adds to the loss, and what it leaves alone.
@Suite struct DistillationTests {
  /// w_hard · CE + w · (0.9 · T² KL + 0.2 · mean squared difference), on every step.
  @Test func theLossIsTheSumOfItsParts() throws {
    let teacher = try TableTeacher(Array(0..<6))
    let room = try Classroom(["big": teacher])
    var looks = 0
    try room.learn(
      "{teacher: big, weight: 0.7, hard: 0.3, terms: [{kd: {temperature: 4}, weight: 0.9}, {logits: {}, weight: 0.2}]}"
    ) { step in
      looks += 1
      let units = step.learner.classes.labels
      let said = try teacher.look(step.batch.inputs, taps: []).outputs.columns(units)
      let kl = try divergence(step.outputs, said, temperature: 4).mean().item()
      let squares = try (step.outputs.detach() - said).square().mean().item()
      let labels = try step.outputs.detach().crossEntropy(step.batch.targets).item()
      expectNear(try step.terms[0].value.item(), 0.3 * labels, within: 1e-5)
      expectNear(try #require(try step.value(of: "kd")), 0.7 * 0.9 * kl, within: 1e-4 * max(kl, 1))
      expectNear(
        try #require(try step.value(of: "logits")), 0.7 * 0.2 * squares, within: 1e-4 * max(squares, 1))
      #expect(kl > 0.01 && squares > 0.01)
    }
    #expect(looks == 16)
  }

  /// The past self at T = 2 is learning without forgetting, to the last bit.
  @Test(arguments: Setting.allCases)
  func thePastSelfIsLearningWithoutForgetting(setting: Setting) throws {
    let ours = Method("past self") {
      (try? [Method.distillation("{teacher: past-self, temperature: 2}")]) ?? []
    }
    let (one, losses) = try StrategyLawTests.train(ours, setting)
    let (other, same) = try StrategyLawTests.train(Method("lwf") { [Method.lwf()] }, setting)
    let (plain, _) = try StrategyLawTests.train(Method("finetune") { [] }, setting)
    #expect(losses == same)
    #expect(try one.weights() == other.weights())
    // Where the head is no matter of gradients and the backbone is frozen nothing can be taught.
    if setting != .frozenLDA, setting != .ldaHead, setting != .ridgeHead, setting != .neighboursHead {
      #expect(try one.weights() != plain.weights(), "the teacher taught something")
    }
  }

  /// torchdistill, distiller and MMRazor let teachers drift: statistics, dropout, even weights.
  @Test(arguments: [
    "[kd]", "[{hint: {taps: [features]}}, {vid: {taps: [hidden]}}]",
    "[{crd: {dimension: 6, negatives: 20}, weight: 0.1}, {rkd: {}, weight: 0.1}]",
  ])
  func theTeacherIsTheSameAfterTraining(terms: String) throws {
    var room = try Classroom()
    let teacher = try room.trained()
    room.teachers = ["big": teacher]
    let inputs = try room.stream.test(0).inputs
    let (digest, said) = (try teacher.digest(), try teacher.look(inputs, taps: []).outputs.data())
    let (learner, losses) = try room.learn("{teacher: big, terms: \(terms)}")
    #expect(losses.count == 16)
    #expect(try teacher.digest() == digest)
    #expect(try teacher.look(inputs, taps: []).outputs.data() == said)
    let plain = try room.learner([])
    try plain.learn(room.stream)
    #expect(try plain.weights() != learner.weights())
  }

  /// What terms learn is moved by the optimizer, and saved beside the student, not in it.
  @Test func adaptersLearnAndStayOutOfTheStudent() throws {
    var room = try Classroom()
    room.teachers = ["big": try room.trained()]
    let options = "{teacher: big, terms: [{hint: {taps: [hidden]}}, {vid: {taps: [features]}}]}"
    let distillation = try Method.distillation(options)
    let learner = try room.learner([distillation])
    try learner.begin(room.stream.experience(0))
    let own = learner.vector.layout.slots.map(\.path).filter { $0.hasPrefix("distillation/") }
    #expect(own.contains("distillation/hint.0.map.weight") && own.contains("distillation/vid.0.alpha"))
    let before = try distillation.adapters.stateDictionary().mapValues { try $0.clone() }
    while let session = learner.session, !session.isDone { try learner.step() }
    try learner.end()
    for (path, value) in try distillation.adapters.stateDictionary() {
      #expect(try !value.equals(#require(before[path])), "\(path) learns")
    }
    let plain = try room.learner([])
    try plain.begin(room.stream.experience(0))
    #expect(try learner.weights().keys.sorted() == plain.weights().keys.sorted())
    #expect(learner.model.learnedCount == plain.model.learnedCount)
    let saved = try learner.state().tensors.keys
    #expect(saved.contains("strategy/distillation/adapters/hint.0.map.weight"))
    #expect(!saved.contains { $0.hasPrefix("model/") && $0.contains("hint") })
  }

  /// Weights may rise or fall inside an experience; one that falls to 0 counts as long as it lasts.
  @Test func weightsFollowTheirRamps() throws {
    let room = try Classroom(["big": try TableTeacher(Array(0..<6))])
    let distillation = try Method.distillation(
      "{teacher: big, weight: {from: 2, to: 0}, terms: [kd, {logits: {}, weight: {from: 0, to: 1, until: 0.5}}]}"
    )
    #expect(distillation.strength == 2)
    let learner = try room.learner([distillation])
    try learner.begin(room.stream.experience(0))
    for number in 0..<16 {
      let step = try learner.currentStep()
      let weights = Dictionary(
        uniqueKeysWithValues: try distillation.contributions(step).map { ($0.name, $0.weight) })
      let all = 2 * (1 - Double(number) / 16)
      expectNear(try #require(weights["kd"]), all, within: 1e-12)
      expectNear(weights["logits"] ?? 0, all * min(Double(number) / 8, 1), within: 1e-12)
      try learner.step()
    }
    // What is tuned is the strength; the course of the weight stays.
    distillation.strength = 6
    try learner.end()
    try learner.begin(room.stream.experience(0))
    #expect(try distillation.contributions(learner.currentStep()).map(\.weight) == [6])
  }

  /// The labels' weight counts only while somebody teaches.
  @Test func labelsCountInFullWhileNobodyTeaches() throws {
    let stream = try Setting.plain.stream()
    var factors: [Int: Set<Double>] = [:]
    let spy = Spy { step in
      let whole = try step.learner.loss(step.outputs, step.batch).item()
      let factor = try step.terms[0].value.item() / whole
      factors[step.session.experience.index, default: []].insert((factor * 1e4).rounded() / 1e4)
    }
    let learner = try Setting.plain.learner(
      [Method.distillation("{teacher: past-self, hard: 0.25}"), spy], stream: stream)
    try learner.learn(stream)
    #expect(factors == [0: [1], 1: [0.25], 2: [0.25]])
  }

  // MARK: - Whom the teacher is asked about

  @Test(arguments: Distillation.Items.allCases)
  func itemsAreThoseThatWereChosen(items: Distillation.Items) throws {
    let room = try Classroom(experiences: 3, ["big": try TableTeacher(Array(0..<6))])
    var options = Distillation.Options()
    options.items = items
    let term = SightsTerm("sights", [TapPair("hidden", "features")])
    let distillation = try Distillation(
      NamedTeachers([.init("big")]), terms: [(term, 0.001)], options: options)
    var sightsBefore = 0
    let spy = Spy { step in
      let (fresh, all) = (step.batch.fresh, step.batch.count)
      let range = items == .all ? 0..<all : items == .fresh ? 0..<fresh : fresh..<all
      defer { sightsBefore = term.sights.count }
      guard !range.isEmpty else {
        #expect(term.sights.count == sightsBefore, "nobody is asked about nothing")
        return
      }
      #expect(term.sights.count == sightsBefore + 1)
      let sight = try #require(term.sights.last)
      #expect(try sight.student.detach().equals(step.outputs.detach()[range]))
      #expect(try sight.pairs[0].student.detach().equals(step.look.value("hidden").detach()[range]))
      #expect(try sight.pairs[0].teacher.equals(step.batch.inputs[range]))
      #expect(try sight.targets?.integers() == step.batch.targets[range].integers())
      let places = try step.batch.places.integers() + [Int](repeating: -1, count: all - fresh)
      #expect(try sight.places.integers() == Array(places[range]))
    }
    let learner = try room.learner([Method.replay(), distillation, spy])
    try learner.learn(room.stream)
    #expect(term.sights.count == (items == .remembered ? 3 * 6 - 1 : 3 * 6))
    #expect(term.renewals == 2)
  }

  /// A part of a batch still knows examples and views of what came from the stream.
  @Test func partsOfABatchKnowWhereTheyComeFrom() throws {
    let room = try Classroom(pipeline: .noisy(), views: 4)
    let learner = try room.learner([])
    try learner.begin(room.stream.experience(0))
    let examples = try #require(learner.session).examples
    let fresh = try learner.batch(of: examples, Tensor([5, 3, 8]), views: [2, 0, 3])
    let batch = try fresh.appending(
      inputs: fresh.inputs[0..<2], targets: fresh.targets[0..<2], tasks: nil,
      weights: Tensor([2, 3] as [Float]))
    let some = try batch.items(1..<4)
    #expect(try some.count == 3 && some.fresh == 2 && some.places.integers() == [3, 8])
    #expect(some.views == [0, 3])
    #expect(try some.weights?.floats() == [1, 1, 2])
    #expect(try some.inputs.equals(batch.inputs[1..<4]) && some.targets.equals(batch.targets[1..<4]))
    let remembered = try batch.items(3..<5)
    #expect(remembered.fresh == 0 && remembered.places.count == 0 && remembered.views == [])
  }

  // MARK: - Going on

  /// With trained teachers, adapters, banks and random draws: cut before every second step.
  @Test(arguments: [
    "{teacher: big, terms: [{hint: {taps: [features], regressor: batch-norm}}, {vid: {taps: [hidden]}}, kd]}",
    "{teacher: big, terms: [{crd: {dimension: 5, negatives: 9}, weight: 0.1}], trust: novelty}",
    "{teachers: [big, small], terms: [kd, {rkd: {}, weight: 0.1}], weight: {from: 1, to: 0}}",
    "{teacher: {cached: {teacher: small}}, temperature: 3}",
    "{teacher: {ema: {decay: 0.8}}, terms: [{vid: {taps: [hidden]}}], hard: 0.7}",
  ])
  func aRunGoesOnAsIfItHadNeverStopped(options: String) throws {
    let big = try Classroom().trained()
    let teachers: [String: any Teacher] = ["big": big, "small": try TableTeacher(Array(0..<6))]
    let method = Method(options) { (try? [Method.distillation(options)]) ?? [] }
    #expect(method.make().count == 1)
    let whole = try ResumeTests.run(method, .dropoutAndNorm, teachers: teachers)
    for cut in stride(from: 1, through: whole.losses.count, by: 2) {
      ResumeTests.expectSame(
        try ResumeTests.run(method, .dropoutAndNorm, teachers: teachers, cut: cut), whole,
        "cut before step \(cut)")
    }
    for index in 1..<3 {
      ResumeTests.expectSame(
        try ResumeTests.run(method, .dropoutAndNorm, teachers: teachers, betweenExperiences: index), whole,
        "cut before \(index)")
    }
  }

  /// A learner that goes back to an earlier state, as a budget of forgetting asks of it, learns the same again.
  @Test func goingBackForgetsWhatTermsLearned() throws {
    let stream = try Setting.plain.stream()
    let learner = try Setting.plain.learner(
      [Method.distillation("{terms: [{hint: {taps: [features], regressor: batch-norm}}, crd]}")],
      stream: stream)
    try learner.learn(stream, 1)
    let start = try learner.state().copied()
    func second() throws -> [Double] {
      var losses: [Double] = []
      try learner.begin(stream.experience(1))
      while let session = learner.session, !session.isDone { losses.append(try learner.step()) }
      try learner.end()
      return losses
    }
    let once = try second()
    let weights = try learner.weights()
    try learner.restore(start, experience: nil, past: { try stream.experience($0) })
    #expect(try second() == once)
    #expect(try learner.weights() == weights)
  }

  /// θ̄ ← d θ̄ + (1 − d) θ after every step, running statistics too; it starts as the student.
  @Test func theMovingAverageFollows() throws {
    let room = try Classroom()
    let source = MovingAverageTeacher(
      FeatureSetting.options { $0.decay = 0.6 })
    let distillation = try Distillation(source, terms: [(SoftTargets(), 1)])
    let learner = try room.learner([distillation])
    try learner.begin(room.stream.experience(0))
    var expected = try learner.model.stateDictionary().mapValues { try $0.clone() }
    for number in 1...16 {
      try learner.step()
      let decay = min(0.6, 1 - 1 / Double(number + 1))
      for (path, value) in try learner.model.stateDictionary() {
        expected[path] =
          value.dtype.isFloatingPoint
          ? try noGrad { try #require(expected[path]) * decay + value.detach() * (1 - decay) }
          : try value.clone()
      }
      let now = try source.state().scoped("model").tensors
      for (path, value) in expected {
        expectNear(try #require(now[path]).to(.float32), try value.to(.float32), relative: 1e-4, path)
      }
    }
  }

  /// When the head grows it keeps its own rows, and takes the new ones from the student.
  @Test func theMovingAverageGrowsWithTheHead() throws {
    let stream = try Setting.dropoutAndNorm.stream()
    let source = MovingAverageTeacher(FeatureSetting.options { $0.decay = 0.9 })
    let learner = try Setting.dropoutAndNorm.learner(
      [try Distillation(source, terms: [(SoftTargets(), 1)])], stream: stream)
    try learner.learn(stream, 1)
    let before = try source.state().scoped("model").tensors.mapValues { try $0.clone() }
    try learner.begin(stream.experience(1))
    let after = try source.state().scoped("model").tensors
    for (path, value) in after {
      let old = try #require(before[path])
      guard path.hasPrefix("head") else {
        #expect(try value.equals(old), "\(path)")
        continue
      }
      #expect(try value.shape[0] == 4 && value[0..<2].equals(old), "\(path)")
      #expect(try value[2..<4].equals(#require(learner.model.stateDictionary()[path])[2..<4]), "\(path)")
    }
  }
}

extension Learner {
  /// The step that comes next, without taking it: the first examples in evaluation.
  func currentStep() throws -> Step {
    let session = try #require(session)
    let batch = try batch(of: session.examples, Tensor.arange(0, 6), isAugmented: false)
    let look = try model.look(batch.inputs, taps: strategies.flatMap(\.taps))
    return Step(learner: self, session: session, number: session.step, batch: batch, look: look)
  }
}
