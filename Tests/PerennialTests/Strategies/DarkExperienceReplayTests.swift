import Testing
import Torch

@testable import Perennial

@Suite struct DarkExperienceReplayTests {
  static func learn(
    _ strategies: [any Strategy], _ stream: Perennial.Stream, blueprint: Blueprint = .tiny(),
    look: @escaping (Step) throws -> Void = { _ in }
  ) throws {
    let learner = try Learner(
      blueprint, optimizer: SGD(learningRate: 0.1), strategies: strategies + [Spy(look)],
      options: TrainingOptions(batch: 8), pipeline: stream.pipeline, seed: 4)
    try learner.learn(stream)
  }

  /// What is stored are the outputs of the very pass that learned the item, before the update, on its augmented view
  /// (not Avalanche's, which are computed in evaluation mode when the experience ends).
  @Test func outputsOfTheEndOfTheExperienceAreStored() throws {
    let der = Method.der { $0.memory = 1000 }
    var seen: [Int: [Float]] = [:]
    let stream = try Clusters().stream(pipeline: .noisy())
    let learner = try Learner(
      .tiny(dropout: 0.3), optimizer: SGD(learningRate: 0.1),
      strategies: [
        der,
        Spy { step in
          let identifiers = try step.batch.source.identifiers.indexSelect(step.batch.places).integers()
          for (row, identifier) in identifiers.enumerated() {
            seen[identifier] = try step.outputs[row].detach().floats()
          }
        },
      ], options: TrainingOptions(batch: 8), pipeline: stream.pipeline, seed: 4)
    try learner.learn(stream, 1)
    let memory = try #require(der.memory)
    let kept = try #require(try memory.examples)
    let stored = try #require(try memory.extra("outputs"))
    for (row, identifier) in try kept.identifiers.integers().enumerated() {
      #expect(try stored[row].floats() == seen[identifier])
    }
    // At the end of the experience the model says something else of every item.
    let late = try learner.predict(
      stream.pipeline(kept.inputs, Tensor.arange(0, kept.count), augmentation: nil))
    let moved = try (late - stored).abs().amax([1])
    #expect(try moved.amin([]).item() > 1e-4)
  }

  /// DER++ draws twice, independently; Avalanche's shares one draw.
  @Test func bothTermsShareOneDraw() throws {
    let der = Method.derPlus { $0.memory = 1000 }
    var same = 0, steps = 0
    try Self.learn([der], Clusters().stream()) { step in
      guard step.batch.count == 24, step.learner.totalSteps > 3 else { return }
      steps += 1
      if try step.batch.inputs[8..<16].equals(step.batch.inputs[16..<24]) { same += 1 }
    }
    #expect(steps > 4 && same == 0)
  }

  /// L of one pass is that of three passes: CE + α MSE + β CE.
  @Test(arguments: [Setting.plain, .tasks, .domains])
  func onePassIsThreePasses(setting: Setting) throws {
    var compared = 0
    try Self.learn([Method.derPlus { ($0.alpha, $0.beta) = (0.7, 0.4) }], setting.stream()) { step in
      guard step.batch.count > step.batch.fresh else { return }
      let batch = step.batch
      let outputs = try step.learner.mask(step.outputs, batch)
      let each = try outputs.crossEntropy(batch.targets, reduction: .none)
      let remembered = (batch.count - batch.fresh) / 2
      let first = batch.fresh, second = batch.fresh + remembered
      let expected = try each[0..<first].mean() + each[second..<batch.count].mean() * 0.4
      expectNear(try step.terms[0].value.item(), try expected.item(), within: 2e-6)
      #expect(step.terms.map(\.name) == ["loss", "der++"])
      compared += 1
    }
    #expect(compared == 8)
  }

  /// The error is a mean over items and over the units that were there when the item was stored.
  @Test func unitsThatCameLaterAreHeldToo() throws {
    let outputs = try Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
    let stored = try Tensor([0, 0, .nan, 4, 4, 4] as [Float], shape: [2, 3])
    // (1 + 4) + (0 + 1 + 4), five numbers; with the new unit held at 0 it would be (5 + 9 + 5) / 6.
    let error = try DarkExperienceReplay.squaredError(outputs, stored)
    expectNear(try error.item(), 2, within: 1e-6)
    let narrow = try stored[1..<2].narrow(dim: 1, start: 0, count: 2)
    expectNear(try DarkExperienceReplay.squaredError(outputs[1..<2], narrow).item(), 0.5, within: 1e-6)
    try outputs.setRequiresGrad(true)
    let gradient = try #require(
      try gradients(of: DarkExperienceReplay.squaredError(outputs, stored), withRespectTo: [outputs]).first)
    #expect(try gradient.floats() == [0.4, 0.8, 0, 0, 0.4, 0.8])
  }

  @Test func outputsGrowWithTheHead() throws {
    let der = Method.der { $0.memory = 1000 }
    try Self.learn([der], Clusters().stream()) { _ in }
    let outputs = try #require(try der.memory?.extra("outputs"))
    #expect(outputs.shape == [72, 6])
    let known = try outputs.isFinite().to(.float32).sum([1]).integers()
    #expect(try known == der.memory?.experiences().map { 2 * ($0 + 1) })
  }
}
