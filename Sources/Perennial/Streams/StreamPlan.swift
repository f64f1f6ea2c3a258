import Torch

/// How a data set is cut into a stream.
public struct StreamPlan {
  /// The order in which classes come.
  public enum ClassOrder: Sendable, Equatable {
    case natural
    case seeded
    case given([Int])
  }

  /// A change of raw inputs that makes a domain of its own, with a name for it.
  public struct Domain {
    public let name: String
    public let transform: (Tensor) throws -> Tensor

    /// - Parameter transform: gives the inputs `[N, …]` of the domain for those of the data set.
    public init(name: String, transform: @escaping (Tensor) throws -> Tensor) {
      self.name = name
      self.transform = transform
    }
  }

  /// What experiences differ in, and what the learner is told.
  public var scenario = Scenario.classIncremental
  /// How many experiences; with domains there is one for each of them.
  public var experiences = 5
  /// The order in which classes come, where experiences differ in classes; that of groups, where the data have as many
  /// as there are experiences.
  public var classOrder = ClassOrder.natural
  /// The training examples that an experience has at most, a random choice of its own, those held out included; all
  /// where nil.
  public var limit: Int?
  /// The fraction of training examples held out, in [0, 1).
  public var validation = 0.0
  /// The fraction of examples that change places with those of the neighbouring experience, in [0, 1).
  public var blur = 0.0
  /// One domain an experience; nil splits by class, or by example in the instance scenario.
  public var domains: [Domain]?

  public init(scenario: Scenario = .classIncremental, experiences: Int = 5) {
    self.scenario = scenario
    self.experiences = experiences
  }

  /// Cuts the data into a stream; whatever is random follows from the seed.
  ///
  /// - Throws: `StreamError` for what the data cannot give.
  public func stream(of source: DataSource, seed: UInt64) throws -> Stream {
    try check(source)
    let random = RandomStreams(seed: seed)
    if let domains { return try transformed(source, domains, random) }
    guard scenario != .instanceIncremental else { return try byInstance(source, random) }
    if experiences > 1, let groups = source.groups?.asking(for: experiences) {
      return try byGroup(source, groups, random)
    }
    return try byClass(source, random)
  }

  private func check(_ source: DataSource) throws {
    let count = domains?.count ?? experiences
    guard count > 0 else { throw StreamError.experiences(count) }
    if let limit, limit < 1 { throw StreamError.limit(limit) }
    for (option, value) in [("validation", validation), ("blur", blur)] where !(0..<1).contains(value) {
      throw StreamError.fraction(option: option, value: value)
    }
    guard Self.hasLabels(source) else {
      let sharesTargets =
        scenario == .instanceIncremental
        || (scenario == .domainIncremental
          && (domains != nil || source.groups?.asking(for: experiences) != nil))
      guard sharesTargets else { throw StreamError.needsLabels(scenario: scenario.rawValue) }
      return
    }
    for examples in [source.train, source.test] where examples.count > 0 {
      let least = try examples.targets.integers().min() ?? 0
      guard least >= 0 else { throw StreamError.negativeLabel(least) }
    }
  }

  /// Whether targets are class labels, and not values or several labels an example.
  private static func hasLabels(_ source: DataSource) -> Bool {
    source.train.targets.rank == 1 && !source.train.targets.dtype.isFloatingPoint
  }

  // MARK: - By class

