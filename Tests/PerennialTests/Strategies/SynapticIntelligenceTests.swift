import Testing
import Torch

@testable import Perennial

@Suite struct SynapticIntelligenceTests {
  static func run(
    _ experiences: Int, blueprint: Blueprint = .tiny(), optimizer: (any Optimizer)? = nil,
    _ change: (inout SynapticIntelligence.Options) -> Void = { _ in }
  ) throws -> (Learner, SynapticIntelligence, Perennial.Stream) {
    let stream = try Clusters(classes: 10).stream(experiences: 5)
    let si = Method.si(change)
    let learner = try Learner(
      blueprint, optimizer: optimizer ?? SGD(learningRate: 0.05), strategies: [si],
      options: TrainingOptions(batch: 4, length: .epochs(2)), pipeline: stream.pipeline, seed: 3)
    try learner.learn(stream, experiences)
    return (learner, si, stream)
  }

  static func importance(_ si: SynapticIntelligence) throws -> Tensor {
    try si.state().requireTensor("anchor/importance/vector")
  }

  /// L = CE + c Σ Ω (θ − θ*)² has the gradient 2 c Ω (θ − θ*): with ½, as in Avalanche, c is another number.
  @Test func avalanchePutsAHalfBeforeTheStrength() throws {
    let (learner, si, stream) = try Self.run(1) { $0.strength = 3 }
    let omega = try Self.importance(si)
    try learner.begin(stream.experience(1))
    try noGrad { try learner.vector.values.add(learner.vector.values.onesLike(), scale: 0.5) }
    let added = try ElasticWeightConsolidationTests.addedGradient(learner)
    let slot = try #require(learner.vector.layout.slots.first)
    let old = try omega.narrow(dim: 0, start: 0, count: slot.count).reshape(slot.shape)
    expectNear(try learner.vector.layout.view(slot, of: added), try old * 3, relative: 1e-4)
  }

  /// Avalanche clamps Ω at 0.001: what mattered most is held no more than the rest.
  @Test func avalancheClampsImportancesFromAbove() throws {
    let (_, si, _) = try Self.run(1)
    #expect(try Self.importance(si).amax([]).item() > 0.01)
  }

  /// With momentum, steps uphill make ω negative; a negative Ω pushes weights away, as it can in Avalanche and in van
  /// de Ven's code.
  @Test func avalancheLetsImportancesBecomeNegative() throws {
    let (learner, si, stream) = try Self.run(0, optimizer: SGD(learningRate: 0.05, momentum: 0.9))
    var lowest = 0.0
    for index in 0..<3 {
      try learner.begin(stream.experience(index))
      while let session = learner.session, !session.isDone { try learner.step() }
      lowest = try min(lowest, si.state().requireTensor("path/integral/vector").amin([]).item())
      try learner.end()
      #expect(try Self.importance(si).amin([]).item() >= 0)
    }
    #expect(lowest < 0)
  }

  /// Avalanche leaves batch normalisation and other libraries the head out of it.
  @Test func avalancheLeavesOutBatchNormalisation() throws {
    let (learner, si, _) = try Self.run(1, blueprint: .tiny(batchNorm: true))
    let omega = try Self.importance(si)
    let layout = learner.vector.layout
    #expect(layout.slots.contains { $0.path.hasPrefix("norm") })
    for slot in layout.slots where slot.path.hasPrefix("norm") || slot.path.hasPrefix("head") {
      #expect(try layout.view(slot, of: omega).amax([]).item() > 0, "\(slot.path)")
    }
  }

  /// What every parameter took off the loss adds up to about what the loss lost (eq. 3).
  @Test func thePathAddsUpToTheLossLost() throws {
    let stream = try Clusters().stream(experiences: 1)
    let si = Method.si()
    let learner = try Learner(
      .tiny(), optimizer: SGD(learningRate: 0.01), strategies: [si],
      options: TrainingOptions(batch: 72, length: .epochs(40)), pipeline: stream.pipeline)
    try learner.begin(stream.experience(0))
    var losses: [Double] = []
    while let session = learner.session, !session.isDone { losses.append(try learner.step()) }
    let session = try #require(learner.session)
    let batch = try learner.batch(of: session.examples, Tensor.arange(0, 72), isAugmented: false)
    let last = try noGrad { try learner.loss(learner.model(batch.inputs), batch).item() }
    let path = try si.state().requireTensor("path/integral/vector").sum().item()
    let lost = losses[0] - last
    #expect(lost > 0.1 && abs(path / lost - 1) < 0.05, "\(path) for \(lost)")
  }

  @Test func rowsOfNewClassesAreFree() throws {
    let (learner, _, stream) = try Self.run(1) { $0.strength = 100 }
    try learner.begin(stream.experience(1))
    try noGrad { try learner.vector.values.add(learner.vector.values.onesLike()) }
    let added = try ElasticWeightConsolidationTests.addedGradient(learner)
    let layout = learner.vector.layout
    let head = try #require(layout.slots.first { $0.path == "head.weight" })
    let rows = try layout.view(head, of: added)
    #expect(try rows[0..<2].abs().amax([]).item() > 0)
    #expect(try rows[2..<4].abs().amax([]).item() == 0)
  }

  @Test func itsMemoryDoesNotGrowWithTheNumberOfExperiences() throws {
    for experiences in [1, 4] {
      let (learner, si, _) = try Self.run(experiences)
      let kept = try si.state().tensors.values.reduce(0) { $0 + $1.count }
      #expect(kept == 2 * learner.vector.count)
    }
  }

  @Test func aStrongPenaltyHoldsTheSolution() throws {
    func moved(_ strength: Double) throws -> Double {
      let (learner, _, stream) = try Self.run(1, optimizer: Adam(learningRate: 1e-3)) {
        $0.strength = strength
      }
      let slot = try #require(learner.vector.layout.slots.first)
      let before = try learner.vector.layout.view(slot, of: learner.vector.snapshot())
      try learner.learn(stream.experience(1))
      return try (learner.vector.layout.view(slot, of: learner.vector.snapshot()) - before).norm().item()
    }
    #expect(try moved(1e4) < 0.9 * moved(0))
  }
}
