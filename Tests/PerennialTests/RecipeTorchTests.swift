import Testing
import Torch

@testable import Perennial

@Suite struct RecipeTorchTests {
  private func training(_ text: String) throws -> Recipe.Training {
    try Recipe(yaml: RecipeSample.replacing("steps: 2000", text), source: "r.yaml").training
  }

  @Test func epochsAreCountedInWholeBatches() throws {
    #expect(try training("steps: 7").steps(examples: 1_000_000) == 7)
    #expect(try training("epochs: 3").steps(examples: 128) == 3)
    #expect(try training("epochs: 3").steps(examples: 129) == 6)
    #expect(try training("epochs: 3").steps(examples: 0) == 3)
  }

  @Test func positionsFollowTheUnitOfTheLength() throws {
    #expect(
      try training("steps: 100, schedule: {step: {every: 30}}").torchSchedule(examples: 256)
        == .step(every: 30, factor: 0.1))
    #expect(
      try training("epochs: 100, schedule: {multi-step: {milestones: [30, 60]}}").torchSchedule(examples: 256)
        == .multiStep(milestones: [60, 120], factor: 0.1))
    #expect(
      try training("epochs: 10, schedule: cosine, warm_up: {length: 2}").torchSchedule(examples: 256)
        == .warmUp(steps: 4, start: 0, then: .cosine(steps: 16, minimum: 0)))
    #expect(
      try training("epochs: 10, schedule: cosine, warm_up: {steps: 3}").torchSchedule(examples: 256)
        == .warmUp(steps: 3, start: 0, then: .cosine(steps: 17, minimum: 0)))
    #expect(
      try training("steps: 10, schedule: cosine, warm_up: {length: 2}").torchSchedule(
        examples: 256, budget: 3)
        == .warmUp(steps: 6, start: 0, then: .cosine(steps: 24, minimum: 0)))
  }

  @Test(arguments: [
    ("epochs: 8, warm_up: {length: 400}", "takes 800 steps of 16"),
    ("epochs: 1, warm_up: {steps: 3}", "takes 3 steps of 2"),
    ("steps: 20, warm_up: {length: 21}", "takes 21 steps of 20"),
    ("epochs: 3", "takes 10 steps of 6"),
  ])
  func aWarmUpThatNeverEndsIsRefused(text: String, message: String) throws {
    let text = text.contains("warm_up") ? text : text + ", warm_up: {from: 0.1}"
    let recipe = try Recipe(yaml: RecipeSample.replacing("steps: 2000", text), source: "r.yaml")
    let node = try #require(recipe.node["training"])
    let error = #expect(throws: ConfigurationError.self) {
      try recipe.training.checkWarmUp(examples: 256, at: node)
    }
    #expect(
      error?.description.contains("r.yaml:4: training.warm_up: \(message): the full learning rate") == true)
  }

  /// The online batch counts, and one pass.
  @Test func onlineStreamsHaveASchedule() throws {
    let options = try training("epochs: 1, schedule: cosine").options(online: 10)
    #expect(options.schedule(100, 1) == .cosine(steps: 10, minimum: 0))
  }

  @Test func laterExperiencesHaveARateOfTheirOwn() throws {
    #expect(try training("steps: 20, rewarm: 0.3").options(online: nil).rewarm == 0.3)
    #expect(try training("steps: 20").options(online: nil).rewarm == 1)
    let error = #expect(throws: ConfigurationError.self) { try training("steps: 20, rewarm: 0") }
    #expect(error?.description.contains("training.rewarm") == true)
  }

  @Test func optimizersTakeTheirOptions() throws {
    let adam = try #require(try training("steps: 1").optimizer.make() as? Adam)
    #expect(adam.learningRate == 0.001)
    #expect(!adam.decoupled)
    let yaml = RecipeSample.replacing(
      "{adam: {lr: 0.001}}", "{adamw: {lr: 0.5, beta2: 0.99, weight_decay: 0.1}}")
    let recipe = try Recipe(yaml: yaml, source: "r.yaml")
    let adamW = try #require(try recipe.training.optimizer.make() as? Adam)
    #expect(adamW.learningRate == 0.5)
    #expect(adamW.beta2 == 0.99)
    #expect(adamW.weightDecay == 0.1)
    #expect(adamW.decoupled)
  }
}