  private func byClass(_ source: DataSource, _ random: RandomStreams) throws -> Stream {
    let labels = try source.train.targets.integers()
    let testLabels = try source.test.targets.integers()
    let order = try classOrder(of: Set(labels).union(testLabels).sorted(), random)
    guard experiences <= order.count else {
      throw StreamError.tooManyExperiences(asked: experiences, available: order.count, what: "classes")
    }
    guard scenario != .domainIncremental || order.count % experiences == 0 else {
      throw StreamError.unevenClasses(classes: order.count, experiences: experiences)
    }
    guard blur == 0 || scenario != .taskIncremental else {
      throw StreamError.notForScenario(option: "`blur`", scenario: scenario.rawValue)
    }
    let groups = (0..<experiences).map { index in
      Array(order[(index * order.count / experiences)..<((index + 1) * order.count / experiences)])
    }
    var group: [Int: (index: Int, place: Int)] = [:]
    for (index, classes) in groups.enumerated() {
      for (place, label) in classes.enumerated() { group[label] = (index, place) }
    }
    func members(_ labels: [Int]) -> [[Int]] {
      var members = [[Int]](repeating: [], count: experiences)
      for (place, label) in labels.enumerated() {
        if let own = group[label] { members[own.index].append(place) }
      }
      return members
    }
    let shared = scenario == .domainIncremental
    func labelled(_ examples: Examples) throws -> Examples {
      guard shared else { return examples }
      return try examples.with(targets: Tensor(examples.targets.integers().map { group[$0]?.place ?? 0 }))
    }
    let train = try blurred(members(labels), random)
    let test = members(testLabels)
    let names = groups.map { $0.map(String.init).joined(separator: ",") }
    if let index = train.firstIndex(where: \.isEmpty) {
      throw StreamError.emptyExperience(name: names[index])
    }
    if let index = test.firstIndex(where: \.isEmpty) { throw StreamError.emptyTestSet(name: names[index]) }
    return stream(
      source, names: names, random,
      train: { try labelled(source.train.select(train[$0])) },
      test: { index, _ in try labelled(source.test.select(test[index])) })
  }

  /// An experience for each group of the data.
  private func byGroup(_ source: DataSource, _ groups: DataGroups, _ random: RandomStreams) throws -> Stream {
    let order = try classOrder(of: Array(groups.names.indices), random)
    if groups.replaced != nil {
      guard classOrder == .natural else {
        throw StreamError.notForScenario(
          option: "`class_order` for data in versions", scenario: scenario.rawValue)
      }
      guard blur == 0 else {
        throw StreamError.notForScenario(option: "`blur` between versions", scenario: scenario.rawValue)
      }
    }
    func members(_ all: [Int]) -> [[Int]] {
      let places = Dictionary(grouping: all.indices) { all[$0] }
      return order.map { places[$0] ?? [] }
    }
    let train = try blurred(members(groups.train), random)
    let test = members(groups.test)
    let names = order.map { groups.names[$0] }
    if let index = train.firstIndex(where: \.isEmpty) {
      throw StreamError.emptyExperience(name: names[index])
    }
    if let index = test.firstIndex(where: \.isEmpty) { throw StreamError.emptyTestSet(name: names[index]) }
    if let replaced = groups.replaced {
      let last = test.map { $0.contains { replaced.test[$0] == nil } }
      if let index = last.firstIndex(of: false) { throw StreamError.emptyTestSet(name: names[index]) }
    }
    guard let replaced = groups.replaced else {
      return stream(
        source, names: names, random, train: { try source.train.select(train[$0]) },
        test: { index, _ in try source.test.select(test[index]) })
    }
    return stream(
      source, names: names, random, train: { try source.train.select(train[$0]) },
      test: { index, learned in
        // What is still to come is asked about as it will be said.
        let now = max(learned ?? groups.names.count, index)
        return try source.test.select(test[index].filter { (replaced.test[$0] ?? .max) > now })
      },
      withdrawn: { train[$0].compactMap { replaced.train[$0] } })
  }

  private func classOrder(of labels: [Int], _ random: RandomStreams) throws -> [Int] {
    switch classOrder {
    case .natural: return labels
    case .seeded:
      return try Tensor.permutation(labels.count, random.stream("class-order")).integers().map { labels[$0] }
    case .given(let order):
      guard order.sorted() == labels else { throw StreamError.classOrder(expected: labels, given: order) }
      return order
    }
  }

