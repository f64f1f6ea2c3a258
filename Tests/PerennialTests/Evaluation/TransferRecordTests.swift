import Testing
import Torch

@testable import Perennial

@Suite struct TransferRecordTests {
  @Test func theCalibrationErrorIsTheGoldenOne() throws {
    let golden = try GoldenTensors("compression")
    var calibration = Calibration()
    let confidences = try golden["calibration/confidence"].floats()
    for (confidence, correct) in zip(confidences, try golden["calibration/correct"].floats()) {
      calibration.record(confidence: Double(confidence), isCorrect: correct == 1)
    }
    expectNear(try #require(calibration.error), try golden["calibration/error"].item(), within: 1e-6)
    #expect(Calibration().error == nil)
  }

  /// A student that is its teacher agrees with it, keeps all that it knows, and looks the same in every layer.
  @Test func aCopyAgreesWithItsOriginal() throws {
    let stream = try Clusters().stream(experiences: 1)
    let trained = try Setting.plain.learner([], stream: stream)
    try trained.learn(stream)
    let teacher = PretrainedTeacher(
      try Frozen(trained.model, trained.blueprint, device: .cpu), labels: trained.classes.labels)
    let learner = try Learner(
      trained.blueprint, optimizer: SGD(learningRate: 0.1), pipeline: stream.pipeline,
      teachers: ["original": teacher])
    try learner.start(
      from: trained.model.stateDictionary(), outputs: trained.model.head.outputs,
      labels: trained.classes.labels)
    let comparison = try #require(try TransferProbe(learner, stream)?.comparisons().first)
    #expect(comparison.teacher == "original" && comparison.agreement == 1)
    #expect(comparison.retentionByClass.values.allSatisfy { $0 == 1 })
    for row in comparison.alignment {
      let own = try #require(row.with.first { $0.tap == row.tap })
      expectNear(own.value, 1, within: 1e-5)
    }
  }

  /// What strategies answer in use is what is compared, not what the head alone would have said.
  @Test func strategiesAreHeard() throws {
    let stream = try Clusters().stream(experiences: 1)
    let wrong = OneAnswer()
    let learner = try Setting.plain.learner([wrong], stream: stream)
    try learner.learn(stream)
    let free = try #require(try TransferProbe(learner, stream)?.calibrationError())
    wrong.unit = 0
    let certain = try #require(try TransferProbe(learner, stream)?.calibrationError())
    let share = 1 / Double(learner.classes.count)
    expectNear(certain, 1 - share, within: 0.02)
    #expect(free < 0.75 * certain)
  }

  /// Where tasks are told, classes of other tasks do not compete.
  @Test func tasksAreTold() throws {
    let stream = try Clusters().stream(.taskIncremental)
    let answer = OneAnswer()
    let learner = try Setting.plain.learner([answer], stream: stream)
    try learner.learn(stream)
    // Sure of a class of the first task: among those of another nothing is said, and all are as probable.
    answer.unit = 0
    let error = try #require(try TransferProbe(learner, stream)?.calibrationError())
    #expect(error < 0.3)
  }

  /// Answers the same whatever it is asked; the head's answer where nothing is set.
  private final class OneAnswer: Strategy {
    let name = "one-answer"
    var unit: Int?

    func answer(_ question: Question, _ learner: Learner) throws -> Tensor? {
      guard let unit else { return nil }
      let outputs = try question.outputs.zerosLike()
      try outputs.narrow(dim: 1, start: unit, count: 1).fill(100)
      return outputs
    }
  }

  @Test func theSelectedAccuracyIsThatOfTheBestValidation() throws {
    var record = AccuracyMatrix(experiences: 1)
    for (step, test, validation) in [(1, 0.5, 0.6), (2, 0.7, 0.9), (3, 0.8, 0.85)] {
      try record.recordMoment([test], step: step, seen: 1, validation: validation)
    }
    #expect(record.selectedAccuracy == 0.7)
    var without = AccuracyMatrix(experiences: 1)
    try without.recordMoment([0.4], step: 1, seen: 1)
    #expect(without.selectedAccuracy == nil)
  }

  @Test func termsThatSendNoGradientAreNamed() {
    func reading(_ name: String, _ gradient: Double) -> TermReading {
      TermReading(name: name, step: 0, weight: 1, value: 1, gradient: gradient, cosine: nil)
    }
    let record = TransferRecord(
      terms: [reading("labels", 1), reading("kd", 0), reading("hint", 0), reading("hint", 0.1)])
    #expect(record.silentTerms == ["kd"])
  }
}
