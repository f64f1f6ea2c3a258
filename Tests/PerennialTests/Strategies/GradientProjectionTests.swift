import Foundation
import Testing
import Torch

@testable import Perennial

/// GEM and A-GEM.
@Suite struct GradientProjectionTests {
  struct Case: Decodable { let matrix, linear, solution: [Double]; let epsilon, margin: Double }

  /// Against quadprog.
  @Test func theQuadraticProgramIsSolved() throws {
    let url = try #require(Bundle.module.url(forResource: "Golden/quadratic-programs", withExtension: "json"))
    let cases = try JSONDecoder().decode([Case].self, from: Data(contentsOf: url))
    #expect(cases.count == 20)
    for example in cases {
      let v = BoundedQuadraticProgram.solve(
        example.matrix, example.linear, diagonal: example.epsilon, lowerBound: example.margin)
      let scale = example.solution.map(abs).max() ?? 1
      for (ours, theirs) in zip(v, example.solution) {
        #expect(abs(ours - theirs) < 1e-6 * max(1, scale), "\(v), not \(example.solution)")
      }
    }
  }

  @Test func aProgramWithoutAPullStaysAtItsBound() {
    let identity = [1.0, 0, 0, 1]
    #expect(BoundedQuadraticProgram.solve(identity, [1, 2], diagonal: 1e-3, lowerBound: 0.5) == [0.5, 0.5])
    #expect(BoundedQuadraticProgram.solve([0], [0], diagonal: 1e-3, lowerBound: 0) == [0])
    #expect(BoundedQuadraticProgram.solve([], [], diagonal: 1e-3, lowerBound: 0) == [])
  }

  @Test func aProjectedGradientNoLongerRaisesTheReference() throws {
    let gradient = try Tensor([1, -3, 2] as [Float])
    let reference = try Tensor([1, 1, 0] as [Float])
    try AveragedGradientEpisodicMemory.project(gradient, awayFrom: reference)
    #expect(try gradient.floats() == [2, -2, 2])
    let agreeing = try Tensor([1, 1, 1] as [Float])
    try AveragedGradientEpisodicMemory.project(agreeing, awayFrom: reference)
    #expect(try agreeing.floats() == [1, 1, 1])
    try AveragedGradientEpisodicMemory.project(agreeing, awayFrom: reference.zerosLike())
    #expect(try agreeing.floats() == [1, 1, 1])
  }

  /// Sees the gradient that the optimizer gets.
  final class Last: Strategy {
    let name = "last"
    let look: (ParameterVector, Step) throws -> Void
    init(_ look: @escaping (ParameterVector, Step) throws -> Void) { self.look = look }
    func transform(_ vector: ParameterVector, _ step: Step) throws { try look(vector, step) }
  }

  static func learn(
    _ strategies: [any Strategy], _ stream: Perennial.Stream, _ blueprint: Blueprint = .tiny()
  ) throws -> Learner {
    let learner = try Learner(
      blueprint, optimizer: SGD(learningRate: 0.1), strategies: strategies,
      options: TrainingOptions(batch: 8), pipeline: stream.pipeline, seed: 4)
    try learner.learn(stream)
    return learner
  }

  /// After GEM no earlier experience's loss rises, to first order; the plain gradient would have raised some.
  @Test func noEarlierExperienceIsHarmed() throws {
    let gem = Method.gem { ($0.memory, $0.margin) = (30, 0.5) }
    var violations = 0
    let look = Last { vector, step in
      guard let memory = gem.memory, let kept = try memory.examples else { return }
      let experiences = try memory.experiences()
      for past in Set(experiences) {
        let places = try Tensor(experiences.indices.filter { experiences[$0] == past })
        let row = try step.learner.gradient(of: step.learner.batch(of: kept, places, isAugmented: false))
        let product = try noGrad { try row.dot(vector.gradients).item() }
        #expect(product > -1e-2, "experience \(past), step \(step.number)")
      }
      let plain = try step.learner.gradient(of: step.batch)
      if try !noGrad({ try plain.isClose(to: vector.gradients, absolute: 1e-6) }) { violations += 1 }
    }
    _ = try Self.learn([gem, look], Clusters().stream())
    #expect(violations > 2)
  }

  // MARK: - Named mistakes

