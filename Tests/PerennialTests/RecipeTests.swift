import Testing

@testable import Perennial

@Suite struct RecipeTests {
  @Test func everythingIsRead() throws {
    let recipe = try Recipe(yaml: RecipeSample.yaml, source: "r.yaml")
    #expect(recipe.name == "split-mnist/class")
    #expect(recipe.stream.data.name == "mnist")
    #expect(recipe.stream.scenario.name == "class")
    #expect(recipe.stream.experiences == 5)
    #expect(recipe.stream.classOrder == .natural)
    #expect(recipe.model.name == "mlp")
    #expect(try recipe.model.options["hidden"]?.decode([Int].self) == [400, 400])
    #expect(recipe.training.batch == 128)
    #expect(recipe.training.length == .steps(2000))
    #expect(recipe.training.schedule == .constant)
    #expect(recipe.training.optimizer == .adam(Recipe.Adam()))
    #expect(recipe.armNames == ["finetune", "er", "ewc"])
    #expect(recipe.arms[0].strategies.isEmpty)
    #expect(recipe.arms[1].strategies.map(\.name) == ["replay"])
    #expect(recipe.seeds == [0, 1, 2])
    #expect(recipe.objective.name == "classification")
    let bound = Recipe.Bound.near(0.888, tolerance: 0.02)
    #expect(
      recipe.targets == [
        .init(strategy: "er", metric: .averageAccuracy, bound: bound, source: "van de Ven et al. 2022")
      ])
  }

  @Test func everySpellingOfAKeyIsTheSame() throws {
    for key in ["weight_decay", "weight-decay", "weightDecay"] {
      let yaml = RecipeSample.replacing("{adam: {lr: 0.001}}", "{adam: {\(key): 0.5}}")
      var expected = Recipe.Adam()
      expected.weightDecay = 0.5
      #expect(try Recipe(yaml: yaml, source: "r.yaml").training.optimizer == .adam(expected))
    }
    let twice = RecipeSample.replacing("lr: 0.001", "weight_decay: 1, weight-decay: 2")
    #expect(
      RecipeSample.mistake(twice)
        == "r.yaml:4: training.optimizer.adam.weight-decay: duplicate key in another spelling")
  }

  @Test func aBareNameTakesTheDefaults() throws {
    let yaml = RecipeSample.replacing("{adam: {lr: 0.001}}", "sgd")
    #expect(try Recipe(yaml: yaml, source: "r.yaml").training.optimizer == .sgd(Recipe.SGD()))
  }

  @Test(arguments: [
    ("cosine", Recipe.Schedule.cosine(.init())),
    ("constant", .constant),
    ("{step: {every: 2, factor: 0.5}}", .step(.with { ($0.every, $0.factor) = (2, 0.5) })),
    ("{multi_step: {milestones: [1, 2]}}", .multiStep(.with { $0.milestones = [1, 2] })),
    ("one-cycle", .oneCycle(.init())),
  ])
  func schedules(text: String, schedule: Recipe.Schedule) throws {
    let yaml = RecipeSample.replacing("steps: 2000", "epochs: 4, schedule: \(text)")
    let training = try Recipe(yaml: yaml, source: "r.yaml").training
    #expect(training.schedule == schedule)
    #expect(training.length == .epochs(4))
    #expect(training.warmUp == nil)
  }

  @Test func warmUpComesBeforeAnySchedule() throws {
    let yaml = RecipeSample.replacing("steps: 2000", "epochs: 4, schedule: cosine, warm_up: {length: 2}")
    let training = try Recipe(yaml: yaml, source: "r.yaml").training
    #expect(training.schedule == .cosine(.init()))
    #expect(training.warmUp == .with { $0.length = 2 })
  }

  @Test func theStreamKnowsItsOrderAndBoundaries() throws {
    let yaml = RecipeSample.replacing(
      "scenario: class, experiences: 5",
      "scenario: {domain: {transform: permute}}, experiences: 5, class_order: [3, 1], limit: 500, validation: 0.1, online: 10, "
        + "blur: 0.2, augment: [flip, {pad-crop: 4}]")
    let stream = try Recipe(yaml: yaml, source: "r.yaml").stream
    #expect(stream.scenario.name == "domain")
    #expect(try stream.scenario.options["transform"]?.decode(String.self) == "permute")
    #expect(stream.classOrder == .given([3, 1]))
    #expect(stream.limit == 500)
    #expect(stream.validation == 0.1)
    #expect(stream.online == 10)
    #expect(stream.blur == 0.2)
    #expect(stream.augment.map(\.name) == ["flip", "pad-crop"])
    #expect(try stream.augment[1].decode(Int.self) == 4)
  }

  @Test func targetsJudgeWhatWasMeasured() throws {
    func target(_ bound: Recipe.Bound) -> Recipe.Target {
      .init(strategy: "er", metric: .averageAccuracy, bound: bound, source: "a paper")
    }
    let near = target(.near(0.87, tolerance: 0.02))
    #expect(near.judged(0.89).met && near.judged(0.85).met)
    #expect(!near.judged(0.8901).met && !near.judged(0.8499).met)
    #expect(!near.judged(nil).met && !near.judged(.nan).met)
    #expect(target(.atLeast(0.94)).judged(0.99).met && !target(.atLeast(0.94)).judged(0.93).met)
    #expect(target(.atMost(0.1)).judged(0.05).met && !target(.atMost(0.1)).judged(0.2).met)
    #expect(near.judged(0.9).expected == 0.87 && near.judged(0.9).measured == 0.9)
  }
}

extension Configurable {
  static func with(_ change: (inout Self) -> Void) -> Self {
    var options = Self()
    change(&options)
    return options
  }
}
