import Testing
import Torch

@testable import Perennial

/// Memory aware synapses, Riemannian walk.
@Suite struct ImportanceTests {
  /// mean_x |∂ ‖f(x)‖² / ∂θ| over some units, by autograd alone.
  static func bruteForce(_ learner: Learner, _ inputs: Tensor, units: Range<Int>? = nil) throws -> Tensor {
    let vector = learner.vector
    let total = try Tensor.zeros([vector.count])
    try learner.model.evaluating {
      for n in 0..<inputs.shape[0] {
        var outputs = try learner.model(inputs[n..<(n + 1)])
        if let units { outputs = try outputs.narrow(dim: 1, start: units.lowerBound, count: units.count) }
        let found = try gradients(
          of: outputs.square().sum(), withRespectTo: vector.parameters.map(\.value), allowUnused: true)
        try noGrad {
          for (slot, gradient) in zip(vector.layout.slots, found) {
            try vector.layout.view(slot, of: total).add(gradient.abs(), scale: 1 / Double(inputs.shape[0]))
          }
        }
      }
    }
    return total
  }

  @Test(arguments: FisherLayersTests.Architecture.allCases)
  func masIsThatOfALoop(architecture: FisherLayersTests.Architecture) throws {
    let (learner, examples) = try FisherLayersTests.trained(architecture)
    let ours = try MemoryAwareSynapses.importance(of: learner, examples, task: nil)
    let expected = try Self.bruteForce(learner, examples.inputs)
    #expect(try expected.amax([]).item() > 1e-4)
    for slot in learner.vector.layout.slots {
      expectNear(
        try learner.vector.layout.view(slot, of: ours), try learner.vector.layout.view(slot, of: expected),
        relative: 2e-4, "\(architecture): \(slot.path)")
    }
  }

  /// Units of other tasks say nothing about this one.
  @Test func masLooksAtTheUnitsOfTheTask() throws {
    let stream = try Clusters().stream(.taskIncremental)
    let learner = try Setting.tasks.learner([], stream: stream)
    try learner.learn(stream, 2)
    let examples = try stream.experience(1).examples
    let ours = try MemoryAwareSynapses.importance(of: learner, examples, task: 1)
    expectNear(ours, try Self.bruteForce(learner, examples.inputs, units: 2..<4), relative: 2e-4)
  }

  // MARK: - Riemannian walk

  static func walk(_ experiences: Int, _ change: (inout RiemannianWalk.Options) -> Void = { _ in }) throws
    -> (Learner, RiemannianWalk)
  {
    let stream = try Clusters().stream()
    let rwalk = Method.rwalk(change)
    let learner = try Setting.plain.learner([rwalk], stream: stream)
    try learner.learn(stream, experiences)
    return (learner, rwalk)
  }

  /// Both parts are divided by their largest value; without that, one of them decides alone.
  @Test(arguments: [1, 3])
  func informationAndScoreAreOfOneSize(experiences: Int) throws {
    let state = try Self.walk(experiences).1.state()
    let importance = try state.requireTensor("anchor/importance/vector")
    let fisher = try state.requireTensor("fisher/vector")
    let scores = try state.requireTensor("scores/vector")
    expectNear(importance, try fisher / fisher.amax([]) + scores / scores.amax([]))
    #expect(try importance.amin([]).item() >= 0)
    #expect(try importance.amax([]).item() <= 2)
    #expect(try scores.amax([]).item() > 0)
  }

  /// With α = 1 the running information is that of the last batch, example by example: the squared gradient of its mean
  /// is a fraction of that.
  @Test func avalancheSquaresTheGradientOfTheBatch() throws {
    let stream = try Clusters().stream()
    let rwalk = Method.rwalk { ($0.alpha, $0.interval) = (1, 1) }
    let learner = try Setting.plain.learner([rwalk], stream: stream)
    try learner.begin(stream.experience(0))
    while let session = learner.session, session.step < session.steps { try learner.step() }
    let last = try #require(learner.session)
    let fisher = try rwalk.state().requireTensor("fisher/vector")

    // The same run once more, to see its last batch.
    let spy = Spy()
    let again = try Setting.plain.learner(
      [Method.rwalk { ($0.alpha, $0.interval) = (1, 1) }, spy], stream: stream)
    try again.begin(stream.experience(0))
    while let session = again.session, session.step < session.steps { try again.step() }
    let places = try #require(spy.places.last)
    let examples = try last.examples.select(places)
    let expected = try FisherInformation.diagonal(of: again, examples, task: nil, kind: .empirical)
    expectNear(fisher, expected, relative: 1e-4)
    let batch = try again.batch(of: examples, Tensor.arange(0, examples.count), isAugmented: false)
    let squared = try again.vector.gradient { try again.loss(again.model(batch.inputs), batch) }.square()
    #expect(try fisher.sum().item() > 1.5 * squared.sum().item())
  }
}
