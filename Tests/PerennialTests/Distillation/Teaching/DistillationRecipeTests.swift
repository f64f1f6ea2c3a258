import Foundation
import Testing
import Torch

@testable import Perennial

/// Teachers and starts that recipes name, and mistakes that are told before the first step.
@Suite struct DistillationRecipeTests {
  static func recipe(
    _ arms: [String], teachers: String = "", training: String = "", scenario: String = "class",
    seeds: [Int] = [0]
  ) throws -> Recipe {
    try Recipe(
      yaml: """
        name: tiny
        stream: {data: clusters, scenario: \(scenario), experiences: 3}
        model: mlp
        training: {optimizer: {sgd: {lr: 0.1, momentum: 0.9}}, batch: 8, steps: 3\(training)}
        strategies:
          \(arms.joined(separator: "\n  "))
        seeds: \(seeds)
        \(teachers)
        """, source: "tiny.yaml")
  }

  /// What `perennial distill` takes: every strategy of the family, not one of them by name.
  @Test func whoTeaches() throws {
    let arms = try Self.recipe([
      "kd: [distillation]", "mutual: [mutual-learning]", "icarl: [icarl]", "alone: []", "er: [replay]",
    ]).arms
    #expect(arms.filter(\.teaches).map(\.name) == ["kd", "mutual", "icarl"])
  }

  private static func teacher(_ url: URL, _ recipe: Recipe) throws -> PretrainedTeacher {
    let stream = try TinyModality().stream(recipe, seed: 0)
    let blueprint = try TinyModality().blueprint(recipe, for: stream)
    let network = try blueprint.make(RandomStreams(seed: 3))
    try network.head.grow(to: 6, RandomStreams(seed: 3).stream("head"))
    let file = try Safetensors.read(url)
    try network.load(file.tensors)
    let labels = try #require(file.metadata["labels"])
    return PretrainedTeacher(
      try Frozen(network, blueprint), labels: try JSONDecoder().decode([Int].self, from: Data(labels.utf8)))
  }

  private static func run(_ bench: ExperimentTests.Bench, _ arm: String, seed: Int) throws -> ArmRun {
    try ArmRun(
      recipe: bench.recipe, arm: #require(bench.recipe.arms.first { $0.name == arm }), seed: seed,
      modality: TinyModality(), device: .cpu, finished: { bench.folder.student(of: $0, seed: seed) })
  }

