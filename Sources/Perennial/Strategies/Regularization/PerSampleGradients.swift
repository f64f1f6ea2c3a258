import Torch

/// Means over examples of each example's own gradient, squared or absolute: what importances are made of.
///
/// The gradient of a batch's mean lets examples cancel, so its square or magnitude is another and smaller quantity.
/// Layers with a rule give theirs from their inputs and output gradients; models with other layers are asked one
/// example at a time.
enum PerSampleGradients {
  /// The vectors v `[N, K]` that the outputs are derived along; each adds to the sum by itself.
  typealias Seeds = (_ outputs: Tensor, _ batch: Batch) throws -> [Tensor]

  /// mean_x Σᵥ m(Jᵀ v), as a flat vector `[P]` in the layout of the learner's parameters, in evaluation mode.
  ///
  /// - Parameters:
  ///   - examples: targets as output units.
  ///   - limit: uses a random choice of so many examples; all when nil.
  static func mean(
    _ magnitude: GradientMagnitude, of learner: Learner, _ examples: Examples, task: Int?, limit: Int?,
    _ random: Generator, seeds: Seeds
  ) throws -> Tensor {
    let total = try Tensor.zeros([learner.vector.count], device: learner.device)
    guard learner.vector.count > 0 else { return total }
    var count = 0
    try forEachBatch(of: learner, examples, task: task, limit: limit, random) { batch in
      try add(magnitude, of: batch, to: total, learner, seeds)
      count += batch.count
    }
    try noGrad { try total.scale(by: 1 / Double(max(count, 1))) }
    return total
  }

  /// Gives plain inputs in batches, the model in evaluation mode.
  static func forEachBatch(
    of learner: Learner, _ examples: Examples, task: Int?, limit: Int?, _ random: Generator,
    _ body: (Batch) throws -> Void
  ) throws {
    let places =
      if let limit, limit < examples.count {
        try Tensor.permutation(examples.count, random).narrow(dim: 0, start: 0, count: limit)
      } else {
        try Tensor.arange(0, examples.count)
      }
    try learner.model.evaluating {
      let size = batch(of: examples, outputs: learner.model.head.outputs)
      for start in stride(from: 0, to: places.count, by: size) {
        let piece = try places[start..<min(start + size, places.count)]
        try body(learner.batch(of: examples, piece, task: task, isAugmented: false))
      }
    }
  }

  /// Examples that are asked about at once: fewer where each has outputs at many places, all of which are there at once.
  static func batch(of examples: Examples, outputs: Int) -> Int {
    let places = examples.targets.rank > 1 ? examples.targets.shape[1] : 1
    return min(max((1 << 22) / max(places * outputs, 1), 1), 256)
  }

  /// Adds Σ_x Σᵥ m(Jᵀ v) over a batch; the model is in evaluation mode.
  static func add(
    _ magnitude: GradientMagnitude, of batch: Batch, to total: Tensor, _ learner: Learner, _ seeds: Seeds
  ) throws {
    var outputs: Tensor?
    let tape = try learner.model.recording { outputs = try learner.model(batch.inputs) }
    guard let outputs else { return }
    let roots = try seeds(outputs, batch)
    guard tape.covers(learner.vector.parameters) else {
      return try addOneByOne(magnitude, batch, roots, to: total, learner)
    }
    try addLayerwise(magnitude, tape, outputs, roots, to: total, learner.vector)
  }

  /// All examples at once, from each layer's inputs and output gradients.
  private static func addLayerwise(
    _ magnitude: GradientMagnitude, _ tape: ActivationTape, _ outputs: Tensor, _ roots: [Tensor],
    to total: Tensor, _ vector: ParameterVector
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
          let sums = try entry.layer.gradientSums(magnitude, input: entry.input.detach(), gradient: delta)
          for (parameter, sum) in sums {
            guard let slot = slots[ObjectIdentifier(parameter)] else { continue }
            try vector.layout.view(slot, of: total).add(sum)
          }
        }
      }
    }
  }

  /// One example at a time, for models with layers that have no rule.
  private static func addOneByOne(
    _ magnitude: GradientMagnitude, _ batch: Batch, _ roots: [Tensor], to total: Tensor, _ learner: Learner
  ) throws {
    let vector = learner.vector
    for n in 0..<batch.count {
      let output = try learner.model(batch.inputs[n..<(n + 1)])
      for root in roots {
        let derivatives = try gradients(
          of: [output], withRespectTo: vector.parameters.map(\.value), seeds: [root[n..<(n + 1)]],
          retainGraph: true, allowUnused: true)
        try noGrad {
          for (slot, derivative) in zip(vector.layout.slots, derivatives) {
            try vector.layout.view(slot, of: total).add(magnitude.of(derivative))
          }
        }
      }
    }
  }
}
