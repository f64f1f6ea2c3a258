import Torch

/// What a strategy has learned of one experience, apart from all others.
public struct Shard: Equatable, Sendable {
  /// The number of the experience; learning one of this number again fills the shard where it is empty.
  public let experience: Int
  /// The examples that it has learned from, as in ``Examples/identifiers``; none once it was cleared.
  public let examples: Set<Int>
}

/// A strategy that keeps what it learns of each experience in a part of its own, so that one can be taken away, or learned
/// again, and the others stay as they are, bit for bit (as in SISA; Bourtoule et al., Machine Unlearning, 2021).
public protocol ShardedStrategy: Strategy {
  /// The parts, in the order in which they were first learned.
  var shards: [Shard] { get }

  /// The places of the parts that have learned from any of these examples, or on top of what such a part has learned; nil
  /// where the model has weights that all parts share and change.
  func shards(after examples: Set<Int>, _ learner: Learner) throws -> [Int]?

  /// Makes parts as new, between two experiences: nothing that they have learned is left in the model or in the strategy.
  func clear(_ places: Set<Int>, _ learner: Learner) throws
}

extension Learner {
  /// The one strategy, where it keeps what it learns apart: what others keep belongs to all experiences.
  public var sharded: (any ShardedStrategy)? {
    strategies.count == 1 ? strategies[0] as? any ShardedStrategy : nil
  }
}