  /// The arm's model of the same seed teaches, under the arm's name; stopped anywhere, the run gives the same bits.
  @Test func anEarlierArmTeaches() throws {
    let recipe = try Self.recipe(
      [
        "big: []", "plain: []",
        "small: [{distillation: {teacher: big, terms: [kd, {hint: {taps: [hidden], regressor: batch-norm}}]}}]",
        "both: [{distillation: {teachers: [big, small], merge: average}}]",
      ], seeds: [0, 1])
    let bench = try ExperimentTests.Bench(recipe)
    defer { bench.place.remove() }
    let whole = try bench.outcome(#require(try bench.run()))
    #expect(whole.weights["small-0"] != whole.weights["plain-0"])
    for seed in 0..<2 {
      let run = try Self.run(bench, "small", seed: seed)
      #expect(Array(run.learner.teachers.keys) == ["big"])
      let expected = try Self.teacher(bench.folder.student(of: "big", seed: seed), recipe)
      let teacher = try #require(run.learner.teachers["big"])
      #expect(try teacher.digest() == expected.digest())
      #expect(teacher.labels == expected.labels && Set(expected.labels ?? []) == Set(0..<6))
      #expect(try Set(Self.run(bench, "both", seed: seed).learner.teachers.keys) == ["big", "small"])
    }
    let seeds = try ["big-0", "big-1"].map { try #require(whole.weights[$0]) }
    #expect(seeds[0] != seeds[1])
    for steps in [19, 22, 25, 27, 29] {
      let other = try ExperimentTests.Bench(recipe)
      defer { other.place.remove() }
      #expect(try other.run(stop: ExperimentTests.after(2 * steps)) == nil)
      #expect(try other.outcome(#require(try other.run())) == whole, "stopped after \(2 * steps) steps")
    }
  }

  /// A model starts as another arm's ended, its classes in that order.
  @Test func anArmStartsWhereAnotherEnded() throws {
    let recipe = try Self.recipe([
      "big: []", "more: {strategies: [{distillation: {teacher: big}}], start: big, training: {steps: 2}}",
    ])
    let bench = try ExperimentTests.Bench(recipe)
    defer { bench.place.remove() }
    let whole = try bench.outcome(#require(try bench.run()))
    #expect(whole.steps == [9, 6])
    let run = try Self.run(bench, "more", seed: 0)
    let file = try Safetensors.read(bench.folder.student(of: "big", seed: 0))
    for (path, value) in try run.learner.model.stateDictionary() {
      #expect(try value.equals(#require(file.tensors[path])), "\(path)")
    }
    #expect(file.metadata["labels"] == "\(run.learner.classes.labels)")
    #expect(run.learner.classes.count == 6)
    for steps in [9, 10, 12, 14] {
      let other = try ExperimentTests.Bench(recipe)
      defer { other.place.remove() }
      #expect(try other.run(stop: ExperimentTests.after(steps)) == nil)
      #expect(try other.outcome(#require(try other.run())) == whole, "stopped after \(steps) steps")
    }
  }

  /// Trained models that the recipe names, with labels that it tells, or the file.
  @Test func aFileTeaches() throws {
    let first = try ExperimentTests.Bench(Self.recipe(["big: []"]))
    defer { first.place.remove() }
    _ = try first.run()
    let path = first.folder.student(of: "big", seed: 0).path
    func teacher(_ labels: String = "", weights: String = path) throws -> any Teacher {
      let recipe = try Self.recipe(
        ["kd: [{distillation: {teacher: old}}]"],
        teachers: "teachers:\n  old: {model: mlp, weights: \(weights)\(labels)}")
      try Experiment.check(recipe, modality: TinyModality())
      let run = try ArmRun(
        recipe: recipe, arm: recipe.arms[0], seed: 0, modality: TinyModality(), device: .cpu)
      return try #require(run.learner.teachers["old"])
    }
    let expected = try Self.teacher(URL(fileURLWithPath: path), first.recipe)
    #expect(try teacher().digest() == expected.digest())
    #expect(try teacher().labels == expected.labels)
    #expect(try teacher(", labels: [5, 3, 1, 0, 2, 4]").labels == [5, 3, 1, 0, 2, 4])
    #expect(
      refusal { _ = try teacher(", labels: [5, 3]") }
        == "tiny.yaml:9: teachers.old: 6 outputs need as many different class labels, found 2")
    #expect(
      refusal { _ = try teacher(", labels: [5, 3, 1, 0, 2, 2]") }
        == "tiny.yaml:9: teachers.old: 6 outputs need as many different class labels, found 6")
    let missing = try #require(refusal { _ = try teacher(weights: "/no/such/file.safetensors") })
    #expect(missing.hasPrefix("tiny.yaml:9: teachers.old: ") && missing.contains("/no/such/file.safetensors"))
    let contents = try Safetensors.read(URL(fileURLWithPath: path))
    var other = contents.tensors
    other["hidden.weight"] = nil
    let place = TemporaryPlace()
    defer { place.remove() }
    let url = place.url.appendingPathComponent("other.safetensors")
    try Safetensors.encode(other, metadata: contents.metadata).write(to: url)
    let incomplete = try #require(refusal { _ = try teacher(weights: url.path) })
    #expect(incomplete.hasPrefix("tiny.yaml:9: teachers.old: ") && incomplete.contains("hidden.weight"))
  }

  /// Everything that is wrong is told with its line, before a run has a folder.
  @Test(arguments: [
    ("{teacher: bg}", "there is no teacher `bg`; there is `big`"),
    ("{teachers: [big, later]}", "there is no teacher `later`; there is `big`"),
    ("{teacher: {cached: {teacher: huge}}}", "there is no teacher `huge`; there is `big`"),
    (
      "{teacher: big, terms: [{hint: {taps: [[layer9, hidden]]}}]}",
      "the model has no tap `layer9`; it has `hidden`, `features`, `outputs`"
    ),
    (
      "{teacher: big, terms: [{hint: {taps: [[hidden, layer9]]}}]}",
      "the teacher big: the model has no tap `layer9`; it has `hidden`, `features`, `outputs`"
    ),
    (
      "{teacher: past-self, terms: [{hint: {taps: [[hidden, layer9]]}}]}",
      "the model has no tap `layer9`; it has `hidden`, `features`, `outputs`"
    ),
    (
      "{teacher: ema, terms: [kd, {hint: {taps: [[layer9, hidden]]}, weight: 0}]}",
      "the model has no tap `layer9`; it has `hidden`, `features`, `outputs`"
    ),
    (
      "{teacher: big, terms: [{at: {taps: [features]}}]}",
      "at: `features` of the student gives [2, 16] and `features` of the teacher [2, 16]; it compares maps "
        + "[N, C, H, W], such as the outputs of convolutional stages"
    ),
    (
      "{terms: [{at: {taps: [features]}}]}",
      "at: `features` of the student gives [2, 16] and `features` of the teacher [2, 16]; it compares maps "
        + "[N, C, H, W], such as the outputs of convolutional stages"
    ),
    (
      "{teacher: big, weight: 0, hard: 0}",
      "the weights of the labels and of all terms are 0: nothing would be learned"
    ),
    (
      "{teacher: big, hard: 0, terms: [{kd: {}, weight: 0}, {logits: {}, weight: {from: 0, to: 0}}]}",
      "the weights of the labels and of all terms are 0: nothing would be learned"
    ),
    ("{teacher: big, terms: [kd, {kd: {temperature: 2}}]}", "the term `kd` is listed twice"),
    (
      "{teacher: big, items: remembered}",
      "`items: remembered` needs a memory: add a strategy that puts remembered items behind the fresh ones"
    ),
    (
      "{teacher: {cached: {teacher: big}}}",
      "the teacher big: its answers cannot be kept while every epoch augments anew: set `training.views`, such as 8"
    ),
  ])
  func mistakesAreToldBeforeAnythingIsLearned(options: String, message: String) throws {
    let recipe = try Self.recipe(["big: []", "kd: [{distillation: \(options)}]", "later: []"])
    #expect(
      refusal { try Experiment.check(recipe, modality: TinyModality()) }
        == "tiny.yaml:7: strategies.kd: \(message)")
  }

