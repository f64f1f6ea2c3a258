import Testing

@testable import Perennial

/// Every mistake is told in exactly these words.
@Suite struct RecipeMistakesTests {
  @Test(arguments: [
    // Unknown and missing keys.
    ("batch: 128", "bacth: 128", "r.yaml:4: training: unknown key `bacth`, did you mean `batch`?"),
    ("seeds:", "sedes:", "r.yaml:9: unknown key `sedes`, did you mean `seeds`?"),
    (
      "steps: 2000", "steps: 2000, clipp: 1",
      "r.yaml:4: training: unknown key `clipp`, did you mean `clip`? Allowed: `accumulate`, `batch`, `buckets`, "
        + "`checkpoint_every`, `clip`, `epochs`, `evaluate_every`, `freeze`, `max_forgetting`, `optimizer`, `precision`, "
        + "`recompute`, `reset_optimizer`, `rewarm`, `schedule`, `steps`, `tune`, `views`, `warm_up`"
    ),
    (
      "lr: 0.001", "rate: 0.001",
      "r.yaml:4: training.optimizer.adam: unknown key `rate`. Allowed: `beta1`, `beta2`, `epsilon`, `lr`, "
        + "`weight_decay`"
    ),
    (", batch: 128", "", "r.yaml:4: training: missing key `batch`"),
    ("name: split-mnist/class\n", "", "r.yaml:1: missing key `name`"),
    (
      ", steps: 2000", "",
      "r.yaml:4: training: missing key `steps` or `epochs`: how long is an experience learned?"
    ),
    // Types and values.
    ("batch: 128", "batch: many", "r.yaml:4: training.batch: must be a whole number, found `many`"),
    ("batch: 128", "batch: 1.5", "r.yaml:4: training.batch: must be a whole number, found `1.5`"),
    (
      "batch: 128", "batch: \"128\"",
      "r.yaml:4: training.batch: must be a whole number, found the text `\"128\"`"
    ),
    ("batch: 128", "batch: [128]", "r.yaml:4: training.batch: must be a whole number, found a list of 1"),
    (
      "batch: 128", "batch: 1e30",
      "r.yaml:4: training.batch: must be a whole number from -9223372036854775808 to 9223372036854775807, "
        + "found `1e30`"
    ),
    ("batch: 128", "batch: 0", "r.yaml:4: training.batch: must be at least 1, found `0`"),
    (
      "steps: 2000", "steps: 2000, warm_up: {length: 2, steps: 21}",
      "r.yaml:4: training.warm_up.steps: give either `length` or `steps`, not both"
    ),
    ("lr: 0.001", "lr: -0.1", "r.yaml:4: training.optimizer.adam.lr: must be at least 0, found `-0.1`"),
    ("lr: 0.001", "lr: nan", "r.yaml:4: training.optimizer.adam.lr: must be a number, found `nan`"),
    (
      "lr: 0.001", "beta1: 1",
      "r.yaml:4: training.optimizer.adam.beta1: must be at least 0 and below 1, found `1`"
    ),
    (
      "adam:", "adma:",
      "r.yaml:4: training.optimizer: unknown optimizer `adma`, did you mean `adam`? Allowed: `sgd`, `adam`, "
        + "`adamw`"
    ),
    (
      "{adam: {lr: 0.001}}", "{adam: {}, sgd: {}}",
      "r.yaml:4: training.optimizer: must be a name or a map with one key, such as `{name: {option: value}}`, "
        + "found a map with `adam`, `sgd`"
    ),
    (
      "{adam: {lr: 0.001}}", "{sgd: {nesterov: true}}",
      "r.yaml:4: training.optimizer.sgd.nesterov: needs `momentum` above 0 and `dampening` of 0"
    ),
    (
      "{adam: {lr: 0.001}}", "{sgd: {nesterov: maybe}}",
      "r.yaml:4: training.optimizer.sgd.nesterov: must be `true` or `false`, found `maybe`"
    ),
    ("steps: 2000", "steps: 2000, clip: 0", "r.yaml:4: training.clip: must be above 0, found `0`"),
    (
      "steps: 2000", "steps: 2000, schedule: {multi-step: {milestones: [30, 20]}}",
      "r.yaml:4: training.schedule.multi-step.milestones: must be whole numbers of at least 1 in ascending order"
    ),
    (
      "steps: 2000", "steps: 2000, schedule: {constant: {every: 2}}",
      "r.yaml:4: training.schedule.constant: unknown key `every`: nothing can be set here"
    ),
    // Impossible recipes.
    (
      "steps: 2000", "steps: 5, epochs: 1",
      "r.yaml:4: training.epochs: give either `steps` or `epochs`, not both"
    ),
    ("steps: 2000", "steps: 0", "r.yaml:4: training.steps: must be at least 1, found `0`"),
    ("experiences: 5", "experiences: 0", "r.yaml:2: stream.experiences: must be at least 1, found `0`"),
    (
      "experiences: 5", "experiences: 5, validation: 1",
      "r.yaml:2: stream.validation: must be at least 0 and below 1, found `1`"
    ),
    (
      "experiences: 5", "experiences: 5, class_order: [0, 1, 0]",
      "r.yaml:2: stream.class_order: the label `0` is listed twice"
    ),
    (
      "experiences: 5", "experiences: 5, class_order: random",
      "r.yaml:2: stream.class_order: must be `natural`, `seeded` or a list of labels, found `random`"
    ),
    ("[0, 1, 2]", "[]", "r.yaml:9: seeds: must list at least one seed"),
    ("[0, 1, 2]", "[0, 1, 0]", "r.yaml:9: seeds: the seed `0` is listed twice"),
    ("[0, 1, 2]", "[-1]", "r.yaml:9: seeds: a seed must be at least 0, found `-1`"),
    ("[0, 1, 2]", "3", "r.yaml:9: seeds: must be a list, found `3`"),
    (
      "split-mnist/class", "../../etc",
      "r.yaml:1: name: must be words of letters, digits, `.`, `_`, `+` and `-`, separated by `/`, found `../../etc`"
    ),
    ("experiences: 5", "experiences: 5, online: 0", "r.yaml:2: stream.online: must be at least 1, found `0`"),
    // Arms.
    ("  ewc: [{ewc", "  er: [{ewc", "r.yaml:7: duplicate key `er`"),
    ("  ewc: [{ewc", "  ER: [{ewc", "r.yaml:8: strategies: duplicate arm `ER` in another spelling"),
    (
      "finetune: []", "finetune: none",
      "r.yaml:6: strategies.finetune: must be a list of strategies, such as `[]` or `[{replay: {memory: 1000}}]`, "
        + "found `none`"
    ),
    (
      "finetune: []", "a.b: []",
      "r.yaml:6: strategies: the name of an arm is made of letters, digits, `_`, `+` and `-`, found `a.b`"
    ),
    // Expectations.
    (
      "er: {average", "err: {average",
      "r.yaml:11: expect: unknown arm `err`, did you mean `er`? Allowed: `finetune`, `er`, `ewc`"
    ),
    (
      "{average_accuracy", "{accuracy",
      "r.yaml:11: expect.er: unknown metric `accuracy`. Allowed: `average_accuracy`, "
        + "`average_incremental_accuracy`, `anytime_accuracy`, `forgetting`, `forgetting_from_learned`, "
        + "`backward_transfer`, `forward_transfer`, `intransigence`, `learning_curve_area`, `negative_flip_rate`, "
        + "`prequential_accuracy`, `selected_accuracy`, `calibration_error`, "
        + "`out_of_scope_auroc`, `perplexity`, `perplexity_growth`"
    ),
    (
      "tolerance: 0.02", "tolerance: -0.02",
      "r.yaml:11: expect.er.average_accuracy.tolerance: must be at least 0, found `-0.02`"
    ),
    (
      "value: 0.888, tolerance: 0.02", "value: 0.888",
      "r.yaml:11: expect.er.average_accuracy: give `value` and `tolerance`, or `at_least`, or `at_most`"
    ),
    (
      ", source: \"van de Ven et al. 2022\"", "",
      "r.yaml:11: expect.er.average_accuracy: missing key `source`"
    ),
  ])
  func everyMistakeIsTold(old: String, new: String, message: String) {
    let yaml = RecipeSample.replacing(old, new)
    #expect(yaml != RecipeSample.yaml)
    #expect(RecipeSample.mistake(yaml) == message)
  }

