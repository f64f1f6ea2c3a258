import Testing
import Torch

@testable import Perennial

/// GSS, HAL and MER.
@Suite struct MetaReplayTests {
  static func learner(_ strategy: any Strategy, _ stream: Perennial.Stream, rate: Double = 0.1) throws
    -> Learner
  {
    try Learner(
      .tiny(), optimizer: SGD(learningRate: rate), strategies: [strategy], options: TrainingOptions(batch: 8),
      pipeline: stream.pipeline, seed: 4)
  }

  // MARK: - GSS

  /// 1 + the largest cosine between gradients of single items, the slow way.
  @Test func scoresAreLargestCosines() throws {
    var options = GradientSampleSelection.Options()
    (options.memory, options.strength) = (16, 100)
    let gss = GradientSampleSelection(options)
    let stream = try Clusters().stream()
    let learner = try Self.learner(gss, stream)
    try learner.learn(stream, 1)
    try learner.begin(stream.experience(1))
    let session = try #require(learner.session)
    let batch = try learner.batch(of: session.examples, Tensor.arange(0, 3), isAugmented: false)
    let step = Step(
      learner: learner, session: session, number: 0, batch: batch,
      look: Look(features: batch.inputs, outputs: batch.inputs))
    let kept = try #require(try gss.memory?.examples)
    func gradient(_ examples: Examples, _ place: Int) throws -> Tensor {
      try learner.gradient(of: learner.batch(of: examples, Tensor([place]), isAugmented: false))
    }
    let scores = try gss.scores(step)
    #expect(scores.count == 3)
    for (row, score) in scores.enumerated() {
      let own = try gradient(session.examples, row)
      let cosines = try (0..<kept.count).map { place in
        let other = try gradient(kept, place)
        return try noGrad { try own.dot(other).item() / (own.norm().item() * other.norm().item()) }
      }
      expectNear(Double(score), 1 + (cosines.max() ?? 0), within: 1e-5)
    }
  }

  @Test func slotsAreDrawnByTheirScores() {
    var numbers = NumberStream(seed: 1)
    var counts = [0, 0, 0]
    for _ in 0..<4000 { counts[GradientSampleSelection.draw([1, 0, 3], &numbers)] += 1 }
    #expect(counts[1] == 0)
    #expect(abs(Double(counts[0]) / 4000 - 0.25) < 0.03)
  }

  @Test func theMemoryOfGSSIsFullAndKeepsRawRows() throws {
    let gss = Method.gss()
    let stream = try Clusters().stream(pipeline: .noisy())
    let learner = try Self.learner(gss, stream)
    try learner.learn(stream)
    let kept = try #require(try gss.memory?.examples)
    let data = try Clusters().source().train
    #expect(kept.count == 13)
    #expect(try kept.inputs.equals(data.inputs.indexSelect(kept.identifiers)))
    #expect(try kept.targets.equals(data.targets.indexSelect(kept.identifiers)))
    #expect(try gss.memory?.experiences() == kept.targets.integers().map { $0 / 2 })
  }

  // MARK: - MER

  /// With SGD a step ends where passing over remembered and fresh items one by one, and going a part of the way, ends.
  @Test func plainSGDTakesReptilesStep() throws {
    let stream = try Clusters().stream()
    let mer = Method.mer { ($0.memory, $0.batch, $0.passes, $0.beta, $0.gamma) = (8, 100, 2, 0.6, 0.3) }
    let learner = try Self.learner(mer, stream)
    try learner.begin(stream.experience(0))
    try learner.step()
    let theta = try learner.vector.snapshot()
    let state = try learner.state()
    try learner.step()
    let reached = try learner.vector.snapshot()
    // The same again by hand: the memory's draw comes from the saved stream.
    let other = try Self.learner(
      Method.mer { ($0.memory, $0.batch, $0.passes, $0.beta, $0.gamma) = (8, 100, 2, 0.6, 0.3) }, stream)
    try other.restore(state, experience: stream.experience(0), past: { try stream.experience($0) })
    let session = try #require(other.session)
    let memory = try #require((other.strategies[0] as? MetaExperienceReplay)?.memory)
    let kept = try #require(try memory.examples)
    let places = try session.sampler.next(other.random.stream("order"))
    let fresh = try other.batch(of: session.examples, places, isAugmented: false)
    var current = theta
    for _ in 0..<2 {
      let before = current
      let remembered = try other.batch(of: kept, memory.draw(100), isAugmented: false)
      for items in [remembered, fresh] {
        for place in 0..<items.count {
          let item = try items.select(Tensor([place]))
          let slope = try other.vector.trying(current) { try other.gradient(of: item) }
          current = try noGrad { try current - slope * 0.1 }
        }
      }
      current = try noGrad { try before + (current - before) * 0.6 }
    }
    let expected = try noGrad { try theta + (current - theta) * 0.3 }
    expectNear(reached, expected, relative: 1e-5)
  }

  // MARK: - HAL

  @Test func anchorsAreOneForEachClassOfEachExperience() throws {
    let hal = Method.hal()
    let stream = try Clusters().stream()
    let learner = try Self.learner(hal, stream)
    for index in 0..<3 {
      try learner.learn(stream.experience(index))
      #expect(hal.anchors?.shape == [2 * (index + 1), 8])
    }
    #expect(hal.replayBytes > (hal.memory?.byteCount ?? 0))
  }

  /// The gradient is that of the loss plus λ times that of the anchors' answers moving.
  @Test func theStepHoldsTheAnchors() throws {
    let stream = try Clusters().stream()
    let hal = Method.hal { $0.lambda = 2 }
    let learner = try Self.learner(hal, stream)
    try learner.learn(stream, 1)
    try learner.begin(stream.experience(1))
    let session = try #require(learner.session)
    let batch = try learner.batch(of: session.examples, Tensor.arange(0, 8), isAugmented: false)
    let anchors = try #require(hal.anchors)
    let plain = try learner.gradient(of: batch)
    let theta = try learner.vector.snapshot()
    let answers = try learner.vector.trying(noGrad { try theta - plain * 0.1 }) {
      try noGrad { try learner.model(anchors) }
    }
    let pull = try learner.vector.gradient { try (learner.model(anchors) - answers).square().mean() }
    let step = Step(
      learner: learner, session: session, number: 0, batch: batch,
      look: Look(features: batch.inputs, outputs: batch.inputs))
    try noGrad { try learner.vector.gradients.copy(from: plain) }
    try hal.transform(learner.vector, step)
    expectNear(learner.vector.gradients, try noGrad { try plain + pull * 2 })
    #expect(try learner.vector.values.equals(theta))
  }

  /// Steps make anchors that the memory's model would forget more: the objective rises.
  @Test func anchorsAreMadeToBeForgotten() throws {
    let stream = try Clusters().stream()
    func anchors(_ steps: Int) throws -> Tensor {
      let hal = Method.hal { ($0.steps, $0.gamma) = (steps, 10) }
      let learner = try Self.learner(hal, stream)
      try learner.learn(stream, 1)
      let anchors = try #require(hal.anchors)
      return try noGrad { try learner.model.features(anchors) }
    }
    // A heavy γ draws their features towards the mean feature, so towards each other.
    let (early, late) = (try anchors(1), try anchors(60))
    let before = try (early[0] - early[1]).norm().item()
    let after = try (late[0] - late[1]).norm().item()
    #expect(after < before, "\(after), \(before)")
  }
}
