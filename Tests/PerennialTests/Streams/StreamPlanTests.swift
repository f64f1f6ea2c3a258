import Testing
import Torch

@testable import Perennial

@Suite struct StreamPlanTests {
  static func labels(_ stream: Perennial.Stream) throws -> [Set<Int>] {
    try (0..<stream.count).map { Set(try stream.experience($0).examples.targets.integers()) }
  }

  /// The identifiers of an experience's training examples.
  static func identifiers(_ stream: Perennial.Stream, _ index: Int) throws -> [Int] {
    try stream.experience(index).examples.identifiers.integers()
  }

  // MARK: - By class

  @Test func classesComeInGroups() throws {
    let stream = try Clusters().stream()
    #expect(try Self.labels(stream) == [[0, 1], [2, 3], [4, 5]])
    #expect(stream.names == ["0,1", "2,3", "4,5"])
    for index in 0..<3 {
      let experience = try stream.experience(index)
      #expect(experience.examples.count == 24 && experience.task == nil && experience.examples.tasks == nil)
      #expect(Set(try stream.test(index).targets.integers()) == [2 * index, 2 * index + 1])
      #expect(try stream.test(index).count == 10)
    }
    let all = try (0..<3).flatMap { try Self.identifiers(stream, $0) }
    #expect(all.sorted() == Array(0..<72), "every example is in one experience")
  }

  @Test func unevenNumbersOfClassesAreSpread() throws {
    let stream = try Clusters(classes: 7).stream(experiences: 3)
    #expect(try Self.labels(stream) == [[0, 1], [2, 3], [4, 5, 6]])
  }

  @Test func aGivenOrderIsTaken() throws {
    let stream = try Clusters().stream { $0.classOrder = .given([5, 0, 3, 1, 2, 4]) }
    #expect(try Self.labels(stream) == [[5, 0], [3, 1], [2, 4]])
    #expect(stream.names == ["5,0", "3,1", "2,4"])
  }

  @Test func aSeededOrderFollowsTheSeed() throws {
    func names(_ seed: UInt64) throws -> [String] {
      try Clusters().stream(seed: seed) { $0.classOrder = .seeded }.names
    }
    #expect(try names(1) == names(1))
    #expect(Set(try (0..<8).map(names)).count > 4)
    let classes = try names(3).flatMap { $0.split(separator: ",").compactMap { Int($0) } }
    #expect(classes.sorted() == Array(0..<6))
  }

  @Test func tasksAreGrantedInTheTaskScenarioAlone() throws {
    let stream = try Clusters().stream(.taskIncremental)
    for index in 0..<3 {
      let experience = try stream.experience(index)
      #expect(experience.task == index)
      #expect(try experience.examples.tasks?.integers() == [Int](repeating: index, count: 24))
    }
    for scenario in Scenario.allCases where scenario != .taskIncremental {
      let experience = try Clusters().stream(scenario).experience(1)
      #expect(experience.task == nil && experience.examples.tasks == nil)
    }
  }

  @Test func domainsShareTheirLabels() throws {
    let stream = try Clusters().stream(.domainIncremental) { $0.classOrder = .given([5, 0, 3, 1, 2, 4]) }
    #expect(try Self.labels(stream) == [[0, 1], [0, 1], [0, 1]])
    let plain = try Clusters().stream { $0.classOrder = .given([5, 0, 3, 1, 2, 4]) }
    let (shared, own) = (try stream.experience(1).examples, try plain.experience(1).examples)
    #expect(try shared.inputs.equals(own.inputs))
    #expect(try own.targets.integers().map { $0 == 3 ? 0 : 1 } == shared.targets.integers())
    #expect(Set(try stream.test(2).targets.integers()) == [0, 1])
  }

  // MARK: - By domain

  static func permutedInputs(_ count: Int) throws -> [StreamPlan.Domain] {
    try (0..<count).map { index in
      let order = try Tensor.permutation(8, Generator(seed: UInt64(index)))
      return StreamPlan.Domain(name: "permutation \(index)") { try $0.indexSelect(order, dim: 1) }
    }
  }

  @Test func everyDomainIsTheWholeSetInAnotherGuise() throws {
    let domains = try Self.permutedInputs(4)
    let source = try Clusters().source()
    let stream = try Clusters().stream(.domainIncremental) { $0.domains = domains }
    #expect(stream.count == 4 && stream.names[3] == "permutation 3")
    for index in 0..<4 {
      let examples = try stream.experience(index).examples
      #expect(try examples.inputs.equals(domains[index].transform(source.train.inputs)))
      #expect(try examples.targets.equals(source.train.targets))
      #expect(try stream.test(index).inputs.equals(domains[index].transform(source.test.inputs)))
    }
  }

