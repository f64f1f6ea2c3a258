import Torch

/// Sums over tokens of losses of vocabulary size, piece by piece: no `[tokens, vocabulary]` tensor is ever whole.
///
/// Each piece is differentiated as soon as it is computed and then forgotten. The result carries the gradients, so that
/// `backward` passes them on; it is differentiated once.
package enum ChunkedLoss {
  /// Σ `body` over pieces of `chunk` rows.
  ///
  /// - Parameters:
  ///   - rows: Tensors `[T, …]`, cut into pieces. Those that require gradients get them.
  ///   - shared: Whole tensors that every piece needs: output weights `[V, D]`.
  ///   - scale: A factor of the sum.
  ///   - body: The sum over a piece, a scalar.
  package static func sum(
    rows: [Tensor], shared: [Tensor], chunk: Int, scale: Double,
    _ body: (_ rows: [Tensor], _ shared: [Tensor]) throws -> Tensor
  ) throws -> Tensor {
    let count = rows.first?.shape[0] ?? 0
    let needs = try (rows + shared).map { try isGradEnabled && $0.requiresGrad }
    let isLearning = needs.contains(true)
    let gradients = try zip(rows + shared, needs).map { try $1 ? $0.detach().zerosLike() : nil }
    let total = try Tensor.zeros([], device: rows.first?.device ?? .cpu)
    for start in stride(from: 0, to: count, by: Swift.max(chunk, 1)) {
      let range = start..<Swift.min(start + Swift.max(chunk, 1), count)
      let pieces = try rows.map { try $0.detach()[range] } + shared.map { try $0.detach() }
      let leaves = zip(pieces, needs).filter(\.1).map(\.0)
      for leaf in leaves { try leaf.setRequiresGrad(true) }
      let value = try (isLearning ? withGrad : noGrad) {
        try body(Array(pieces.prefix(rows.count)), Array(pieces.dropFirst(rows.count)))
      }
      guard isLearning else {
        try total.add(value)
        continue
      }
      let found = try Torch.gradients(of: value, withRespectTo: leaves, allowUnused: true)
      try noGrad {
        try total.add(value.detach())
        var next = found.makeIterator()
        for (index, gradient) in gradients.enumerated() {
          guard let gradient, let part = next.next() else { continue }
          try (index < rows.count ? gradient[range] : gradient).add(part, scale: scale)
        }
      }
    }
    let result = try total * scale
    guard isLearning else { return result }
    let inputs = zip(rows + shared, needs).filter(\.1).map(\.0)
    return try result.attaching(gradients: gradients.compactMap { $0 }, to: inputs)
  }

  /// `[N, L, D]` as rows `[N · L, D]`; other ranks as they are.
  package static func rows(_ x: Tensor) throws -> Tensor {
    x.rank == 2 ? x : try x.reshape([-1, x.shape[x.rank - 1]])
  }
}

extension ChunkedLoss {
  /// Cross-entropy of token prediction, see ``chunkedCrossEntropy(hidden:weight:targets:weights:ignoring:labelSmoothing:chunk:)``.
  static func crossEntropy(
    _ pieces: OutputPieces, _ targets: Tensor, weights: Tensor?, ignoring: Int, labelSmoothing: Double,
    chunk: Int
  ) throws -> Tensor {
    let rows = try pieces.rows.map(rows)
    let flat = try targets.flatten().to(.int64)
    guard rows.allSatisfy({ $0.shape[0] == flat.shape[0] }) else {
      throw TorchError(
        .shape, "targets of shape \(targets.shape) for places of shape \(pieces.rows[0].shape)")
    }
    if let weights, weights.shape != targets.shape {
      throw TorchError(.shape, "weights of shape \(weights.shape) for targets of shape \(targets.shape)")
    }
    let places = try noGrad { try (flat .!= ignoring).nonzero().flatten() }
    let factors = try weights.map { [try $0.flatten()] } ?? []
    let counted = try (rows + [flat] + factors).map {
      try places.count == flat.count ? $0 : $0.indexSelect(places)
    }
    return try sum(
      rows: counted, shared: pieces.shared, chunk: chunk,
      scale: weights == nil ? 1 / Double(max(places.count, 1)) : 1
    ) { parts, shared in
      let outputs = try pieces.make(Array(parts.prefix(rows.count)), shared)
      let targets = parts[rows.count]
      guard parts.count > rows.count + 1 else {
        return try outputs.crossEntropy(targets, reduction: .sum, labelSmoothing: labelSmoothing)
      }
      let losses = try outputs.crossEntropy(targets, reduction: .none, labelSmoothing: labelSmoothing)
      return try (losses * parts[rows.count + 1]).sum()
    }
  }
}

/// Cross-entropy of token prediction without a tensor of all scores, in nats.
///
/// - Parameters:
///   - hidden: What the output layer takes, `[N, L, D]` or `[T, D]`.
///   - weight: The output layer's weight `[V, D]`.
///   - targets: The token that follows each place, int64 `[N, L]` or `[T]`; places with `ignoring` do not count, and
///     nothing is computed for them.
///   - weights: What the loss of each place is multiplied by, of the shape of `targets`.
///   - chunk: Places whose scores are there at once: memory grows with `chunk` · V.
/// - Returns: The mean over places that count, or the weighted sum where there are weights; 0 where none counts.
/// - Throws: `TorchError` for shapes that do not fit and targets outside of the vocabulary.
public func chunkedCrossEntropy(
  hidden: Tensor, weight: Tensor, targets: Tensor, weights: Tensor? = nil, ignoring: Int = -100,
  labelSmoothing: Double = 0, chunk: Int = OutputPieces.rowsAtOnce
) throws -> Tensor {
  try ChunkedLoss.crossEntropy(
    OutputPieces(hidden, weight: weight), targets, weights: weights, ignoring: ignoring,
    labelSmoothing: labelSmoothing, chunk: chunk)
}
