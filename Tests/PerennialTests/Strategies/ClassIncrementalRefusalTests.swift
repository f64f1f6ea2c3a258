import Testing
import Torch

@testable import Perennial

/// What cannot work is refused before anything is learned.
@Suite struct ClassIncrementalRefusalTests {
  static let names = ["icarl", "eeil", "bic", "wa", "lucir", "podnet", "lwf-mc", "lwm"]

  static func facts(
    _ strategies: [String], scenario: Scenario = .classIncremental, classes: Int? = 10
  ) -> StreamFacts {
    StreamFacts(classes: classes, experiences: 5, scenario: scenario, strategies: strategies)
  }

  @Test(arguments: names)
  func streamsWithoutNewClasses(name: String) throws {
    let strategy = try StrategyRegistry.make(Selection(name))
    try strategy.check(Self.facts([name]))
    for scenario in [Scenario.taskIncremental, .domainIncremental, .instanceIncremental] {
      #expect(throws: StrategyError.needsNewClasses(name)) {
        try strategy.check(Self.facts([name], scenario: scenario))
      }
    }
    #expect(throws: StrategyError.needsClasses(name)) {
      try strategy.check(Self.facts([name], classes: nil))
    }
    #expect(throws: StrategyError.self) { try strategy.check(Self.facts(["drift-boundaries", name])) }
  }

  @Test(arguments: ["icarl", "eeil", "bic", "wa", "lucir", "podnet"])
  func memoriesThatCannotServe(name: String) throws {
    func make(_ options: String) throws -> any Strategy {
      try StrategyRegistry.make(Selection(ConfigurationNode(yaml: "\(name): \(options)", source: "test")))
    }
    for wrong in ["{memory: 0}", "{memory: -3}", "{per_class: 0}", "{selection: best}", "{exemplars: 20}"] {
      #expect(throws: ConfigurationError.self, "\(wrong)") { try make(wrong) }
    }
    #expect(throws: StrategyError.memoryTooSmall(memory: 9, classes: 10)) {
      try make("{memory: 9}").check(Self.facts([name]))
    }
    try make("{memory: 9, per_class: 1}").check(Self.facts([name]))
    #expect(throws: StrategyError.self) {
      try StrategyRegistry.make(Selection(name)).check(Self.facts(["replay", name]))
    }
  }

  /// One arm has one training set: the other's would be dropped without a word.
  @Test(arguments: ["icarl", "eeil", "bic", "wa", "lucir", "podnet"])
  func twoTrainingSets(name: String) throws {
    for other in ["joint", "cumulative", "gdumb"] {
      let strategies = try [other, name].map { try StrategyRegistry.make(Selection($0)) }
      #expect(throws: LearnerError.twoTrainingSets(other, name)) {
        try Learner.check(strategies, Classification(), accumulate: 1)
      }
    }
  }

  /// Whoever replaces the loss stands alone with that: the other's would be dropped without a word.
  @Test(arguments: ["icarl", "bic", "wa", "podnet", "er-ace", "scr", "cope", "la-maml"])
  func twoLosses(name: String) throws {
    let strategies: [any Strategy] = [LwFMultiClass(), try StrategyRegistry.make(Selection(name))]
    #expect(throws: LearnerError.twoLosses("lwf-mc", name)) {
      try Learner.check(strategies, Classification(), accumulate: 1)
    }
    #expect(throws: LearnerError.twoLosses("lwf-mc", name)) {
      try Setting.plain.learner(strategies, stream: Clusters().stream())
    }
  }

  @Test(arguments: [
    "bic: {held_out: 1}", "bic: {temperature: 0}", "bic: {lambda: 1.5}", "wa: {lambda: -1}",
    "eeil: {weight: -1}",
    "eeil: {fine_tuning: {lr: 0}}", "eeil: {fine_tuning: {part: body}}", "lucir: {hardest: 0}",
    "lucir: {lambda: -1}", "podnet: {margin: -1}", "podnet: {fine_tuning: {batch: 0}}", "lwm: {gamma: -1}",
    "icarl: {variant: hinge}", "lwf-mc: {temperature: 2}",
  ])
  func optionsOutOfRange(text: String) throws {
    #expect(throws: ConfigurationError.self) {
      try StrategyRegistry.make(Selection(ConfigurationNode(yaml: text, source: "test")))
    }
  }

  @Test func headsThatDoNotFit() throws {
    for (strategy, setting) in [
      (Method.lucir() as any Strategy, Setting.plain), (Method.podnet(), .plain), (Method.wa(), .cosineHead),
    ] {
      let error = #expect(throws: StrategyError.self) {
        try setting.learner([strategy], stream: setting.stream())
      }
      guard case .model(let name, let problem)? = error else {
        Issue.record("not about the model: \(String(describing: error))")
        continue
      }
      #expect(name == strategy.name && problem.contains("write `head:"))
    }
  }

  @Test func modelsWithoutMaps() throws {
    let stream = try Setting.plain.stream()
    let learner = try Setting.plain.learner([Method.lwm()], stream: stream)
    #expect(throws: StrategyError.self) { try learner.begin(stream.experience(0)) }
    let flat = try Setting.images.learner([Method.lwm { $0.tap = "hidden" }], stream: Setting.images.stream())
    #expect(throws: StrategyError.self) { try flat.begin(Setting.images.stream().experience(0)) }
  }

  @Test func tapsThatAreNotThere() throws {
    let stream = try Setting.similarityPictures.stream()
    for strategy in [
      Method.lwm { $0.tap = "layer9" } as any Strategy, Method.podnet { $0.taps = ["layer9"] },
    ] {
      #expect(throws: TapError.self) { try Setting.similarityPictures.learner([strategy], stream: stream) }
    }
  }
}
