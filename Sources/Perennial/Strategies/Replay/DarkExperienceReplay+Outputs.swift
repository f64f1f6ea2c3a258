import Torch

// The outputs that are stored, and how far the model is from them.
extension DarkExperienceReplay {
  /// What is stored of the fresh items of a step, before that step's update: `outputs`, and their `units` where only the
  /// largest are. Places of a text that do not count have outputs of −∞: none to be held.
  func outputs(of step: Step) throws -> [String: Tensor] {
    try noGrad {
      let fresh = 0..<step.batch.fresh
      let targets = try step.batch.targets[fresh]
      if let top, let pieces = try step.look.pieces?.items(fresh) {
        return try Self.largest(top, pieces, targets)
      }
      var kept = ["outputs": try step.outputs.detach()[fresh]]
      if let top { kept = try Self.largest(top, step.outputs.detach()[fresh]) }
      guard let outputs = kept["outputs"], outputs.rank == 3 else { return kept }
      kept["outputs"] = try outputs.maskedFill((targets .< 0).unsqueeze(2), -Double.infinity)
      return kept
    }
  }

  /// The k largest of outputs `[…, K]`: columns of memory have one width, also while fewer classes are known.
  private static func largest(_ k: Int, _ outputs: Tensor) throws -> [String: Tensor] {
    let known = outputs.shape[outputs.rank - 1]
    let (values, units) = try outputs.topK(min(k, known))
    let missing = max(k - known, 0)
    return [
      "outputs": try values.padded([0, missing], value: -.infinity),
      "units": try units.padded([0, missing]).to(.int32),
    ]
  }

  /// The same of outputs that are made piece by piece, of targets `[N, L]`.
  private static func largest(_ k: Int, _ pieces: OutputPieces, _ targets: Tensor) throws -> [String: Tensor]
  {
    let counted = try (targets .>= 0).flatten().nonzero().flatten()
    let own = try pieces.collecting(at: counted) { try largest(k, $0) }
    let rest = [
      "outputs": try Tensor.full([targets.count, k], -Float.infinity, device: targets.device),
      "units": try Tensor.zeros([targets.count, k], dtype: .int32, device: targets.device),
    ]
    return try rest.merging(own) { all, counts in
      try all.indexCopy(counted, from: counts)
      return try all.reshape(targets.shape + [k])
    }
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