  /// Swaps a fraction of each experience's examples with its neighbours', half with each.
  private func blurred(_ members: [[Int]], _ random: RandomStreams) throws -> [[Int]] {
    guard blur > 0 else { return members }
    var members = members
    let numbers = random.numbers("blur")
    var generator = numbers
    for index in members.indices { members[index].shuffle(using: &generator) }
    for index in members.indices.dropLast() {
      let swapped = Int((blur / 2 * Double(min(members[index].count, members[index + 1].count))).rounded())
      for place in 0..<swapped {
        let last = members[index].count - 1 - place
        (members[index][last], members[index + 1][place]) = (members[index + 1][place], members[index][last])
      }
    }
    return members.map { $0.sorted() }
  }

  // MARK: - By domain and by instance

  private func transformed(_ source: DataSource, _ domains: [Domain], _ random: RandomStreams) throws
    -> Stream
  {
    guard blur == 0 else {
      throw StreamError.notForScenario(
        option: "`blur` between transformed inputs", scenario: scenario.rawValue)
    }
    // Each domain's classes are classes of their own, unless the label set is shared.
    let isShared = scenario == .domainIncremental || scenario == .instanceIncremental
    let labels = try isShared ? [] : source.train.targets.integers() + source.test.targets.integers()
    let classes = (labels.max() ?? -1) + 1
    func domain(_ examples: Examples, _ index: Int) throws -> Examples {
      try Examples(
        inputs: domains[index].transform(examples.inputs),
        targets: isShared ? examples.targets : examples.targets + index * classes,
        identifiers: examples.identifiers)
    }
    return stream(
      source, names: domains.map(\.name), random, train: { try domain(source.train, $0) },
      test: { index, _ in try domain(source.test, index) })
  }

  private func byInstance(_ source: DataSource, _ random: RandomStreams) throws -> Stream {
    func parts(_ count: Int, _ purpose: String) throws -> [[Int]] {
      guard experiences <= count else {
        throw StreamError.tooManyExperiences(asked: experiences, available: count, what: "examples")
      }
      let order =
        try source.isOrdered ? Array(0..<count) : Tensor.permutation(count, random.stream(purpose)).integers()
      return (0..<experiences).map { index in
        Array(order[(index * count / experiences)..<((index + 1) * count / experiences)]).sorted()
      }
    }
    let train = try blurred(parts(source.train.count, "instances"), random)
    let test = try parts(source.test.count, "test-instances")
    return stream(
      source, names: (1...experiences).map { "part \($0)" }, random,
      train: { try source.train.select(train[$0]) }, test: { index, _ in try source.test.select(test[index]) }
    )
  }

  private func stream(
    _ source: DataSource, names: [String], _ random: RandomStreams, train: @escaping (Int) throws -> Examples,
    test: @escaping (_ index: Int, _ learned: Int?) throws -> Examples,
    withdrawn: @escaping (Int) -> [Int] = { _ in [] }
  ) -> Stream {
    let (scenario, fraction, limit, seed) = (scenario, validation, limit, random.seed)
    return Stream(
      source: source, scenario: scenario, names: names,
      training: { index in
        let task = scenario == .taskIncremental ? index : nil
        // Streams of its own for each experience, so that asking twice or out of order gives the same choice and split.
        func order(_ count: Int, _ purpose: String) throws -> Tensor {
          try Tensor.permutation(count, RandomStreams(seed: seed).stream("\(purpose)-\(index)"))
        }
        var all = try train(index)
        if let limit, limit < all.count {
          all = try all.select(order(all.count, "limit")[0..<limit].integers().sorted())
        }
        guard fraction > 0 else {
          return try Experience(
            index: index, name: names[index], examples: all, task: task, withdrawn: withdrawn(index))
        }
        let places = try order(all.count, "validation")
        let held = Int(fraction * Double(all.count))
        let parts = try [places[held..<all.count], places[0..<held]].map {
          source.isOrdered ? try all.select($0.integers().sorted()) : try all.select($0)
        }
        return try Experience(
          index: index, name: names[index], examples: parts[0], validation: parts[1], task: task,
          withdrawn: withdrawn(index))
      }, testing: test)
  }
}