  /// Mistakes in the options have a line and a path of their own.
  @Test(arguments: [
    ("{temperature: 0}", "temperature: must be above 0, found `0`"),
    ("{temperature: -2}", "temperature: must be above 0, found `-2`"),
    ("{temperature: {from: 4, to: 0}}", "temperature: must be above 0, found a map with `from`, `to`"),
    ("{temperature: 2, terms: [kd]}", "temperature: is for soft targets alone: give each term its own"),
    ("{terms: [{kd: {temperature: 0}}]}", "terms.0.kd.temperature: must be above 0, found `0`"),
    ("{terms: [{kd: {}, weight: -1}]}", "terms.0.weight: must be at least 0, found `-1`"),
    (
      "{terms: [{kd: {}, logits: {}}]}",
      "terms.0: must be one term and perhaps its weight, such as `{kd: {temperature: 4}, weight: 0.9}`, found a map "
        + "with `kd`, `logits`"
    ),
    ("{weight: -1}", "weight: must be at least 0, found `-1`"),
    ("{hard: -0.1}", "hard: must be at least 0, found `-0.1`"),
    ("{teachers: [big, {big: {weight: 0}}]}", "teachers.1.big.weight: must be above 0, found `0`"),
    ("{teacher: {big: {temperature: 0}}}", "teacher.big.temperature: must be above 0, found `0`"),
    ("{teacher: {ema: {decay: 1}}}", "teacher.ema.decay: must be at least 0 and below 1, found `1`"),
    ("{teacher: {past-self: {depth: 1}}}", "teacher.past-self: unknown key `depth`: nothing can be set here"),
    ("{teacher: cached}", "teacher.cached: missing key `teacher`: whose answers?"),
    ("{teacher: {cached: {teacher: big, top: 0}}}", "teacher.cached.top: must be at least 1, found `0`"),
    ("{teacher: big, teachers: [big]}", "teachers: give either `teacher` or `teachers`, not both"),
    ("{teacher: big, merge: average}", "merge: is for several `teachers`"),
    ("{items: old}", "items: unknown value `old`. Allowed: `all`, `fresh`, `remembered`"),
    ("{trust: blind}", "trust: unknown value `blind`. Allowed: `always`, `loss`, `entropy`, `novelty`"),
  ])
  func mistakesInOptions(options: String, message: String) throws {
    let recipe = try Self.recipe(["big: []", "kd: [{distillation: \(options)}]"])
    #expect(
      refusal { try Experiment.check(recipe, modality: TinyModality()) }
        == "tiny.yaml:7: strategies.kd.0.distillation.\(message)")
  }

  @Test func unknownTermsAreNamed() throws {
    let recipe = try Self.recipe(["kd: [{distillation: {terms: [dk]}}]"])
    let message = try #require(refusal { try Experiment.check(recipe, modality: TinyModality()) })
    #expect(
      message.hasPrefix("tiny.yaml:6: strategies.kd.0.distillation.terms.0: unknown distillation term `dk`")
    )
    for card in TermRegistry.cards { #expect(message.contains("`\(card.name)`")) }
  }

  /// What would only show after the first experience is tried before it.
  @Test func noCommonClassesWithAnArmOfOtherData() throws {
    let first = try ExperimentTests.Bench(Self.recipe(["big: []"]))
    defer { first.place.remove() }
    _ = try first.run()
    let recipe = try Self.recipe(
      ["kd: [{distillation: {teacher: old}}]"],
      teachers:
        "teachers:\n  old: {model: mlp, weights: \(first.folder.student(of: "big", seed: 0).path), "
        + "labels: [10, 11, 12, 13, 14, 15]}")
    #expect(
      refusal { try Experiment.check(recipe, modality: TinyModality()) }
        == "tiny.yaml:6: strategies.kd: the teacher old and the student answer for no class in common")
  }

  /// An arm learns from those before it alone, and only when they have run.
  @Test func teachersMustHaveRun() throws {
    let recipe = try Self.recipe(["big: []", "kd: [{distillation: {teacher: big}}]"])
    let message = refusal {
      _ = try ArmRun(recipe: recipe, arm: recipe.arms[1], seed: 0, modality: TinyModality(), device: .cpu)
    }
    #expect(message == "the teacher big: has not been trained: run its arm too, and before this one")
    let start = try Self.recipe(["big: []", "more: {start: big}"])
    let other = refusal {
      _ = try ArmRun(recipe: start, arm: start.arms[1], seed: 0, modality: TinyModality(), device: .cpu)
    }
    #expect(other == "the teacher big: has not been trained: run its arm too")
    #expect(
      refusal { _ = try Self.recipe(["more: {start: big}", "big: []"]) }
        == "tiny.yaml:6: strategies.more.start: must be an arm that comes before `more`, found `big`")
    #expect(
      refusal { _ = try Self.recipe(["big: []"], teachers: "teachers:\n  big: {model: mlp, weights: a}") }
        == "tiny.yaml:9: teachers.big: an arm has the name `big` too, and every arm is a teacher under its own"
    )
  }

  /// Terms between outputs are for classes, and so is trust in what the teacher says of them; FACIL#37: a divergence of
  /// values is 0 and holds nothing.
  @Test func valuesAreComparedByTermsThatNeedNoClasses() throws {
    let facts = StreamFacts(
      classes: nil, experiences: 2, scenario: .domainIncremental, strategies: ["distillation"], teachers: [])
    func refused(_ options: String) -> String? {
      refusal { try Method.distillation(options).check(facts) }
    }
    #expect(refused("{}") == "distillation with the term kd is for classification")
    #expect(refused("{terms: [logits, dkd]}") == "distillation with the term dkd is for classification")
    #expect(
      refused("{terms: [logits], trust: loss}") == "distillation with `trust: loss` is for classification")
    #expect(
      refused("{terms: [logits], trust: entropy}")
        == "distillation with `trust: entropy` is for classification")
    #expect(refused("{terms: [logits, {hint: {taps: [features]}}, rkd], trust: novelty}") == nil)
  }
}
