import Torch

/// Class means of remembered examples in feature space, and how near features are to them (Rebuffi et al. 2017).
///
///     μ_c = Σ φ̂(x) / ‖Σ φ̂(x)‖ over the examples of c,   output_c = −‖φ̂(x) − μ_c‖²,   φ̂ = φ / ‖φ‖
///
/// Units without an example are −∞: a mean of zero would attract whatever is near nothing.
struct ExemplarMeans {
  /// `[K, D]`
  let means: Tensor
  /// Units that no example stands for, bool `[K]`.
  let unknown: Tensor

  /// - Parameters:
  ///   - features: of the examples `[M, D]`.
  ///   - units: of the examples, int64 `[M]`.
  ///   - outputs: K
  init(_ features: Tensor, units: Tensor, outputs: Int) throws {
    let none = try Tensor.zeros([outputs, features.shape[1]], device: features.device)
    means = try none.indexAdd(units, features.unitRows()).unitRows()
    let counts = try Tensor.zeros([outputs], device: features.device)
      .indexAdd(units, Tensor.ones([units.count], device: features.device))
    unknown = try counts .== 0
  }

  /// The means of a memory under the learner's model as it stands, in evaluation mode.
  init?(of memory: ReplayMemory?, _ learner: Learner, outputs: Int) throws {
    guard let examples = try memory?.examples else { return nil }
    let features = try stride(from: 0, to: examples.count, by: 1000).map { start in
      let places = try Tensor.arange(start, min(start + 1000, examples.count))
      return try learner.model.features(
        learner.pipeline(examples.inputs, places, augmentation: nil, device: learner.device))
    }
    try self.init(
      Tensor.concatenate(features), units: examples.targets.to(learner.device), outputs: outputs)
  }

  /// Outputs `[N, K]` of features `[N, D]`.
  func callAsFunction(_ features: Tensor) throws -> Tensor {
    try (-features.unitRows().pairwiseDistances(to: means).square()).maskedFill(unknown, -Double.infinity)
  }
}

/// Means counted when they are first asked for after the model or the memory changed, for each task that is told.
struct MeansInUse {
  private var known: [Int: ExemplarMeans] = [:]

  mutating func forget() { known = [:] }

  mutating func answer(_ question: Question, _ memory: ReplayMemory?, _ learner: Learner) throws -> Tensor? {
    let task = question.task ?? -1
    if known[task] == nil {
      known[task] = try ExemplarMeans(of: memory, learner, outputs: learner.model.head.outputs)
    }
    return try known[task]?(question.features)
  }
}
