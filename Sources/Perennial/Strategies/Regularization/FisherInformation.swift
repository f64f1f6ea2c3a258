import Torch

/// The diagonal of the Fisher information of a model's parameters, estimated per sample in evaluation mode.
///
///     F = E_x Σᵥ (Jᵀ v)²
///
/// with v from the objective: for classification √p_c (e_c − p) for every class c, which is
/// E_x E_{y ∼ p(·|x)} (∂ log p(y|x))² exactly (Martens 2020, §9). Squares are taken example by example; squaring the
/// mean gradient of a batch, as several libraries do, gives another and wrong quantity.
public enum FisherInformation {
  /// Which labels the gradient is taken for.
  public enum Kind: String, CaseIterable, Codable, Sendable {
    /// All, weighted by the model's own probabilities.
    case exact
    /// One an example, drawn from the model's own probabilities.
    case sampled
    /// The true one: the "empirical Fisher", which is not the Fisher information (Kunstner et al. 2019).
    case empirical
  }

  /// The mean over examples, as a flat vector `[P]` in the layout of the learner's parameters.
  ///
  /// - Parameters:
  ///   - examples: targets as output units.
  ///   - task: restricts the distribution to the task's units.
  ///   - limit: uses a random choice of so many examples; all when nil.
  public static func diagonal(
    of learner: Learner, _ examples: Examples, task: Int?, kind: Kind, limit: Int? = nil
  ) throws -> Tensor {
    let random = try learner.random.stream("fisher")
    let places =
      if let limit, limit < examples.count {
        try Tensor.permutation(examples.count, random).narrow(dim: 0, start: 0, count: limit)
      } else {
        try Tensor.arange(0, examples.count)
      }
    let total = try Tensor.zeros([learner.vector.count], device: learner.device)
    guard learner.vector.count > 0 else { return total }
    try learner.model.evaluating {
      for start in stride(from: 0, to: places.count, by: 256) {
        let piece = try places[start..<min(start + 256, places.count)]
        let batch = try learner.batch(of: examples, piece, task: task, isAugmented: false)
        try add(batch, to: total, learner, kind, random)
      }
      try noGrad { try total.scale(by: 1 / Double(max(places.count, 1))) }
    }
    return total
  }

  /// The vectors v of a batch, one `[N, K]` for each label that the kind asks for.
  static func roots(_ outputs: Tensor, _ batch: Batch, _ learner: Learner, _ kind: Kind, _ random: Generator)
    throws
    -> [Tensor]
  {
    try noGrad {
      let masked = try learner.mask(outputs.detach(), batch)
      switch kind {
      case .exact: return try learner.objective.fisherRoots(masked)
      case .empirical: return [try learner.objective.scores(masked, batch.targets)]
      case .sampled:
        return [try learner.objective.scores(masked, learner.objective.sample(masked, random))]
      }
    }
  }

  private static func add(
    _ batch: Batch, to total: Tensor, _ learner: Learner, _ kind: Kind, _ random: Generator
  ) throws {
    var outputs: Tensor?
    let tape = try learner.model.recording { outputs = try learner.model(batch.inputs) }
    guard let outputs else { return }
    let roots = try roots(outputs, batch, learner, kind, random)
    if tape.covers(learner.vector.parameters) {
      try addLayerwise(tape, outputs, roots, to: total, learner.vector)
    } else {
      try addOneByOne(batch, roots, to: total, learner)
    }
  }

  /// All examples at once, from each layer's inputs and output gradients.
  private static func addLayerwise(
    _ tape: ActivationTape, _ outputs: Tensor, _ roots: [Tensor], to total: Tensor, _ vector: ParameterVector
  ) throws {
    let slots = Dictionary(
      uniqueKeysWithValues: zip(vector.parameters.map(ObjectIdentifier.init), vector.layout.slots))
    // Layers below all that learns are not part of the graph.
    let entries = try tape.entries.filter { try $0.output.requiresGrad }
    for root in roots {
      let deltas = try gradients(
        of: [outputs], withRespectTo: entries.map(\.output), seeds: [root], retainGraph: true)
      try noGrad {
        for (entry, delta) in zip(entries, deltas) {
          for (parameter, sum) in try entry.layer.squaredGradientSums(
            input: entry.input.detach(), gradient: delta)
          {
            guard let slot = slots[ObjectIdentifier(parameter)] else { continue }
            try vector.layout.view(slot, of: total).add(sum)
          }
        }
      }
    }
  }

  /// One example at a time, for models with layers that have no rule.
  private static func addOneByOne(_ batch: Batch, _ roots: [Tensor], to total: Tensor, _ learner: Learner)
    throws
  {
    let vector = learner.vector
    for n in 0..<batch.count {
      let output = try learner.model(batch.inputs[n..<(n + 1)])
      for root in roots {
        let derivatives = try gradients(
          of: [output], withRespectTo: vector.parameters.map(\.value), seeds: [root[n..<(n + 1)]],
          retainGraph: true, allowUnused: true)
        try noGrad {
          for (slot, derivative) in zip(vector.layout.slots, derivatives) {
            try vector.layout.view(slot, of: total).add(derivative.square())
          }
        }
      }
    }
  }
}
