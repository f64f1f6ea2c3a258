import Torch

/// Shares of the loss by experiences (van de Ven et al. 2022): with t experiences seen, the fresh items of a batch stand
/// for one and have 1/t of the loss together; those of the past stand for all others.
enum ExperienceShares {
  /// Factors `[fresh + past]` with mean 1, fresh items first.
  static func factors(fresh: Int, past: Int, experiences: Int) throws -> Tensor {
    let total = Float(fresh + past)
    let share = 1 / Float(experiences)
    return try Tensor(
      [Float](repeating: share * total / Float(fresh), count: fresh)
        + [Float](repeating: (1 - share) * total / Float(past), count: past))
  }
}
