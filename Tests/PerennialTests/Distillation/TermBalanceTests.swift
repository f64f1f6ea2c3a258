import Testing
import Torch

@testable import Perennial

@Suite struct TermBalanceTests {
  static func learner(_ balance: Distillation.Balance) throws -> (Learner, Distillation) {
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

  /// A term of weight w pulls at the backbone w times as hard as the labels, once both are measured.
  @Test func balancedTermsPullAsHardAsTheirWeightsSay() throws {
    let (learner, distillation) = try Self.learner(.fixed)
    for _ in 0..<5 { try learner.step() }
    let session = try #require(learner.session)
    let batch = try learner.batch(of: session.examples, Tensor.arange(0, 24), isAugmented: false)
    let look = try learner.model.look(batch.inputs, taps: [])
    let step = Step(learner: learner, session: session, number: 5, batch: batch, look: look)
    let parts = try TermBalance(.gradient, terms: ["kd", "logits"])(distillation.contributions(step), step)
    let places = learner.model.backbone.trainableParameters.map(\.parameter.value)
    func pull(_ value: Tensor) throws -> Double {
      let own = try gradients(of: value, withRespectTo: places, retainGraph: true, allowUnused: true)
      return try Tensor.concatenate(own.map { try $0.flatten() }).norm().item()
    }
    let labels = try pull(learner.loss(step.outputs, batch))
    for (part, weight) in zip(parts, [2.0, 1.0]) {
      expectNear(try pull(part.value * part.weight) / labels, weight, within: 1e-4)
    }
  }

  /// At the first step the past self is the present one: no gradient, and nothing to balance by.
  @Test func aSilentTermKeepsItsWeight() throws {
    let (learner, distillation) = try Self.learner(.gradient)
    try learner.step()
    for reading in distillation.readings where reading.name != "labels" {
      #expect(reading.gradient < 1e-5 && reading.weight == (reading.name == "kd" ? 2 : 1))
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