  @Test(arguments: [Scenario.classIncremental, .taskIncremental])
  func domainsHaveClassesOfTheirOwnUnlessShared(scenario: Scenario) throws {
    let domains = try Self.permutedInputs(3)
    let stream = try Clusters().stream(scenario) { $0.domains = domains }
    #expect(try Self.labels(stream) == [Set(0..<6), Set(6..<12), Set(12..<18)])
    #expect(Set(try stream.test(2).targets.integers()) == Set(12..<18))
    #expect(try stream.experience(2).task == (scenario == .taskIncremental ? 2 : nil))
  }

  // MARK: - By instance

  @Test func instancesAreSplitEvenlyAndOnce() throws {
    let stream = try Clusters().stream(.instanceIncremental, experiences: 5)
    let parts = try (0..<5).map { try Self.identifiers(stream, $0) }
    #expect(parts.map(\.count) == [14, 14, 15, 14, 15])
    #expect(parts.flatMap { $0 }.sorted() == Array(0..<72))
    #expect(parts[0] != Array(0..<14), "parts are random")
    #expect(try (0..<5).reduce(0) { try $0 + stream.test($1).count } == 30)
  }

  @Test func valuesCanBeSplitByInstance() throws {
    let inputs = try Tensor.normal([10, 3], Generator(seed: 1))
    let examples = try Examples(inputs: inputs, targets: inputs)
    let source = try DataSource(name: "values", train: examples, test: examples, pipeline: InputPipeline())
    let stream = try StreamPlan(scenario: .instanceIncremental, experiences: 2).stream(of: source, seed: 1)
    #expect(try stream.experience(1).examples.targets.shape == [5, 3])
    let domains = [
      StreamPlan.Domain(name: "as they are") { $0 }, StreamPlan.Domain(name: "mirrored") { try -$0 },
    ]
    var plan = StreamPlan(scenario: .domainIncremental)
    plan.domains = domains
    let mirrored = try plan.stream(of: source, seed: 1).experience(1).examples
    #expect(try mirrored.targets.equals(examples.targets))
    #expect(try mirrored.inputs.equals(-examples.inputs))
  }

  // MARK: - Blurred boundaries

  @Test(arguments: [0.0, 0.1, 0.25, 0.5, 0.99])
  func soManyExamplesChangePlaces(blur: Double) throws {
    let clusters = Clusters(classes: 6, perClass: 50)
    let stream = try clusters.stream { $0.blur = blur }
    let swapped = Int((blur / 2 * 100).rounded())
    for index in 0..<3 {
      let groups = try stream.experience(index).examples.targets.integers().map { $0 / 2 }
      #expect(groups.count == 100)
      for other in 0..<3 {
        let neighbours = (index > 0 ? 1 : 0) + (index < 2 ? 1 : 0)
        let expected = other == index ? 100 - neighbours * swapped : abs(other - index) == 1 ? swapped : 0
        #expect(groups.count { $0 == other } == expected, "experience \(index), classes of \(other)")
      }
    }
    let all = try (0..<3).flatMap { try Self.identifiers(stream, $0) }
    #expect(all.sorted() == Array(0..<300), "nothing is lost or doubled")
    #expect(Set(try stream.test(0).targets.integers()) == [0, 1], "test sets stay sharp")
  }

  @Test func theBlurFollowsTheSeed() throws {
    func first(_ seed: UInt64) throws -> [Int] {
      try Self.identifiers(Clusters().stream(seed: seed) { $0.blur = 0.5 }, 0)
    }
    #expect(try first(1) == first(1))
    #expect(try first(1) != first(2))
  }

  // MARK: - Limit

