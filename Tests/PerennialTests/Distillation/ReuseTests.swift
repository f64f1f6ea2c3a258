import Foundation
import Testing
import Torch

@testable import Perennial

/// A student that takes modules of its teacher over.
@Suite struct ReuseTests {
  /// Knows classes 5, 4 … 0 in this order.
  static func teacher(hidden: Int = 16, classes: Int = 6) throws -> PretrainedTeacher {
    let source = try Clusters(classes: classes).source()
    let blueprint = Blueprint.tiny(hidden: hidden, batchNorm: true)
    let learner = try Learner(
      blueprint, optimizer: SGD(learningRate: 0.1), options: TrainingOptions(batch: 8, length: .epochs(5)),
      pipeline: source.pipeline, seed: 3)
    let turned = try source.train.with(targets: source.train.targets * -1 + (classes - 1))
    try learner.learn(Experience(index: 0, name: "all", examples: turned))
    let labels = learner.classes.labels.map { classes - 1 - $0 }
    return PretrainedTeacher(try Frozen(learner.model, blueprint), labels: labels)
  }

  static func distillation(_ reuse: [String], learns: Bool = false) throws -> Distillation {
    let text = "{distillation: {teacher: expert, reuse: \(reuse), reuse_learns: \(learns)}}"
    return try Distillation(Selection(ConfigurationNode(yaml: text, source: "test")).decode())
  }

  static func learner(
    _ strategy: any Strategy, _ teacher: any Teacher, _ stream: Perennial.Stream, hidden: Int = 16
  ) throws -> Learner {
    try Learner(
      .tiny(hidden: hidden, batchNorm: true, dropout: 0.2),
      optimizer: SGD(learningRate: 0.05, momentum: 0.9, weightDecay: 1e-3), strategies: [strategy],
      options: TrainingOptions(batch: 8), pipeline: stream.pipeline, teachers: ["expert": teacher], seed: 7)
  }

  private static func values(_ learner: Learner, _ path: String) throws -> [Float] {
    try #require(try learner.model.stateDictionary()[path]).floats()
  }

  @Test func whatIsReusedIsTheTeachersAndRests() throws {
    let teacher = try Self.teacher()
    let theirs = try #require(teacher.network).parameters
    let stream = try Clusters().stream()
    let learner = try Self.learner(Self.distillation(["norm", "head"]), teacher, stream)
    try learner.learn(stream)
    for path in ["norm.weight", "norm.bias", "norm.running_mean", "norm.running_var"] {
      #expect(try Self.values(learner, path) == theirs[path]?.floats(), "\(path)")
    }
    let rows = try #require(theirs["head.weight"])
    let order = try Tensor([5, 4, 3, 2, 1, 0])
    #expect(try Self.values(learner, "head.weight") == rows.indexSelect(order).floats())
    #expect(try Self.values(learner, "head.bias") == theirs["head.bias"]?.indexSelect(order).floats())
    #expect(try Self.values(learner, "hidden.weight") != theirs["hidden.weight"]?.floats())
    #expect(learner.vector.layout.slots.map(\.path) == ["hidden.weight", "hidden.bias"])
  }

  @Test func whatLearnsOnOnlyStartsThere() throws {
    let teacher = try Self.teacher()
    let theirs = try #require(teacher.network).parameters
    let stream = try Clusters().stream()
    let learner = try Self.learner(Self.distillation(["hidden", "head"], learns: true), teacher, stream)
    try learner.begin(stream.experience(0))
    #expect(try Self.values(learner, "hidden.weight") == theirs["hidden.weight"]?.floats())
    while let session = learner.session, !session.isDone { try learner.step() }
    try learner.end()
    let learned = try Self.values(learner, "hidden.weight")
    let rows = try Self.values(learner, "head.weight")
    #expect(learned != (try theirs["hidden.weight"]?.floats()))
    // What was learned stays when the next classes arrive, and their rows are the teacher's.
    try learner.begin(stream.experience(1))
    #expect(try Self.values(learner, "hidden.weight") == learned)
    let grown = try #require(try learner.model.stateDictionary()["head.weight"])
    #expect(try grown[0..<2].floats() == rows)
    #expect(try grown[2].floats() == theirs["head.weight"]?[3].floats())
  }

  @Test func aRunGoesOnAsIfItHadNeverStopped() throws {
    let teacher = try Self.teacher()
    for learns in [false, true] {
      func run(cut: Int? = nil, between: Int? = nil) throws -> ResumeTests.Outcome {
        try ResumeTests.run(cut: cut, betweenExperiences: between) {
          let stream = try Clusters().stream()
          let strategy = try Self.distillation(["norm", "head"], learns: learns)
          return (stream, try Self.learner(strategy, teacher, stream))
        }
      }
      let whole = try run()
      for cut in stride(from: 0, through: whole.losses.count, by: 2) {
        ResumeTests.expectSame(try run(cut: cut), whole, "cut before step \(cut)")
      }
      ResumeTests.expectSame(try run(between: 1), whole, "cut between experiences")
    }
  }

