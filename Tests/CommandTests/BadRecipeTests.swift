import Foundation
import Testing

/// Recipes that cannot be: told with line and key before anything is learned, exit status 65, no run folder.
@Suite struct BadRecipeTests {
  static let recipe = """
    stream: {data: digits, scenario: class, experiences: 5}
    model: {mlp: {hidden: [8]}}
    training: {optimizer: {adam: {lr: 0.001}}, batch: 16, steps: 4}
    strategies: {finetune: [], replay: [{replay: {memory: 30, policy: class-balanced}}]}
    seeds: [0]
    """

  /// A part of the recipe, what stands there instead, and what is said about it.
  @Test(arguments: [
    (
      "experiences: 5", "experiences: 11",
      "recipe.yaml:2: stream.experiences: 11 experiences cannot be made of 10 classes"
    ),
    (
      "class, experiences: 5", "domain, experiences: 3",
      "recipe.yaml:2: stream.experiences: 10 classes do not divide into 3 experiences"
    ),
    (
      "experiences: 5", "experiences: 5, class_order: [1, 2]",
      "recipe.yaml:2: stream.class_order: the class order must list each of the labels"
    ),
    ("class, experiences: 5", "task, experiences: 5, blur: 0.1", "recipe.yaml:2: stream.blur: "),
    ("experiences: 5", "experiences: 0", "recipe.yaml:2: stream.experiences: must be at least 1"),
    ("experiences: 5", "experiences: 5, validation: 1", "recipe.yaml:2: stream.validation: "),
    ("class, experiences: 5", "instance, experiences: 2000", "2000 experiences cannot be made of"),
    ("scenario: class", "scenario: clas", "unknown scenario `clas`, did you mean `class`?"),
    ("data: digits", "data: digit", "unknown data set `digit`, did you mean `digits`?"),
    ("data: digits", "data: {digits: {limits: 3}}", "limits"),
    ("mlp", "mlpp", "unknown model `mlpp`, did you mean `mlp`?"),
    ("{mlp: {hidden: [8]}}", "lenet", "recipe.yaml:3: model: LeNet: needs images of at least 12×12, not 8×8"),
    ("hidden: [8]", "hidden: [0]", "every width must be at least 1"),
    ("hidden: [8]", "hiden: [8]", "recipe.yaml:3: model.mlp: unknown key `hiden`, did you mean `hidden`?"),
    ("batch: 16", "batch: 0", "recipe.yaml:4: training.batch: must be at least 1"),
    ("steps: 4", "epochs: 1, steps: 4", "either `steps` or `epochs`"),
    ("adam:", "adamm:", "unknown optimizer `adamm`, did you mean `adam`?"),
    ("finetune: []", "finetune: [ewcc]", "unknown strategy `ewcc`, did you mean `ewc`?"),
    ("finetune: []", "finetune: [ewc, ewc]", "two strategies of one learner are called ewc"),
    (
      "memory: 30", "memory: 9",
      "recipe.yaml:5: strategies.replay: a memory of 9 examples cannot hold one of each of 10"
    ),
    ("memory: 30", "memory: 0", "memory: must be at least 1"),
    ("class-balanced", "balanced", "class-balanced"),
    ("seeds: [0]", "seeds: []", "at least one seed"),
    (
      "seeds: [0]", "seeds: [0]\nhead: {fixed: {outputs: 9}}",
      "recipe.yaml:7: head: a fixed head of 9 units has no room for 10"
    ),
    ("seeds: [0]", "seeds: [0]\nobjective: guess", "unknown objective `guess`"),
    ("seeds: [0]", "seeds: [0]\nstream: {}", "duplicate"),
    ("seeds: [0]", "seeds: [0]\nextra: 1", "extra"),
    ("seeds: [0]", "seeds: [0", "recipe.yaml:"),
  ])
  func anImpossibleRecipeIsRefusedAtOnce(part: String, instead: String, message: String) throws {
    try #require(Self.recipe.contains(part))
    let run = try TestRun(Self.recipe.replacing(part, with: instead))
    let ending = try run.learn()
    #expect(ending.status == 65, "\(ending)")
    #expect(ending.output == "")
    #expect(ending.errors.contains(message), "\(ending.errors)")
    #expect(ending.errors.split(separator: "\n").filter { !$0.contains("debug build") }.count == 1)
    #expect(run.runs.isEmpty)
  }

  @Test(arguments: [
    ("training.steps", "must be KEY=VALUE"),
    ("training.stepps=3", "did you mean `steps`?"),
    ("training.steps=many", "--set training.steps=many: training.steps"),
    ("strategies.replay.replay.memory=5", "a memory of 5 examples cannot hold"),
    ("stream.data=mnist-c", "unknown data set `mnist-c`"),
  ])
  func aWrongChangeIsToldAsItWasTyped(change: String, message: String) throws {
    let run = try TestRun(Self.recipe)
    let ending = try run.learn("--set", change)
    #expect(ending.status == 65)
    #expect(ending.errors.contains(message), "\(ending.errors)")
    #expect(run.runs.isEmpty)
  }

  @Test func armsAndDevicesThatAreNotThere() throws {
    let run = try TestRun(Self.recipe)
    let arm = try run.learn("--strategies", "finetune,replai")
    #expect(arm.status == 65)
    #expect(arm.errors.contains("unknown arm `replai`, did you mean `replay`?"))
    let device = try run.learn("--device", "cuda:99")
    #expect(device.status == 1, "\(device)")
    #expect(device.errors.contains("cuda"))
    #expect(try run.learn("--device", "tpu").status == 64)
  }
}
