import Torch

/// A small task of its own: a support set to learn from, and queries to be judged by.
public struct Episode {
  /// Model inputs `[ways · shots, …]` and units int64.
  public let support: Tensor
  public let supportTargets: Tensor
  /// Model inputs `[ways · queries, …]` and units int64.
  public let queries: Tensor
  public let queryTargets: Tensor

  public init(support: Tensor, supportTargets: Tensor, queries: Tensor, queryTargets: Tensor) {
    self.support = support
    self.supportTargets = supportTargets
    self.queries = queries
    self.queryTargets = queryTargets
  }
}

/// Draws few-shot tasks: `ways` classes at random, and of each `shots` examples to learn from and `queries` others
/// (Vinyals et al. 2016).
public struct EpisodeSampler {
  public let ways: Int
  public let shots: Int
  public let queries: Int
  private let examples: Examples
  private let pipeline: InputPipeline
  private let places: [[Int]]

  /// - Parameter classes: the labels to draw from; all when nil.
  /// - Throws: `EpisodeError` when there are too few classes, or too few examples of one.
  public init(
    _ examples: Examples, pipeline: InputPipeline, classes: Set<Int>? = nil, ways: Int = 5, shots: Int = 1,
    queries: Int = 5
  ) throws {
    var byClass: [Int: [Int]] = [:]
    for (place, label) in try examples.targets.integers().enumerated() where classes?.contains(label) ?? true
    {
      byClass[label, default: []].append(place)
    }
    places = byClass.sorted { $0.key < $1.key }.map(\.value)
    guard places.count >= ways else { throw EpisodeError.classes(places.count, needed: ways) }
    if let smallest = places.map(\.count).min(), smallest < shots + queries {
      throw EpisodeError.examples(smallest, needed: shots + queries)
    }
    (self.ways, self.shots, self.queries) = (ways, shots, queries)
    (self.examples, self.pipeline) = (examples, pipeline)
  }

  /// The number of classes that episodes are drawn from.
  public var classes: Int { places.count }

  /// The next episode; classes become units 0, 1, … in the order in which they are drawn.
  public func draw(_ random: NumberStream) throws -> Episode {
    var generator = random
    let chosen = places.shuffled(using: &generator).prefix(ways)
    let drawn = chosen.map { $0.shuffled(using: &generator).prefix(shots + queries) }
    func inputs(_ rows: [Int]) throws -> Tensor {
      try pipeline(examples.inputs, Tensor(rows), augmentation: nil)
    }
    return try Episode(
      support: inputs(drawn.flatMap { $0.prefix(shots) }),
      supportTargets: Tensor.arange(0, ways).repeatInterleaved(shots, dim: 0),
      queries: inputs(drawn.flatMap { $0.dropFirst(shots) }),
      queryTargets: Tensor.arange(0, ways).repeatInterleaved(queries, dim: 0))
  }
}

/// Why there are no episodes in a set of examples.
public enum EpisodeError: Error, CustomStringConvertible, Equatable {
  case classes(Int, needed: Int)
  case examples(Int, needed: Int)

  public var description: String {
    switch self {
    case .classes(let count, let needed):
      "there are \(count) classes to draw episodes of \(needed) ways from; lower `ways`, or use more classes"
    case .examples(let count, let needed):
      "a class has \(count) examples, and an episode takes \(needed); lower `shots` or `queries`"
    }
  }
}
