import Testing
import Torch

@testable import Perennial

@Suite struct TermBalanceTests {
  static func learner(_ balance: TermBalance.Kind) throws -> (Learner, Distillation) {
    var options = Distillation.Options()
    options.balance = balance
    let distillation = try Distillation(
      PastSelf(),
      terms: [(SoftTargets(SoftTargets.Options()), 2), (LogitMatching(LogitMatching.Options()), 1)],
      options: options)
    let stream = try Clusters().stream()
    let learner = try Learner(
      .tiny(),
      optimizer: SGD(learningRate: 0.05), strategies: [distillation],
      options: TrainingOptions(batch: 24, length: .steps(81)), pipeline: stream.pipeline)
    try learner.learn(stream.experience(0))
    try learner.begin(stream.experience(1))
    return (learner, distillation)
  }

  /// A term of weight w pulls w times as hard as the labels when its gradient was just measured.
  @Test func balancedTermsPullAsHardAsTheirWeightsSay() throws {
    let (learner, distillation) = try Self.learner(.gradient)
    try learner.step()
    // At the first step the past self is the present one: no gradient, and nothing to balance by.
    for reading in distillation.readings where reading.name != "labels" {
      #expect(reading.gradient < 1e-5 && reading.weight == (reading.name == "kd" ? 2 : 1))
    }
    while let session = learner.session, !session.isDone { try learner.step() }
    let last = try #require(distillation.readings.map(\.step).max())
    let read = distillation.readings.filter { $0.step == last }
    let labels = try #require(read.first { $0.name == "labels" }).gradient
    for (name, weight) in [("kd", 2.0), ("logits", 1.0)] {
      let own = try #require(read.first { $0.name == name })
      #expect(own.gradient > 0.2 * weight * labels && own.gradient < 5 * weight * labels, "\(name)")
    }
  }

  /// L is least in s where w exp(−s) L = ½: a term of value L settles at s = log 2 w L.
  @Test func learnedUncertaintyMovesTowardsTwiceTheLoss() throws {
    let (learner, distillation) = try Self.learner(.uncertainty)
    let companion = try #require(distillation.companion)
    let path = try #require(companion.parameters.first { $0.path == "balance.log_variances" })
    #expect(learner.vector.layout.slots.contains { $0.path.hasSuffix("balance.log_variances") })
    while let session = learner.session, !session.isDone { try learner.step() }
    #expect(try path.parameter.value.floats().allSatisfy { $0 < 0 })
  }
}
