import Torch

/// A head that is one product with a matrix: its losses do not need all outputs at once.
public protocol ProjectingHead: Head {
  /// `[K, D]`; nil while something else takes part, such as an adapter.
  var projection: Parameter? { get }
}

// MARK: - Steps that are smaller than they seem

extension Learner {
  /// The batch in as many parts as the options ask for, and how much the loss of each counts.
  func parts(of batch: Batch) throws -> [(batch: Batch, share: Double)] {
    let count = min(options.accumulate, batch.count)
    guard count > 1 else { return [(batch, 1)] }
    func weight(_ part: Batch) throws -> Double {
      part.weights == nil ? try objective.weight(of: part.targets) : Double(part.count)
    }
    let total = try weight(batch)
    return try (0..<count).map { index in
      let part = try batch.items(index * batch.count / count..<(index + 1) * batch.count / count)
      return (part, try weight(part) / max(total, 1))
    }.filter { $0.share > 0 }
  }

  /// The loss of token prediction in pieces, where there would be more outputs than should be there at once and nobody
  /// looks at them; nil elsewhere.
  func lossInPieces(_ features: Tensor, _ batch: Batch) throws -> Tensor? {
    guard let prediction = objective as? TokenPrediction, batch.weights == nil, features.rank == 3,
      features.shape[0] * features.shape[1] * model.head.outputs > prediction.wholeOutputs,
      strategies.allSatisfy({ !$0.seesBatch }),
      let weight = (model.head as? any ProjectingHead)?.projection
    else { return nil }
    return try chunkedCrossEntropy(
      hidden: features, weight: weight.value, targets: batch.targets, ignoring: TokenPrediction.ignored,
      labelSmoothing: prediction.labelSmoothing)
  }

  /// Refuses batches in parts beside strategies that look at batches.
  ///
  /// - Throws: `LearnerError.parts`.
  static func check(_ options: TrainingOptions, _ strategies: [any Strategy]) throws {
    guard options.accumulate > 1 else { return }
    if let strategy = strategies.first(where: \.seesBatch) { throw LearnerError.parts(strategy.name) }
  }
}
