import Testing
import Torch

@testable import Perennial

/// Averages of weights, and less-forgetting learning.
@Suite struct WeightAveragingTests {
  @Test func theAverageAnswersAndTheModelGoesOn() throws {
    let stream = try Clusters().stream()
    let ema = Method.ema(decay: 0.95)
    let learner = try Setting.plain.learner([ema], stream: stream)
    let plain = try Setting.plain.learner([], stream: stream)
    try learner.learn(stream)
    try plain.learn(stream)
    #expect(try learner.weights() == plain.weights())
    let inputs = try stream.test(0).inputs
    let answer = try learner.predict(inputs)
    #expect(try learner.weights() == plain.weights(), "asking moved the model")
    let average = try ema.state().requireTensor("vector")
    let expected = try noGrad {
      try plain.model.evaluating {
        try plain.vector.trying(average) { try plain.model(inputs) }
      }
    }
    #expect(try answer.data() == expected.data())
    #expect(try !answer.equals(plain.predict(inputs)))
  }

  /// Rows of new classes enter the average as they are, not as zeros.
  @Test func newRowsEnterTheAverageWithTheirValues() throws {
    let stream = try Clusters().stream()
    let ema = Method.ema()
    let learner = try Setting.plain.learner([ema], stream: stream)
    try learner.learn(stream, 1)
    try learner.begin(stream.experience(1))
    let average = try ema.state().requireTensor("vector")
    let layout = learner.vector.layout
    let head = try #require(layout.slots.first { $0.path == "head.weight" })
    let rows = try layout.view(head, of: average)
    expectNear(try rows[2..<4], try layout.view(head, of: learner.vector.snapshot())[2..<4], relative: 0)
    #expect(try rows[2..<4].abs().amax([]).item() > 0)
  }

  @Test func theSolutionLiesBetweenThePastAndThePresentOne() throws {
    let stream = try Clusters().stream()
    func solution(_ strategies: [any Strategy], _ experiences: Int) throws -> Learner {
      let learner = try Setting.plain.learner(strategies, stream: stream)
      try learner.learn(stream, experiences)
      return learner
    }
    let past = try solution([], 1).model.stateDictionary()
    let present = try solution([], 2).model.stateDictionary()
    let between = try solution([Method.wise(alpha: 0.25)], 2).model.stateDictionary()
    let path = "hidden.weight"
    let (a, b) = (try #require(past[path]), try #require(present[path]))
    let c = try #require(between[path])
    expectNear(c, try a * 0.75 + b * 0.25, relative: 1e-5)
    let (ours, theirs) = (try #require(between["head.weight"]), try #require(present["head.weight"]))
    #expect(try ours[2..<4].equals(theirs[2..<4]), "new rows stay")
    #expect(try !ours[0..<2].equals(theirs[0..<2]))
  }

  // MARK: - Less-forgetting learning

  /// Momentum, weight decay and Adam's moments move parameters that have no gradient; the classifier stays all the same.
  @Test(arguments: [Setting.plain, .adamAugmented, .fixedHead])
  func theOldRowsOfTheHeadStayAndTheNewOnesLearn(setting: Setting) throws {
    let stream = try setting.stream()
    let learner = try setting.learner([Method.lfl()], stream: stream)
    try learner.learn(stream, 1)
    try learner.begin(stream.experience(1))
    func head() throws -> Tensor {
      let all = try learner.model.stateDictionary()
      return try #require(all["head.weight"]).clone()
    }
    let before = try head()
    while let session = learner.session, !session.isDone { try learner.step() }
    let after = try head()
    #expect(try after[0..<2].equals(before[0..<2]))
    #expect(try !after[2..<4].equals(before[2..<4]))
  }

  @Test func theFeaturesStayNearTheOldOnes() throws {
    let stream = try Clusters().stream(.domainIncremental)
    func drift(_ lambda: Double) throws -> Double {
      let learner = try Setting.domains.learner([Method.lfl { $0.lambda = lambda }], stream: stream)
      try learner.learn(stream, 1)
      let inputs = try stream.experience(1).examples.inputs
      func features() throws -> Tensor { try noGrad { try learner.model.features(inputs) } }
      let before = try features()
      try learner.learn(stream.experience(1))
      return try (features() - before).norm().item()
    }
    #expect(try drift(1) < 0.7 * drift(0))
  }
}
