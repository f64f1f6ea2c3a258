import Testing
import Torch

@testable import Perennial

@Suite struct WeightPenaltyTests {
  typealias Kind = WeightPenalty.Kind

  static func learner(_ kind: Kind, after experiences: Int) throws -> Learner {
    let stream = try Clusters().stream()
    let learner = try Learner(
      .tiny(), optimizer: SGD(learningRate: 0.1), strategies: [WeightPenalty(kind, lambda: 0.3)],
      options: TrainingOptions(batch: 8), pipeline: stream.pipeline)
    try learner.learn(stream, experiences)
    try learner.begin(stream.experience(experiences))
    return learner
  }

  @Test func l2PullsEveryParameterTowardsZero() throws {
    let learner = try Self.learner(.l2, after: 1)
    let added = try ElasticWeightConsolidationTests.addedGradient(learner)
    expectNear(added, try noGrad { try learner.vector.values * 0.3 })
  }

  @Test func l1PullsByTheSign() throws {
    let learner = try Self.learner(.l1, after: 1)
    try noGrad { try learner.vector.values[0..<3].zero() }
    let added = try ElasticWeightConsolidationTests.addedGradient(learner)
    let expected = try learner.vector.values.floats().map { (value: Float) -> Float in
      value > 0 ? 0.3 : value < 0 ? -0.3 : 0
    }
    #expect(try added.floats() == expected)
  }

  @Test func l2PreviousPullsTowardsTheSolutionBefore() throws {
    let learner = try Self.learner(.l2Previous, after: 1)
    #expect(try ElasticWeightConsolidationTests.addedGradient(learner).abs().amax([]).item() == 0)
    try noGrad { try learner.vector.values.add(learner.vector.values.onesLike(), scale: 2) }
    let added = try ElasticWeightConsolidationTests.addedGradient(learner)
    let layout = learner.vector.layout
    for slot in layout.slots {
      let part = try layout.view(slot, of: added)
      let old = slot.path.hasPrefix("head") ? try part[0..<2] : part
      expectNear(old, try old.onesLike() * 0.6, relative: 1e-5, slot.path)
      if slot.path.hasPrefix("head") {
        #expect(try part[2..<4].abs().amax([]).item() == 0, "new rows are free")
      }
    }
  }

  /// The anchor is the latest solution alone, whatever came before it.
  @Test func l2PreviousForgetsEarlierSolutions() throws {
    let learner = try Self.learner(.l2Previous, after: 2)
    #expect(try ElasticWeightConsolidationTests.addedGradient(learner).abs().amax([]).item() == 0)
  }
}
