import Testing
import Torch

@testable import Perennial

/// A teacher that remembers what it was shown.
private final class Watched: Teacher {
  private let inner: any Teacher
  var shown: [Tensor] = []

  init(_ inner: any Teacher) { self.inner = inner }

  var labels: [Int]? { inner.labels }
  var outputs: Int { inner.outputs }
  var data: DataSource? { inner.data }
  var tapNames: [String] { inner.tapNames }
  func look(_ inputs: Tensor, taps: [String]) throws -> Look {
    shown.append(inputs)
    return try inner.look(inputs, taps: taps)
  }
  func look(inGraphOf inputs: Tensor) throws -> Look { try inner.look(inGraphOf: inputs) }
  func digest() throws -> String { try inner.digest() }
}

/// Students of clusters 8 wide, taught by a model of clusters 5 wide.
@Suite struct PairedTeacherTests {
  static func teacher(classes: Int = 6, ofItsOwn: Bool = true) throws -> PretrainedTeacher {
    let source = try Clusters(classes: classes, width: 5, seed: 8).source()
    let blueprint = Blueprint.tiny(inputs: 5)
    let learner = try Learner(
      blueprint, optimizer: SGD(learningRate: 0.1), options: TrainingOptions(batch: 8, length: .epochs(5)),
      pipeline: source.pipeline, seed: 3)
    // Its outputs are in another order than the student's.
    try learner.begin(
      Experience(index: 0, name: "all", examples: source.train.with(targets: source.train.targets * -1 + 5)))
    while let session = learner.session, !session.isDone { try learner.step() }
    try learner.end()
    let labels = learner.classes.labels.map { 5 - $0 }
    return PretrainedTeacher(
      try Frozen(learner.model, blueprint), labels: labels, data: ofItsOwn ? source : nil)
  }

  static func learner(_ teacher: any Teacher, _ stream: Perennial.Stream, source: (any TeacherSource)? = nil)
    throws -> Learner
  {
    let distillation = try Distillation(source ?? PairedTeacher("images"), terms: [(SoftTargets(), 1)])
    return try Learner(
      .tiny(dropout: 0.2), optimizer: SGD(learningRate: 0.05, momentum: 0.9), strategies: [distillation],
      options: TrainingOptions(batch: 8), pipeline: stream.pipeline, teachers: ["images": teacher], seed: 7)
  }

  @Test func theTeacherIsShownAnExampleOfTheSameClassForEveryItem() throws {
    let watched = Watched(try Self.teacher())
    let data = try #require(watched.data).train
    let labels = try data.targets.integers()
    let labelOf = Dictionary(
      uniqueKeysWithValues: try labels.indices.map { (try data.inputs[$0].floats(), labels[$0]) })
    let stream = try Clusters().stream()
    let learner = try Self.learner(watched, stream)
    var drawn: Set<[Float]> = []
    for index in 0..<stream.count {
      try learner.begin(stream.experience(index))
      while let session = learner.session, !session.isDone {
        watched.shown = []
        let spied = learner.totalExamples
        try learner.step()
        #expect(watched.shown.count == 1 && learner.totalExamples - spied == watched.shown[0].shape[0])
        for row in try watched.shown[0].unbind() {
          let label = try #require(try labelOf[row.floats()], "an example of the teacher's data, as it is")
          #expect([2 * index, 2 * index + 1].contains(label), "a class of this experience")
          drawn.insert(try row.floats())
        }
      }
      try learner.end()
    }
    #expect(drawn.count > 30, "not the same ones again and again")
  }

  /// The items themselves decide: pairs have the classes of the batch, in its order.
  @Test func pairsHaveTheClassesOfTheBatch() throws {
    let watched = Watched(try Self.teacher())
    let data = try #require(watched.data).train
    let labels = try data.targets.integers()
    let labelOf = Dictionary(
      uniqueKeysWithValues: try labels.indices.map { (try data.inputs[$0].floats(), labels[$0]) })
    let stream = try Clusters().stream()
    let source = PairedTeacher("images")
    let learner = try Self.learner(watched, stream, source: source)
    try learner.begin(stream.experience(0))
    let session = try #require(learner.session)
    let batch = try learner.batch(of: session.examples, Tensor([5, 0, 3, 3, 8, 1]), isAugmented: false)
    watched.shown = []
    let signal = try #require(try source.signals(batch, taps: [], learner).first)
    let expected = try batch.targets.integers().map { learner.classes.labels[$0] }
    #expect(try watched.shown[0].unbind().map { labelOf[try $0.floats()] } == expected)
    // Column c of the answer is the class that the teacher's label c says.
    #expect(signal.units == [-1, -1, -1, -1, 1, 0])
    let again = try #require(try source.signals(batch, taps: [], learner).first)
    #expect(try again.look.outputs.floats() != signal.look.outputs.floats())
  }

  @Test func aRunGoesOnAsIfItHadNeverStopped() throws {
    let teacher = try Self.teacher()
    let digest = try teacher.digest()
    func run(cut: Int? = nil, between: Int? = nil) throws -> ResumeTests.Outcome {
      try ResumeTests.run(cut: cut, betweenExperiences: between) {
        let stream = try Clusters().stream()
        return (stream, try Self.learner(teacher, stream))
      }
    }
    let whole = try run()
    for cut in 0..<whole.losses.count {
      ResumeTests.expectSame(try run(cut: cut), whole, "cut before step \(cut)")
    }
    ResumeTests.expectSame(try run(between: 1), whole, "cut between experiences")
    #expect(try teacher.digest() == digest)
  }

  @Test func whatCannotBePairedIsRefused() throws {
    let stream = try Clusters().stream()
    func message(_ teacher: any Teacher, _ source: (any TeacherSource)? = nil, experience: Int = 0) -> String
    {
      do {
        let learner = try Self.learner(teacher, stream, source: source)
        try learner.begin(stream.experience(experience))
        return "no error"
      } catch { return "\(error)" }
    }
    #expect(
      try message(Self.teacher(ofItsOwn: false))
        == "the teacher images: it has no `data` of its own to pair with")
    #expect(
      try message(Self.teacher(classes: 2), experience: 2)
        == "the teacher images: its data have no example of class 4 to pair with")
    #expect(
      try message(Self.teacher(), NamedTeachers([.init("images")])).contains("takes other inputs"))
    #expect(try message(Self.teacher(), PairedTeacher("sounds")).contains("no teacher `sounds`"))
  }

  @Test func aRecipeNamesTheTeacher() throws {
    func options(_ text: String) throws -> Distillation.Options {
      try Selection(ConfigurationNode(yaml: "{distillation: \(text)}", source: "test")).decode()
    }
    #expect(try options("{teacher: {paired: {teacher: images}}}").teacherNames == ["images"])
    #expect(throws: ConfigurationError.self) { try options("{teacher: paired}").source() }
    #expect(throws: ConfigurationError.self) {
      try options("{teacher: {paired: {teacher: images, data: mnist}}}").source()
    }
  }
}
