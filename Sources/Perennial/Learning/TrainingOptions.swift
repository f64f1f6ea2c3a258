import Torch

/// How long, with what and how each experience is trained.
public struct TrainingOptions {
  /// How long an experience is learned.
  public enum Length: Sendable, Equatable {
    case steps(Int)
    case epochs(Int)
  }

  /// Fresh examples a step.
  public var batch: Int
  /// How long each experience is learned.
  public var length: Length
  /// The learning rate's course over an experience of this many examples, learned for `budget` times the steps of `length`.
  public var schedule: (_ examples: Int, _ budget: Int) -> Schedule
  /// The learning rate of experiences after the first, as a share of the first one's: how far a schedule that begins anew
  /// warms up again (Gupta et al. 2023; Ibrahim et al. 2024).
  public var rewarm: Double
  /// The largest Euclidean norm of the gradient.
  public var clip: Double?
  /// Whether each experience starts with a fresh optimizer.
  public var resetOptimizer: Bool
  /// Whether examples are learned in their own order rather than shuffled: for streams that time has ordered.
  public var keepsOrder: Bool
  /// In how many ways each example is augmented, the same ones again in every so many epochs; nil draws anew each time.
  public var views: Int?
  /// So many batches are sorted by length together, where rows differ in it; nil shuffles all alike.
  public var buckets: Int?
  /// In how many parts, one after the other, a batch is learned: gradients add up to those of the whole, in a part of its
  /// memory. Batch normalisation, and heads that count what they have seen, such as means of classes, see each part by itself.
  public var accumulate: Int

  public init(
    batch: Int = 128, length: Length = .epochs(1),
    schedule: @escaping (Int, Int) -> Schedule = { _, _ in .constant },
    rewarm: Double = 1, clip: Double? = nil, resetOptimizer: Bool = false, keepsOrder: Bool = false,
    views: Int? = nil, buckets: Int? = nil, accumulate: Int = 1
  ) {
    self.batch = batch
    self.length = length
    self.schedule = schedule
    self.rewarm = rewarm
    self.clip = clip
    self.resetOptimizer = resetOptimizer
    self.keepsOrder = keepsOrder
    self.views = views
    self.buckets = buckets
    self.accumulate = accumulate
  }

  /// Optimizer steps for this many examples.
  public func steps(examples: Int) -> Int {
    switch length {
    case .steps(let steps): steps
    case .epochs(let epochs): epochs * ((examples + batch - 1) / batch)
    }
  }
}
