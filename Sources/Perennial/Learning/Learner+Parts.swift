import Torch

/// A head whose losses do not need all outputs at once.
public protocol PiecewiseHead: Head {
  /// The outputs of features `[N, L, D]`, to be made piece by piece; nil while they cannot be.
  func pieces(_ features: Tensor) throws -> OutputPieces?
}

// MARK: - Steps that are smaller than they seem

extension Learner {
  /// A part of a batch that is learned in several.
  struct Part {
    let batch: Batch
    /// How much its loss, and how much the strategies' terms count in those of the whole: weights of items change only what
    /// the loss is a mean over.
    var loss = 1.0
    var terms = 1.0
  }

  /// The batch in as many parts as the options ask for, without those in which nothing counts.
  func parts(of batch: Batch) throws -> [Part] {
    let count = min(options.accumulate, batch.count)
    let total = count > 1 ? try objective.weight(of: batch.targets) : 0
    guard total > 0 else { return [Part(batch: batch)] }
    return try (0..<count).map { index in
      let own = try batch.items(index * batch.count / count..<(index + 1) * batch.count / count)
      let share = try objective.weight(of: own.targets) / total
      return Part(
        batch: own, loss: batch.weights == nil ? share : Double(own.count) / Double(batch.count), terms: share
      )
    }.filter { $0.terms > 0 }
  }

  /// The outputs of token prediction in pieces, where there would be more than should be there at once and nobody looks at
  /// all of them; nil elsewhere.
  func outputPieces(_ features: Tensor) throws -> OutputPieces? {
    guard let prediction = objective.tokenPrediction, features.rank == 3,
      features.shape[0] * features.shape[1] * model.head.outputs > prediction.wholeOutputs,
      strategies.allSatisfy({ !$0.seesOutputs })
    else { return nil }
    return try model.pieces(features)
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
}