  @Test(arguments: Scenario.allCases)
  func aLimitKeepsARandomPartOfEachExperience(scenario: Scenario) throws {
    func parts(_ seed: UInt64, _ limit: Int?) throws -> [[Int]] {
      let stream = try Clusters().stream(scenario, seed: seed) { $0.limit = limit }
      return try (0..<3).map { try Self.identifiers(stream, $0) }
    }
    let (whole, kept) = (try parts(1, nil), try parts(1, 10))
    for (part, all) in zip(kept, whole) {
      #expect(part.count == 10 && Set(part).isSubset(of: all))
      #expect(part == part.sorted(), "in the order of the data")
      #expect(part != Array(all.prefix(10)), "no matter where in the data")
    }
    #expect(try parts(1, 10) == kept)
    #expect(try parts(1, 24) == whole && parts(1, 1000) == whole)
    if scenario != .instanceIncremental { #expect(try parts(2, 10) != kept) }
  }

  @Test func whatIsHeldOutComesFromTheLimitedPart() throws {
    let limited = try Clusters().stream { $0.limit = 12 }
    let split = try Clusters().stream {
      $0.limit = 12
      $0.validation = 0.25
    }
    for index in 0..<3 {
      let experience = try split.experience(index)
      let held = try #require(experience.validation).identifiers.integers()
      #expect(experience.examples.count == 9 && held.count == 3)
      #expect(
        try Set(experience.examples.identifiers.integers() + held) == Set(Self.identifiers(limited, index)))
    }
  }

  // MARK: - Validation

  @Test(arguments: Scenario.allCases)
  func validationIsHeldOutOfTheExperienceItself(scenario: Scenario) throws {
    let (whole, stream) = (
      try Clusters().stream(scenario), try Clusters().stream(scenario) { $0.validation = 0.25 }
    )
    for index in [2, 0, 1] {
      let experience = try stream.experience(index)
      let validation = try #require(experience.validation)
      #expect(validation.count == 6 && experience.examples.count == 18)
      let (train, held) = (
        try experience.examples.identifiers.integers(), try validation.identifiers.integers()
      )
      #expect(Set(train).isDisjoint(with: held))
      #expect(Set(train + held) == Set(try Self.identifiers(whole, index)))
      #expect(try stream.experience(index).validation?.identifiers.integers() == held, "asked again")
      if scenario == .taskIncremental {
        #expect(try validation.tasks?.integers() == [Int](repeating: index, count: 6))
      }
    }
    #expect(try whole.experience(0).validation == nil)
  }

  // MARK: - What cannot be