  @Test(arguments: [
    ("", "r.yaml:1: a recipe is a map of keys, found nothing"),
    ("- 1\n- 2", "r.yaml:1: a recipe is a map of keys, found a list of 2"),
    ("a: 1\nb: [2", "r.yaml:2: not YAML: did not find expected ',' or ']'"),
    ("a: 1\n\tb: 2", "r.yaml:2: not YAML: found a tab character that violates indentation"),
    ("a: *nothing", "r.yaml:1: not YAML: found undefined alias"),
    ("? [a]\n: 1", "r.yaml:1: a key must be text"),
    ("a: 1\na: 2", "r.yaml:1: duplicate key `a`"),
  ])
  func textThatIsNoRecipe(yaml: String, message: String) {
    #expect(RecipeSample.mistake(yaml) == message)
  }

  @Test func aliasesCannotGrowWithoutBound() {
    var yaml = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in 1...9 {
      let items = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
      yaml += "a\(level): &a\(level) [\(items)]\n"
    }
    #expect(RecipeSample.mistake(yaml)?.contains("the document has more than 100000 values") == true)
  }

  @Test func deepNestingIsAnErrorAndNoCrash() {
    let yaml = String(repeating: "[", count: 50_000) + String(repeating: "]", count: 50_000)
    #expect(RecipeSample.mistake(yaml)?.hasPrefix("r.yaml:1: ") == true)
  }

  /// Cuts, swaps and foreign characters never crash the reader; what it rejects it rejects with a place.
  @Test func mutilatedRecipesAreRejectedWithAPlace() {
    var generator = SplitMix(state: 7)
    let noise = Array("{}[]:,-#&*!|>'\"%@`\t\n 0a~\u{0}\u{7f}é")
    var rejected = 0
    for _ in 0..<2000 {
      var text = Array(RecipeSample.yaml)
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        let place = Int.random(in: 0..<text.count, using: &generator)
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: text.removeSubrange(place..<min(text.count, place + 5))
        case 1: text.insert(noise[Int.random(in: 0..<noise.count, using: &generator)], at: place)
        default: text[place] = noise[Int.random(in: 0..<noise.count, using: &generator)]
        }
      }
      guard let mistake = RecipeSample.mistake(String(text)) else { continue }
      rejected += 1
      #expect(mistake.hasPrefix("r.yaml:"), "\(mistake)")
    }
    #expect(rejected > 1000)
  }

  @Test func aFileThatIsNotThereIsNamed() {
    #expect {
      _ = try Recipe(contentsOf: .init(fileURLWithPath: "/no/such/recipe.yaml"))
    } throws: {
      "\($0)" == "/no/such/recipe.yaml:1: there is no such recipe"
    }
  }
}

/// A small generator, so that a failure can be repeated (Steele, Lea and Flood 2014).
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
