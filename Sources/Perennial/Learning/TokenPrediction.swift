import Foundation
import Torch

/// The next token at every place: outputs `[N, L, V]`, targets `[N, L]`, in which −100 stands for places that do not
/// count. Cross-entropy in nats.
///
/// The loss of a batch is the mean over tokens; that of an item is the mean over its own.
public struct TokenPrediction: Objective {
  /// The target of places that do not count.
  public static let ignored = -100

  /// The share of the target that is spread over the vocabulary.
  public let labelSmoothing: Double
  /// The most scores that a training step may have at once, where nobody but the loss looks at them; beyond that the loss is
  /// taken in pieces, and no `[tokens, vocabulary]` tensor is ever whole.
  public let wholeOutputs: Int

  public init(labelSmoothing: Double = 0, wholeOutputs: Int = 1 << 23) {
    (self.labelSmoothing, self.wholeOutputs) = (labelSmoothing, wholeOutputs)
  }

  public var isClassification: Bool { false }
  public var hasAlternatives: Bool { true }
  public var scoreKind: ScoreKind { .tokenProbability }
  public var tokenPrediction: TokenPrediction? { self }

  public func losses(_ outputs: Tensor, _ targets: Tensor) throws -> Tensor {
    let all = try flat(outputs).crossEntropy(
      flat(targets), reduction: .none, ignoring: Self.ignored, labelSmoothing: labelSmoothing)
    let counts = try (targets .!= Self.ignored).to(.float32).sum([1]).clamp(min: 1)
    return try all.reshape(targets.shape).sum([1]) / counts
  }

  public func meanLoss(_ outputs: Tensor, _ targets: Tensor) throws -> Tensor {
    let sum = try flat(outputs).crossEntropy(
      flat(targets), reduction: .sum, ignoring: Self.ignored, labelSmoothing: labelSmoothing)
    return try sum / (targets .!= Self.ignored).to(.float32).sum().clamp(min: 1)
  }

  /// The mean loss of outputs that are made piece by piece.
  ///
  /// - Parameter weights: of each item, `[N]`: then the loss is the mean over items of weight times `losses`.
  func meanLoss(_ pieces: OutputPieces, _ targets: Tensor, weights: Tensor? = nil) throws -> Tensor {
    let places = try weights.map { weights in
      let counts = try (targets .!= Self.ignored).to(.float32).sum([1]).clamp(min: 1)
      return try (weights / counts / Double(targets.shape[0])).unsqueeze(1).expand(targets.shape)
    }
    return try ChunkedLoss.crossEntropy(
      pieces, targets, weights: places, ignoring: Self.ignored, labelSmoothing: labelSmoothing,
      chunk: OutputPieces.rowsAtOnce)
  }

  /// The tokens that count.
  public func weight(of targets: Tensor) throws -> Double {
    try (targets .!= Self.ignored).to(.float32).sum().item()
  }

  /// Σ log p over the tokens that count, and how many those are.
  public func sums(_ outputs: Tensor, _ targets: Tensor) throws -> [Double] {
    let total = try flat(outputs).crossEntropy(flat(targets), reduction: .sum, ignoring: Self.ignored)
    return [-(try total.item()), try (targets .!= Self.ignored).to(.float32).sum().item()]
  }

  /// exp of the mean log-probability: 1 / perplexity.
  public func score(of sums: [Double]) -> Double { sums[1] > 0 ? exp(sums[0] / sums[1]) : 0 }

  /// - Throws: `TorchError` (`unsupported`): over the tokens of a text that depend on each other there is no such sum.
  public func fisherRoots(_ outputs: Tensor) throws -> [Tensor] {
    throw TorchError(
      .unsupported, "the exact Fisher information of token prediction; write `fisher: empirical` or `sampled`"
    )
  }

  public func scores(_ outputs: Tensor, _ targets: Tensor) throws -> Tensor {
    let counts = try (targets .!= Self.ignored).unsqueeze(2).to(.float32)
    let labels = try targets.to(.int64).maskedFill(targets .== Self.ignored, 0).oneHot(
      classes: outputs.shape[2]
    ).to(
      .float32)
    return try (labels - outputs.softmax()) * counts
  }

  public func sample(_ outputs: Tensor, _ generator: Generator) throws -> Tensor {
    try flat(outputs.softmax()).multinomial(1, generator).reshape(Array(outputs.shape.dropLast()))
  }

  public func outputs(for targets: Tensor) -> Int? { nil }

  /// Outputs `[N, L, V]` as `[N · L, V]`, targets `[N, L]` as int64 `[N · L]`.
  private func flat(_ values: Tensor) throws -> Tensor {
    values.rank == 3 ? try values.reshape([-1, values.shape[2]]) : try values.flatten().to(.int64)
  }
}
