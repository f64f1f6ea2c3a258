import Torch

/// Turns raw values into a loss, in one place for every term: masks, weights of items, N and T².
public struct DistillationReducer: Sendable {
  /// Multiplies by T², so that the gradient's size does not depend on the temperature (Hinton et al. 2015, §2.1).
  public let scalesByTemperatureSquared: Bool

  public init(scalesByTemperatureSquared: Bool = true) {
    self.scalesByTemperatureSquared = scalesByTemperatureSquared
  }

  /// The mean over valid items, times T²; 0 of none.
  ///
  /// - Parameters:
  ///   - values: `[N]`
  ///   - mask: 1 for valid items, 0 for others, `[N]`; nil means that all are.
  ///   - weights: a factor of each item `[N]`, which N does not follow: halved weights halve the loss.
  public func callAsFunction(
    _ values: Tensor, temperature: Double, mask: Tensor? = nil, weights: Tensor? = nil
  ) throws -> Tensor {
    let factor = scalesByTemperatureSquared ? temperature * temperature : 1
    guard values.count > 0 else { return try values.sum() }
    guard let mask else { return try (weights.map { try values * $0 } ?? values).mean() * factor }
    let valid = try mask.to(.float32)
    // What is left out may be infinite, and 0 · ∞ is no number.
    let kept = try Tensor.choose(valid .> 0, values, values.zerosLike())
    return try ((weights.map { try kept * $0 } ?? kept).sum() / valid.sum().clamp(min: 1)) * factor
  }

  /// The loss of a term. A term between items takes its value as it is; nobody may weigh its items.
  public func callAsFunction(_ term: TermValues, weights: Tensor? = nil) throws -> Tensor {
    guard term.values.rank > 0 else { return try term.values * (term.temperature * term.temperature) }
    return try self(term.values, temperature: term.temperature, mask: term.valid, weights: weights)
  }
}
