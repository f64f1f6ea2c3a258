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
    /// 1 − H / log K, H the entropy of the teacher's answer among the K classes that the student knows too: little
    /// where it hesitates.
    case entropy
    /// exp(−max(0, d − 1)), d the squared distance of the teacher's features from their mean over the items seen, in
    /// units of their mean: little of what is unlike all it was asked about before.
    case novelty
  }

  private let measure: Measure
  /// The mean and the spread of the features of each teacher.
  private var means: [String: Tensor] = [:]
  private var spreads: [String: Tensor] = [:]

  public init(_ measure: Measure = .always) { self.measure = measure }

  /// A factor of each item `[N]`; nil stands for 1.
  func weights(_ signal: TeacherSignal, _ batch: Batch, _ learner: Learner) throws -> Tensor? {
    try noGrad {
      switch measure {
      case .always: return nil
      case .novelty: return try familiarity(signal.look.features, of: signal.name)
      case .loss, .entropy:
        let alignment = try Alignment(
          signal.units, group: nil, outputs: learner.model.head.outputs, device: learner.device)
        guard alignment.count > 0 else { return try Tensor.zeros([batch.count], device: learner.device) }
        let logp = try alignment.teacher(signal.look.outputs).logSoftmax()
        guard measure == .loss else {
          return try (logp.exp() * logp).sum([1]) / log(Double(max(alignment.count, 2))) + 1
        }
        let targets = try alignment.targets(batch.targets)
        let right = try logp.gather(targets.clamp(min: 0).unsqueeze(1), dim: 1).squeeze(1).exp()
        return try right * (targets .>= 0).to(.float32)
      }
    }
  }

  /// Follows the mean and spread of features slowly, and says how near to them each item is.
  private func familiarity(_ features: Tensor, of teacher: String) throws -> Tensor {
    let now = try features.mean([0])
    let mean = try means[teacher].map { try $0 * 0.99 + now * 0.01 } ?? now
    let distance = try (features - mean).square().sum([1])
    let spread = try spreads[teacher].map { try $0 * 0.99 + distance.mean() * 0.01 } ?? distance.mean()
    (means[teacher], spreads[teacher]) = (mean, spread)
    return try (-(distance / spread.clamp(min: 1e-12) - 1).clamp(min: 0)).exp()
  }

  func state() -> State {
    var state = State()
    state.set(State(tensors: means), under: "mean")
    state.set(State(tensors: spreads), under: "spread")
    return state
  }

  func restore(_ state: State, device: Device) throws {
    means = try state.scoped("mean").tensors.mapValues { try $0.to(device) }
    spreads = try state.scoped("spread").tensors.mapValues { try $0.to(device) }
  }
}
