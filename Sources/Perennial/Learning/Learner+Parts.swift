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

  /// The outputs of token prediction in pieces, where there would be more than should be there at once and nobody looks at
  /// all of them; nil elsewhere.
  func outputPieces(_ features: Tensor) -> OutputPieces? {
    guard let prediction = objective.tokenPrediction, features.rank == 3,
      features.shape[0] * features.shape[1] * model.head.outputs > prediction.wholeOutputs,
      strategies.allSatisfy({ !$0.seesOutputs }), let weight = model.projection
    else { return nil }
    return OutputPieces(features, weight: weight)
  }

  /// The mean loss of a step's batch on its targets, in pieces where its outputs are.
  func loss(_ step: Step) throws -> Tensor {
    guard let pieces = step.look.pieces, let prediction = objective.tokenPrediction else {
      return try loss(step.outputs, step.batch)
    }
    return try prediction.meanLoss(pieces, step.batch.targets, weights: step.batch.weights)
  }

  /// The mean loss of what a step's model made of its batch, on other targets than the batch's, every item alike.
  func meanLoss(_ step: Step, on targets: Tensor) throws -> Tensor {
    guard let pieces = step.look.pieces, let prediction = objective.tokenPrediction else {
      return try objective.meanLoss(step.outputs, targets)
    }
    return try prediction.meanLoss(pieces, targets)
  }

  /// Refuses batches in parts beside strategies that look at batches.
  ///
  /// - Throws: `LearnerError.parts`.
  static func check(_ options: TrainingOptions, _ strategies: [any Strategy]) throws {
    guard options.accumulate > 1 else { return }
    if let strategy = strategies.first(where: \.seesBatch) { throw LearnerError.parts(strategy.name) }
  }
}
