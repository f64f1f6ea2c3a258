import Foundation
import Torch

/// How far a teacher is trusted, item by item: for teachers that a drifting stream leaves behind.
public final class TeacherTrust {
  /// What trust follows.
  public enum Measure: String, Codable, CaseIterable, Sendable {
    /// 1 for every item.
    case always
    /// The teacher's probability of the right class: nothing of what it gets wrong.
    case loss
    /// 1 − H / log K, H the entropy of the teacher's answer: little where it hesitates.
    case entropy
    /// exp(−max(0, d − 1)), d the squared distance of the teacher's features from their mean over the items seen, in
    /// units of their mean: little of what is unlike all it was asked about before.
    case novelty
  }

  private let measure: Measure
  private var mean: Tensor?
  private var spread: Tensor?

  public init(_ measure: Measure = .always) { self.measure = measure }

  /// A factor of each item `[N]`; nil stands for 1.
  func weights(_ signal: TeacherSignal, _ batch: Batch, _ learner: Learner) throws -> Tensor? {
    try noGrad {
      switch measure {
      case .always: return nil
      case .loss:
        guard learner.objective.isClassification else { return nil }
        let alignment = try Alignment(
          signal.units, group: nil, outputs: learner.model.head.outputs, device: learner.device)
        let targets = try alignment.targets(batch.targets)
        let probability = try alignment.teacher(signal.look.outputs).softmax()
          .gather(targets.clamp(min: 0).unsqueeze(1), dim: 1).squeeze(1)
        return try probability * (targets .>= 0).to(.float32)
      case .entropy:
        let logp = try signal.look.outputs.logSoftmax()
        let entropy = try -(logp.exp() * logp).sum([1])
        let most = Double(signal.look.outputs.shape[1])
        return try entropy / -log(most) + 1
      case .novelty: return try familiarity(signal.look.features)
      }
    }
  }

  /// Follows the mean and spread of features slowly, and says how near to them each item is.
  private func familiarity(_ features: Tensor) throws -> Tensor {
    let now = try features.mean([0])
    let mean = try self.mean.map { try $0 * 0.99 + now * 0.01 } ?? now
    let distance = try (features - mean).square().sum([1])
    let spread = try self.spread.map { try $0 * 0.99 + distance.mean() * 0.01 } ?? distance.mean()
    (self.mean, self.spread) = (mean, spread)
    return try (-(distance / spread.clamp(min: 1e-12) - 1).clamp(min: 0)).exp()
  }

  func state() -> State {
    var state = State()
    state.tensors["mean"] = mean
    state.tensors["spread"] = spread
    return state
  }

  func restore(_ state: State, device: Device) throws {
    mean = try state.tensors["mean"]?.to(device)
    spread = try state.tensors["spread"]?.to(device)
  }
}
