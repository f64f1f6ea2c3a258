import Torch

/// What a stream's experiences differ in, and what the learner is told.
public enum Scenario: String, Sendable, CaseIterable, Codable {
  /// New classes; all classes seen so far compete.
  case classIncremental = "class"
  /// New classes or domains; the task is told, and only its own classes compete.
  case taskIncremental = "task"
  /// The same classes in new guise; they share one label set.
  case domainIncremental = "domain"
  /// New examples of the same kind.
  case instanceIncremental = "instance"
}

/// A data set in memory, before it is cut into experiences.
public struct DataSource {
  public let name: String
  public let train: Examples
  public let test: Examples
  public let pipeline: InputPipeline
  /// What a reader must know beside every number.
  public let note: String?
  /// Whether the training examples stand in the order of time, which instance streams then keep.
  public let isOrdered: Bool
  /// What belongs together by itself: domains, speakers, days.
  public let groups: DataGroups?
  /// The name of each class label in order, where the data tell them.
  public let classNames: [String]?
  /// Raw inputs `[N, …]` of none of the classes, for judging how well a model tells them.
  public let outOfScope: Tensor?

  public init(
    name: String, train: Examples, test: Examples, pipeline: InputPipeline, note: String? = nil,
    isOrdered: Bool = false, groups: DataGroups? = nil, classNames: [String]? = nil, outOfScope: Tensor? = nil
  ) {
    self.classNames = classNames
    self.outOfScope = outOfScope
    self.isOrdered = isOrdered
    self.groups = groups
    self.name = name
    self.train = train
    self.test = test
    self.pipeline = pipeline
    self.note = note
  }

  /// The same data through another pipeline.
  public func with(pipeline: InputPipeline) -> DataSource {
    DataSource(
      name: name, train: train, test: test, pipeline: pipeline, note: note, isOrdered: isOrdered,
      groups: groups, classNames: classNames, outOfScope: outOfScope)
  }
}

/// Which examples of a data set belong together.
public struct DataGroups: Equatable, Sendable {
  /// The groups in their natural order.
  public let names: [String]
  /// The group of each training and each test example.
  public let train: [Int]
  public let test: [Int]
  /// Where later examples take the place of earlier ones, or withdraw them: which.
  public let replaced: Replaced?

  /// Examples that hold only for a while.
  public struct Replaced: Equatable, Sendable {
    /// For each training example, the identifier of the earlier one that it takes the place of.
    public let train: [Int?]
    /// For each test example, the group from which on it no longer holds; nil where it holds to the end.
    public let test: [Int?]

    public init(train: [Int?], test: [Int?]) { (self.train, self.test) = (train, test) }
  }
  /// Whether the groups are times, so that neighbours can be one experience.
  public let isTimeline: Bool

  public init(
    names: [String], train: [Int], test: [Int], isTimeline: Bool = false, replaced: Replaced? = nil
  ) {
    (self.names, self.train, self.test) = (names, train, test)
    (self.isTimeline, self.replaced) = (isTimeline, replaced)
  }

  /// As many groups as experiences are asked for; nil where these do not fit.
  ///
  /// Neighbouring times become one group with about as many training examples as the others.
  func asking(for count: Int) -> DataGroups? {
    if names.count == count { return self }
    guard isTimeline, names.count > count, count > 0 else { return nil }
    var sizes = [Int](repeating: 0, count: names.count)
    for group in train { sizes[group] += 1 }
    var (starts, seen) = ([0], sizes[0])
    for group in 1..<names.count {
      let (made, left) = (starts.count, names.count - group)
      let isFull = seen * count >= made * train.count
      if made < count, isFull || left == count - made { starts.append(group) }
      seen += sizes[group]
    }
    let place = names.indices.map { group in (starts.lastIndex { $0 <= group }) ?? 0 }
    let merged = starts.indices.map { index in
      let last = (index + 1 < starts.count ? starts[index + 1] : names.count) - 1
      return starts[index] == last ? names[last] : "\(names[starts[index]]) to \(names[last])"
    }
    return DataGroups(
      names: merged, train: train.map { place[$0] }, test: test.map { place[$0] }, isTimeline: true)
  }
}

/// Experiences in order, made when they are asked for, and a test set for each.
///
/// A learner is given experiences one by one and never a stream: it cannot look ahead.
public struct Stream {
  public let source: DataSource
  public let scenario: Scenario
  /// A name for each experience, such as its classes "0,1".
  public let names: [String]
  private let training: (Int) throws -> Experience
  private let testing: (_ index: Int, _ learned: Int?) throws -> Examples

  init(
    source: DataSource, scenario: Scenario, names: [String], training: @escaping (Int) throws -> Experience,
    testing: @escaping (_ index: Int, _ learned: Int?) throws -> Examples
  ) {
    self.source = source
    self.scenario = scenario
    self.names = names
    self.training = training
    self.testing = testing
  }

  /// The stream with only the training examples of these labels; test sets stay as they are.
  public func restricted(to labels: [Int]) -> Stream {
    let wanted = Set(labels)
    func chosen(_ examples: Examples) throws -> Examples {
      try examples.select(
        examples.targets.integers().enumerated().filter { wanted.contains($0.element) }.map(\.offset))
    }
    return Stream(
      source: source, scenario: scenario, names: names,
      training: { index in
        let whole = try training(index)
        return try Experience(
          index: index, name: whole.name, examples: chosen(whole.examples),
          validation: whole.validation.map(chosen), task: whole.task, withdrawn: whole.withdrawn)
      }, testing: testing)
  }

  /// The number of experiences.
  public var count: Int { names.count }
  public var pipeline: InputPipeline { source.pipeline }

  /// The shape of one raw input, such as `[1, 28, 28]`.
  public func inputShape() throws -> [Int] { Array(try test(0).inputs.shape.dropFirst()) }

  /// Experience `index`, counted from 0.
  ///
  /// - Throws: `StreamError.noSuchExperience`, or `StreamError.emptyExperience`.
  public func experience(_ index: Int) throws -> Experience {
    guard names.indices.contains(index) else {
      throw StreamError.noSuchExperience(index: index, count: count)
    }
    let experience = try training(index)
    guard experience.examples.count > 0 else { throw StreamError.emptyExperience(name: names[index]) }
    return experience
  }

  /// Whether what tests an experience depends on what came after it.
  public var replacesTests: Bool { source.groups?.replaced != nil }

  /// The test set of experience `index`: for evaluators, not for learners.
  ///
  /// - Parameter learned: the experience that was learned last; where later data take the place of earlier, what no longer
  ///   holds by then is left out.
  public func test(_ index: Int, after learned: Int? = nil) throws -> Examples {
    guard names.indices.contains(index) else {
      throw StreamError.noSuchExperience(index: index, count: count)
    }
    return try testing(index, learned)
  }
}