  /// Mammoth's A-GEM keeps one mini-batch of each task; the budget is for all of it.
  @Test func oneMiniBatchOfEachExperienceIsKept() throws {
    let strategy = Method.averaged { $0.memory = 60 }
    let stream = try Clusters().stream()
    let learner = try Learner(
      .tiny(), optimizer: SGD(learningRate: 0.1), strategies: [strategy], options: TrainingOptions(batch: 8),
      pipeline: stream.pipeline)
    for index in 0..<3 {
      try learner.learn(stream.experience(index))
      #expect(strategy.memory?.count == min(60, 24 * (index + 1)))
    }
    let counts = Dictionary(try strategy.memory?.experiences().map { ($0, 1) } ?? [], uniquingKeysWith: +)
    #expect(counts == [0: 20, 1: 20, 2: 20])
  }

  /// The pass for the reference gradient moves no running statistics (Avalanche's does).
  @Test(arguments: ["a-gem", "gem", "mir"])
  func theReferencePassPollutesBatchStatistics(name: String) throws {
    let strategy: any Strategy =
      switch name {
      case "a-gem": Method.averaged()
      case "gem": Method.gem()
      default: Method.mir()
      }
    let stream = try Clusters().stream()
    let learner = try Learner(
      .tiny(batchNorm: true), optimizer: SGD(learningRate: 0.1), strategies: [strategy],
      options: TrainingOptions(batch: 8), pipeline: stream.pipeline, seed: 4)
    try learner.learn(stream)
    let batches = try #require(learner.model.parameters.first { $0.path.hasSuffix("num_batches_tracked") })
    #expect(try batches.parameter.value.itemInt() == learner.totalSteps)
  }

  @Test func lookingAtAGradientLeavesNothingBehind() throws {
    let stream = try Clusters().stream()
    let learner = try Self.learn([], stream, .tiny(batchNorm: true))
    try learner.begin(stream.experience(0))
    try learner.step()
    let before = try learner.weights()
    let gradients = try learner.vector.gradients.floats()
    let examples = try stream.experience(0).examples
    let gradient = try learner.gradient(
      of: learner.batch(of: examples, Tensor.arange(0, 9), isAugmented: false))
    #expect(try gradient.norm().item() > 0)
    #expect(try learner.weights() == before)
    #expect(try learner.vector.gradients.floats() == gradients)
  }

  /// Raw rows are stored and changed at random anew at each look, not kept as augmentation made them once.
  @Test func augmentedInputsAreStored() throws {
    let stream = try Clusters().stream(pipeline: .noisy())
    let data = try Clusters().source().train
    let gem = Method.gem()
    _ = try Self.learn([gem], stream)
    let kept = try #require(try gem.memory?.examples)
    #expect(kept.count == 13)
    #expect(try kept.inputs.equals(data.inputs.indexSelect(kept.identifiers)))
  }

  /// Avalanche keeps the first n examples; ours are any of the experience, as many of each.
  @Test func theFirstExamplesAreKept() throws {
    let gem = Method.gem { $0.memory = 30 }
    _ = try Self.learn([gem], Clusters().stream())
    let experiences = try #require(try gem.memory?.experiences())
    #expect(Dictionary(experiences.map { ($0, 1) }, uniquingKeysWith: +) == [0: 10, 1: 10, 2: 10])
    let kept = try #require(try gem.memory?.examples?.identifiers.integers())
    #expect(kept.contains { $0 >= 48 }, "identifiers rise with place in the experience: \(kept)")
  }

  /// The rows of G keep their memory from step to step: no T×P copies.
  @Test func rowsAreWrittenInPlace() throws {
    let stream = try Clusters().stream()
    let learner = try Self.learn([], stream)
    let rows = try Tensor.zeros([2, learner.vector.count])
    let kept = try learner.vector.gradients.floats()
    let examples = try stream.experience(2).examples
    let labelled = try examples.with(targets: learner.classes.units(for: examples.targets))
    let batches = try [0..<6, 6..<12].map {
      try learner.batch(of: labelled, Tensor(Array($0)), isAugmented: false)
    }
    try learner.vector.gradients(into: rows) { index in
      try learner.loss(learner.model(batches[index].inputs), batches[index])
    }
    for index in 0..<2 { expectNear(try rows[index], try learner.gradient(of: batches[index])) }
    #expect(try learner.vector.gradients.floats() == kept)
  }
}
