import Testing
import Torch

@testable import Perennial

/// ER-ACE and MIR.
@Suite struct AsymmetricReplayTests {
  static func learn(
    _ strategy: any Strategy, _ stream: Perennial.Stream, look: @escaping (Step) throws -> Void
  ) throws {
    let learner = try Learner(
      .tiny(), optimizer: SGD(learningRate: 0.1), strategies: [strategy, Spy(look)],
      options: TrainingOptions(batch: 8), pipeline: stream.pipeline, seed: 4)
    try learner.learn(stream)
  }

  /// The means of fresh and remembered items are added. Their average (Avalanche), or the mean over all items, is half of
  /// it.
  @Test func bothMeansAreAveraged() throws {
    var compared = 0
    try Self.learn(Method.asymmetric(), Clusters().stream()) { step in
      guard step.batch.count == 16 else { return }
      let present = Set(try step.batch.targets[0..<8].integers())
      let absent = try Tensor((0..<step.outputs.shape[1]).map { !present.contains($0) })
      let fresh = try step.outputs[0..<8].maskedFill(absent, -Double.infinity).crossEntropy(
        step.batch.targets[0..<8])
      let old = try step.outputs[8..<16].crossEntropy(step.batch.targets[8..<16])
      expectNear(try step.terms[0].value.item(), try (fresh + old).item(), within: 1e-5)
      compared += 1
    }
    #expect(compared == 8)
  }

  /// Fresh items send no gradient to units that they do not show; in plain replay they push them down.
  @Test func freshItemsPushOldClassesDown() throws {
    let stream = try Clusters().stream()
    let learner = try Learner(
      .tiny(), optimizer: SGD(learningRate: 0.1), strategies: [], options: TrainingOptions(batch: 8),
      pipeline: stream.pipeline, seed: 4)
    try learner.learn(stream, 2)
    try learner.begin(stream.experience(2))
    let session = try #require(learner.session)
    let batch = try learner.batch(of: session.examples, Tensor.arange(0, 8), isAugmented: false)
    func gradientOfUnits(_ make: (Step) throws -> Tensor?) throws -> [Float] {
      let features = try learner.model.features(batch.inputs)
      let outputs = try learner.model.head(features)
      let step = Step(
        learner: learner, session: session, number: 0, batch: batch,
        look: Look(features: features, outputs: outputs))
      let loss = try #require(try make(step))
      return try #require(try gradients(of: loss, withRespectTo: [outputs]).first).abs().sum([0]).floats()
    }
    let asymmetric = try gradientOfUnits(Method.asymmetric().loss)
    #expect(asymmetric[0..<4].allSatisfy { $0 == 0 } && asymmetric[4] > 0)
    let plain = try gradientOfUnits { try learner.loss($0.outputs, $0.batch) }
    #expect(plain[0..<4].allSatisfy { $0 > 0 })
  }

  @Test func valuesHaveNoClasses() throws {
    #expect(throws: StrategyError.needsClasses("er-ace")) {
      try Method.asymmetric().check(StreamFacts(classes: nil, experiences: 2, scenario: .instanceIncremental))
    }
  }

  /// The items that a step on the fresh ones would harm most are those rehearsed, and looking for them moves nothing.
  @Test func theMostInterferedAreRehearsed() throws {
    let mir = Method.mir { ($0.memory, $0.candidates, $0.batch) = (1000, 1000, 4) }
    let stream = try Clusters().stream()
    let learner = try Learner(
      .tiny(), optimizer: SGD(learningRate: 0.3), strategies: [mir], options: TrainingOptions(batch: 8),
      pipeline: stream.pipeline, seed: 4)
    try learner.learn(stream, 2)
    try learner.begin(stream.experience(2))
    let session = try #require(learner.session)
    let batch = try learner.batch(of: session.examples, Tensor.arange(0, 8), isAugmented: false)
    let kept = try #require(try mir.memory?.examples)
    let all = try learner.batch(of: kept, Tensor.arange(0, kept.count), isAugmented: false)
    let before = try learner.weights()
    let scores = try mir.interference(of: batch, with: all, learner).floats()
    let joined = try mir.rehearse(batch, learner)
    #expect(try learner.weights() == before)
    #expect(joined.count == 12 && joined.fresh == 8)
    // The scores again, the slow way: another learner takes the step.
    let state = try learner.state()
    let other = try Learner(
      .tiny(), optimizer: SGD(learningRate: 0.3), strategies: [Method.mir()],
      options: TrainingOptions(batch: 8),
      pipeline: stream.pipeline, seed: 4)
    try other.restore(state, experience: stream.experience(2), past: { try stream.experience($0) })
    func losses() throws -> [Float] {
      try noGrad { try other.model(all.inputs).crossEntropy(all.targets, reduction: .none).floats() }
    }
    let old = try losses()
    try other.vector.zeroGradients()
    try other.vector.backward(other.model(batch.inputs).crossEntropy(batch.targets))
    try other.optimizer.step(other.vector)
    let rise = zip(try losses(), old).map { $0 - $1 }
    for (ours, theirs) in zip(scores, rise) { expectNear(Double(ours), Double(theirs), within: 1e-5) }
    let worst = rise.indices.sorted { rise[$0] > rise[$1] }.prefix(4)
    let expected = try all.inputs.indexSelect(Tensor(Array(worst)))
    let nearest = try joined.inputs[8..<12].pairwiseDistances(to: expected).amin([1]).amax([]).item()
    #expect(nearest < 1e-6)
  }
}
