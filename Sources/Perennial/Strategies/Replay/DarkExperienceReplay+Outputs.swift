import Torch

// The outputs that are stored, and how far the model is from them.
extension DarkExperienceReplay {
  /// What is stored of the fresh items of a step, before that step's update: `outputs`, and their `units` where only the
  /// largest are.
  func outputs(of step: Step) throws -> [String: Tensor] {
    try noGrad {
      let fresh = 0..<step.batch.fresh
      var extras: [String: Tensor] = [:]
      var outputs: Tensor
      if let top {
        let (values, units) = try largest(top, step.look, fresh)
        // Columns of memory have one width, also while fewer classes are known.
        let missing = max(top - values.shape[values.rank - 1], 0)
        outputs = try values.padded([0, missing], value: -.infinity)
        extras["units"] = try units.padded([0, missing]).to(.int32)
      } else {
        outputs = try step.outputs.detach()[fresh]
      }
      if outputs.rank == 3 {
        // Places of a text that do not count are none to be held.
        outputs = try outputs.maskedFill((step.batch.targets[fresh] .< 0).unsqueeze(2), -Double.infinity)
      }
      extras["outputs"] = outputs
      return extras
    }
  }

  /// The k largest outputs of items, and their units: `[N, k]`, or `[N, L, k]` of texts.
  private func largest(_ k: Int, _ look: Look, _ items: Range<Int>) throws -> (values: Tensor, units: Tensor)
  {
    func columns(_ outputs: Tensor) throws -> [Tensor] {
      let (values, units) = try outputs.topK(min(k, outputs.shape[outputs.rank - 1]))
      return [values, units]
    }
    guard let pieces = try look.pieces?.items(items) else {
      let own = try columns(look.outputs.detach()[items])
      return (own[0], own[1])
    }
    let own = try pieces.collecting(columns)
    let shape = [items.count, pieces.rows[0].shape[1], -1]
    return try (own[0].reshape(shape), own[1].reshape(shape))
  }

  /// The mean of (h − z)² over the units `[N, K']` that existed when the outputs were stored.
  static func squaredError(_ outputs: Tensor, _ stored: Tensor) throws -> Tensor {
    let now = try outputs.narrow(dim: 1, start: 0, count: stored.shape[1])
    let count = try noGrad { try stored.isFinite().to(.float32).sum().clamp(min: 1) }
    return try sumOfSquares(now, stored) / count
  }

  /// The same of outputs that are made piece by piece, at the units `[N, L, k]` whose outputs were stored.
  static func squaredError(_ pieces: OutputPieces, _ units: Tensor, _ stored: Tensor) throws -> Tensor {
    let (places, count) = try noGrad {
      let existed = try stored.isFinite()
      return (
        try existed.select(0, dim: 2).flatten().nonzero().flatten(),
        try existed.to(.float32).sum().item()
      )
    }
    return try ChunkedLoss.sum(
      rows: (pieces.rows + [units, stored]).map { try ChunkedLoss.rows($0).indexSelect(places) },
      shared: pieces.shared, chunk: OutputPieces.rowsAtOnce, scale: 1 / max(count, 1)
    ) { rows, shared in
      let outputs = try pieces.make(Array(rows.dropLast(2)), shared)
      return try sumOfSquares(outputs.gather(rows[rows.count - 2], dim: -1), rows[rows.count - 1])
    }
  }

  private static func sumOfSquares(_ now: Tensor, _ stored: Tensor) throws -> Tensor {
    let target = try noGrad { try Tensor.choose(stored.isFinite(), stored, now.detach()) }
    return try now.meanSquaredError(target, reduction: .sum)
  }
}
