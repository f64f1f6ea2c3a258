import Foundation

/// The learning rate as a function of the step, as PyTorch's schedulers give it.
public indirect enum Schedule: Sendable, Equatable {
  /// The base rate at every step.
  case constant

  /// Multiplies by `factor` every `every` steps (`StepLR`).
  case step(every: Int, factor: Double)

  /// Multiplies by `factor` at each milestone (`MultiStepLR`).
  case multiStep(milestones: [Int], factor: Double)

  /// Half a cosine from the base rate to `minimum` over `steps` (`CosineAnnealingLR`; Loshchilov & Hutter
  /// 2017).
  case cosine(steps: Int, minimum: Double)

  /// Up from base / `divisor` to the base rate in the first `warmUp` share of `steps`, then down to the start
  /// / `finalDivisor`, both by cosine (`OneCycleLR`; Smith & Topin 2018).
  case oneCycle(steps: Int, warmUp: Double, divisor: Double, finalDivisor: Double)

  /// Linear from `start` · base to the base rate over `steps`, then another schedule from its beginning
  /// (`LinearLR` and `SequentialLR`).
  case warmUp(steps: Int, start: Double, then: Schedule)

  /// The learning rate of step `step`, counted from 0.
  public func learningRate(at step: Int, base: Double) -> Double {
    switch self {
    case .constant: return base
    case .step(let every, let factor): return base * pow(factor, Double(step / max(every, 1)))
    case .multiStep(let milestones, let factor):
      return base * pow(factor, Double(milestones.filter { $0 <= step }.count))
    case .cosine(let steps, let minimum):
      return minimum + (base - minimum) * (1 + cos(.pi * Double(step) / Double(max(steps, 1)))) / 2
    case .oneCycle(let steps, let warmUp, let divisor, let finalDivisor):
      let steps = max(steps, 1)
      let start = base / divisor
      let peak = warmUp * Double(steps) - 1
      let last = Double(steps - 1)
      let now = Double(min(step, steps - 1))
      if now <= peak { return anneal(start, base, now / max(peak, .leastNonzeroMagnitude)) }
      return anneal(base, start / finalDivisor, (now - peak) / (last - peak))
    case .warmUp(let steps, let start, let then):
      if step >= steps { return then.learningRate(at: step - steps, base: base) }
      return base * (start + (1 - start) * Double(step) / Double(steps))
    }
  }

  private func anneal(_ from: Double, _ to: Double, _ share: Double) -> Double {
    to + (from - to) / 2 * (1 + cos(.pi * share))
  }
}
