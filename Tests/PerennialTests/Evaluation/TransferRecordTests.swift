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
    let comparison = try #require(try TransferProbe(learner, stream).comparisons().first)
    #expect(comparison.teacher == "original" && comparison.agreement == 1)
    #expect(comparison.retentionByClass.values.allSatisfy { $0 == 1 })
    for row in comparison.alignment {
      let own = try #require(row.with.first { $0.tap == row.tap })
      expectNear(own.value, 1, within: 1e-5)
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