  @Test func whatDoesNotFitIsNamed() throws {
    let stream = try Clusters().stream()
    func message(_ reuse: [String], _ teacher: any Teacher, hidden: Int = 16) -> String {
      do {
        let learner = try Self.learner(Self.distillation(reuse), teacher, stream, hidden: hidden)
        try learner.begin(stream.experience(2))
        return "no error"
      } catch { return "\(error)" }
    }
    let teacher = try Self.teacher()
    #expect(
      message(["body"], teacher) == "the teacher expert: `body` is not a module that it and the student both "
        + "have, with the same parts")
    #expect(
      message(["hidden"], teacher, hidden: 12).contains(
        "`hidden.weight` is [16, 8], and the student's [12, 8]"))
    #expect(message(["head"], teacher, hidden: 12).contains("takes 16 features, and the student gives 12"))
    #expect(try message(["head"], Self.teacher(classes: 5)).contains("does not know all classes"))
    let script = try ScriptedTeacher(
      "expert", contentsOf: ScriptedTeacherTests.file(), example: Tensor.zeros([1, 6]), labels: [4, 5, 6])
    #expect(message(["hidden"], script).contains("it is a program"))
    #expect(throws: ConfigurationError.self) {
      try Selection(ConfigurationNode(yaml: "{distillation: {reuse: [head]}}", source: "test"))
        .decode(Distillation.Options.self)
    }
  }
}

/// SimKD: the classifier is the teacher's, the projector the student's.
@Suite struct ClassifierReuseTests {
  static func strategy(_ student: String = "hidden", _ teacher: String = "hidden") -> ClassifierReuse {
    var options = ClassifierReuse.Options()
    (options.teacher, options.taps) = ("expert", TapPair(student, teacher))
    return ClassifierReuse(options)
  }

  static func learner(_ teacher: any Teacher, _ stream: Perennial.Stream) throws -> Learner {
    try ReuseTests.learner(strategy(), teacher, stream)
  }

  @Test func theAnswerIsTheTeachersClassifierOnProjectedFeatures() throws {
    let teacher = try ReuseTests.teacher(hidden: 24)
    let theirs = try #require(teacher.network).parameters
    let stream = try Clusters().stream()
    let learner = try Self.learner(teacher, stream)
    try learner.learn(stream)
    let state = try learner.model.stateDictionary()
    let order = try Tensor([5, 4, 3, 2, 1, 0])
    #expect(try state["head.weight"]?.floats() == theirs["head.weight"]?.indexSelect(order).floats())
    #expect(state["projector.0.weight"]?.shape == [24, 16])
    let inputs = try stream.test(0).inputs
    let look = try noGrad {
      try learner.model.evaluating { try learner.model.look(inputs, taps: ["hidden"]) }
    }
    let projected = try look.value("hidden").linear(
      #require(state["projector.0.weight"]), bias: state["projector.0.bias"])
    let expected = try projected.linear(#require(state["head.weight"]), bias: state["head.bias"])
    expectNear(try learner.predict(inputs), expected)
  }

  @Test func theLossIsTheTermsAndLabelsTeachNothing() throws {
    let teacher = try ReuseTests.teacher(hidden: 24)
    let stream = try Clusters().stream(experiences: 1)
    let spy = Spy { step in
      let theirs = try teacher.look(step.batch.inputs, taps: ["hidden"]).value("hidden")
      let expected = try noGrad { try (step.look.value("projected") - theirs).square().mean() }
      expectNear(step.terms[0].value, expected, "loss")
      #expect(step.terms.count == 1)
    }
    let learner = try Learner(
      .tiny(batchNorm: true, dropout: 0.2),
      optimizer: SGD(learningRate: 0.05, momentum: 0.9, weightDecay: 1e-3),
      strategies: [Self.strategy(), spy], options: TrainingOptions(batch: 8), pipeline: stream.pipeline,
      teachers: ["expert": teacher], seed: 7)
    let first = try stream.experience(0)
    try learner.begin(first)
    let losses = try (0..<9).map { _ in try learner.step() }
    #expect(losses[8] < losses[0])
    let labels = try first.examples.targets.integers()
    let other = try Self.learner(teacher, stream)
    let dealt = try first.examples.with(
      targets: Tensor(labels.indices.map { labels[($0 * 5 + 1) % labels.count] }))
    try other.begin(Experience(index: 0, name: "dealt", examples: dealt))
    #expect(try (0..<9).map { _ in try other.step() } == losses)
  }

  @Test func aRunGoesOnAsIfItHadNeverStopped() throws {
    let teacher = try ReuseTests.teacher(hidden: 24)
    func run(cut: Int? = nil, between: Int? = nil) throws -> ResumeTests.Outcome {
      try ResumeTests.run(cut: cut, betweenExperiences: between) {
        let stream = try Clusters().stream()
        return (stream, try Self.learner(teacher, stream))
      }
    }
    let whole = try run()
    for cut in stride(from: 0, through: whole.losses.count, by: 2) {
      ResumeTests.expectSame(try run(cut: cut), whole, "cut before step \(cut)")
    }
    for index in 1..<3 { ResumeTests.expectSame(try run(between: index), whole, "cut before \(index)") }
  }

  @Test func whatDoesNotFitIsNamed() throws {
    let stream = try Clusters().stream()
    let teacher = try ReuseTests.teacher(hidden: 24)
    func message(_ strategy: ClassifierReuse, _ teacher: any Teacher) -> String {
      do {
        let learner = try ReuseTests.learner(strategy, teacher, stream)
        try learner.begin(stream.experience(2))
        return "no error"
      } catch { return "\(error)" }
    }
    #expect(message(Self.strategy("deep"), teacher).contains("no tap `deep`"))
    #expect(message(Self.strategy("hidden", "deep"), teacher).contains("no tap `deep`"))
    #expect(
      try message(Self.strategy(), ReuseTests.teacher(hidden: 24, classes: 5)).contains(
        "does not know class 5"))
    #expect(
      message(Self.strategy("hidden", "outputs"), teacher).contains(
        "takes 24 features, and `outputs` gives 6"))
    let facts = StreamFacts(classes: 6, experiences: 1, scenario: .classIncremental, teachers: ["other"])
    #expect(throws: DistillationError.unknownTeacher("expert", known: ["other"])) {
      try Self.strategy().check(facts)
    }
  }
}