  @Test func impossiblePlansAreRefused() throws {
    #expect(throws: StreamError.tooManyExperiences(asked: 7, available: 6, what: "classes")) {
      try Clusters().stream(experiences: 7)
    }
    #expect(throws: StreamError.tooManyExperiences(asked: 73, available: 72, what: "examples")) {
      try Clusters().stream(.instanceIncremental, experiences: 73)
    }
    #expect(throws: StreamError.tooManyExperiences(asked: 40, available: 30, what: "examples")) {
      try Clusters().stream(.instanceIncremental, experiences: 40)
    }
    #expect(throws: StreamError.unevenClasses(classes: 6, experiences: 4)) {
      try Clusters().stream(.domainIncremental, experiences: 4)
    }
    #expect(throws: StreamError.classOrder(expected: [0, 1, 2, 3, 4, 5], given: [0, 1, 2])) {
      try Clusters().stream { $0.classOrder = .given([0, 1, 2]) }
    }
    #expect(throws: StreamError.classOrder(expected: [0, 1, 2, 3, 4, 5], given: [0, 1, 2, 3, 4, 4])) {
      try Clusters().stream { $0.classOrder = .given([0, 1, 2, 3, 4, 4]) }
    }
    #expect(throws: StreamError.notForScenario(option: "`blur`", scenario: "task")) {
      try Clusters().stream(.taskIncremental) { $0.blur = 0.1 }
    }
    let domains = try Self.permutedInputs(2)
    #expect(throws: StreamError.self) {
      try Clusters().stream(.domainIncremental) { ($0.domains, $0.blur) = (domains, 0.1) }
    }
  }

  @Test(arguments: Scenario.allCases)
  func aNumberOfExperiencesBelowOneIsRefused(scenario: Scenario) throws {
    for count in [0, -3] {
      #expect(throws: StreamError.experiences(count)) { try Clusters().stream(scenario, experiences: count) }
    }
    #expect(throws: StreamError.experiences(0)) { try Clusters().stream(scenario) { $0.domains = [] } }
  }

  @Test func aLimitBelowOneIsRefused() throws {
    for limit in [0, -3] {
      #expect(throws: StreamError.limit(limit)) { try Clusters().stream { $0.limit = limit } }
    }
  }

  @Test(arguments: [-0.1, 1, 1.5, Double.nan])
  func fractionsOutsideTheirRangeAreRefused(value: Double) throws {
    for option in ["validation", "blur"] {
      do {
        _ = try Clusters().stream { if option == "blur" { $0.blur = value } else { $0.validation = value } }
        Issue.record("\(option) \(value) was taken")
      } catch StreamError.fraction(let named, let given) {
        #expect(named == option && (given == value || value.isNaN))
      }
    }
  }

  @Test func labelsOutOfRangeAreRefused() throws {
    let inputs = try Tensor.zeros([4, 2])
    let good = try Examples(inputs: inputs, targets: Tensor([0, 1, 0, 1]))
    let bad = try Examples(inputs: inputs, targets: Tensor([0, 1, -1, 1]))
    for scenario in Scenario.allCases {
      for (train, test) in [(bad, good), (good, bad)] {
        let source = try DataSource(name: "bad", train: train, test: test, pipeline: InputPipeline())
        #expect(throws: StreamError.negativeLabel(-1)) {
          try StreamPlan(scenario: scenario, experiences: 2).stream(of: source, seed: 0)
        }
      }
    }
  }

  @Test(arguments: [Scenario.classIncremental, .taskIncremental, .domainIncremental])
  func splittingByClassNeedsClasses(scenario: Scenario) throws {
    let inputs = try Tensor.normal([6, 2], Generator(seed: 1))
    let examples = try Examples(inputs: inputs, targets: inputs)
    let source = try DataSource(name: "values", train: examples, test: examples, pipeline: InputPipeline())
    #expect(throws: StreamError.needsLabels(scenario: scenario.rawValue)) {
      try StreamPlan(scenario: scenario, experiences: 2).stream(of: source, seed: 0)
    }
    guard scenario != .domainIncremental else { return }
    var plan = StreamPlan(scenario: scenario)
    plan.domains = [StreamPlan.Domain(name: "as they are") { $0 }]
    #expect(throws: StreamError.needsLabels(scenario: scenario.rawValue)) {
      try plan.stream(of: source, seed: 0)
    }
  }

  @Test func anExperienceWithoutTrainingOrTestExamplesIsNamed() throws {
    let inputs = try Tensor.zeros([4, 2])
    let two = try Examples(inputs: inputs, targets: Tensor([0, 0, 1, 1]))
    let three = try Examples(inputs: inputs, targets: Tensor([0, 1, 2, 2]))
    func stream(_ train: Examples, _ test: Examples) throws -> Perennial.Stream {
      let source = try DataSource(name: "gap", train: train, test: test, pipeline: InputPipeline())
      return try StreamPlan(experiences: 3).stream(of: source, seed: 0)
    }
    #expect(throws: StreamError.emptyExperience(name: "2")) { try stream(two, three) }
    #expect(throws: StreamError.emptyTestSet(name: "2")) { try stream(three, two) }
    let nothing = Perennial.Stream(
      source: try Clusters().source(), scenario: .classIncremental, names: ["none"],
      training: { try Experience(index: $0, name: "none", examples: two.select([])) },
      testing: { _, _ in two })
    #expect(throws: StreamError.emptyExperience(name: "none")) { try nothing.experience(0) }
  }

  @Test(arguments: [-1, 3])
  func thereIsNoExperienceBeyondTheEnd(index: Int) throws {
    let stream = try Clusters().stream()
    #expect(throws: StreamError.noSuchExperience(index: index, count: 3)) { try stream.experience(index) }
    #expect(throws: StreamError.noSuchExperience(index: index, count: 3)) { try stream.test(index) }
  }

  @Test func everyErrorSaysWhatIsAllowed() {
    let said: [(StreamError, String)] = [
      (.columns(inputs: 3, others: [2]), "3 examples, but other columns 2"),
      (.tooManyExperiences(asked: 7, available: 6, what: "classes"), "at most 6"),
      (.unevenClasses(classes: 6, experiences: 4), "6 classes do not divide into 4"),
      (.emptyExperience(name: "2,3"), "2,3 has no training examples"),
      (.emptyTestSet(name: "2,3"), "2,3 has no test examples"),
      (.classOrder(expected: [0, 1], given: [1]), "each of the labels 0, 1 once"),
      (.negativeLabel(-4), "-4"), (.needsLabels(scenario: "class"), "splits by class"),
      (.notForScenario(option: "`blur`", scenario: "task"), "`blur` is not possible in the scenario task"),
      (.noSuchExperience(index: 9, count: 5), "the stream has 5"), (.experiences(0), "at least 1"),
      (.limit(0), "at least 1"),
      (.fraction(option: "blur", value: 2), "[0, 1)"),
    ]
    for (error, words) in said { #expect("\(error)".contains(words), "\(error)") }
  }
}
