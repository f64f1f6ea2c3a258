import Torch

/// Vectors to be met: outputs `[N, D]`, targets `[N, D]` that another model gave, as sentence embeddings that a student
/// learns from its teacher (Reimers & Gurevych, Making Monolingual Sentence Embeddings Multilingual, 2020).
///
/// The score is retrieval accuracy: how often an item's own target is the nearest, by its angle, of those of up to 1,000
/// test items that are asked together.
public struct EmbeddingPrediction: Objective {
  /// How far a vector is from its target.
  public enum Distance: String, Codable, CaseIterable, Sendable {
    /// The mean of squared differences, as published.
    case euclidean
    /// 1 − the cosine of the angle.
    case cosine
  }

  public let distance: Distance

  public init(distance: Distance = .euclidean) { self.distance = distance }

  public var isClassification: Bool { false }
  public var scoreKind: ScoreKind { .retrieval }

  public func losses(_ outputs: Tensor, _ targets: Tensor) throws -> Tensor {
    switch distance {
    case .euclidean: try outputs.meanSquaredError(targets, reduction: .none).mean([1])
    case .cosine: try 1 - outputs.cosineSimilarity(targets)
    }
  }

  /// How many items have their own target nearest, and how many there are.
  public func sums(_ outputs: Tensor, _ targets: Tensor) throws -> [Double] {
    let nearest = try outputs.unitRows().matmul(targets.unitRows().T).argmax(1)
    let own = try Tensor.arange(0, targets.shape[0], device: nearest.device)
    return [try (nearest .== own).to(.float32).sum().item(), Double(targets.shape[0])]
  }

  /// Vectors of unit-variance Gaussians, as ``Regression`` has them.
  public func fisherRoots(_ outputs: Tensor) throws -> [Tensor] { try Regression().fisherRoots(outputs) }
  public func scores(_ outputs: Tensor, _ targets: Tensor) throws -> Tensor { try targets - outputs }

  public func sample(_ outputs: Tensor, _ generator: Generator) throws -> Tensor {
    try Regression().sample(outputs, generator)
  }

  public func outputs(for targets: Tensor) -> Int? { targets.shape[1] }
}
