import Foundation
import Torch

/// One adapter out of several, as PEFT's `add_weighted_adapter` makes it.
public enum AdapterMerge: Equatable, Sendable {
  /// Σ √(w s) A and Σ √(w s) B: near Σ w s B A only where the adapters are alike, and of one rank.
  case linear
  /// A and B side by side: exactly Σ w s B A, at the sum of the ranks.
  case concatenation
  /// The best approximation of Σ w s B A at a rank.
  case singularValues(rank: Int)
  /// TIES (Yadav et al. 2023) on A and on B: small values out, the sign of the sum, the mean of those that have it.
  case ties(density: Double)
  /// DARE (Yu et al. 2024) on A and on B: values left out at random and the others scaled up; then as `linear`.
  case dare(density: Double)
  /// Small values of A and of B out; then as `linear`.
  case magnitudePruning(density: Double)
}

extension AdapterSet {
  /// A further adapter of the same layers: these, each with its weight, in one.
  ///
  /// - Throws: `AdapterError.merge` for adapters of other layers, with magnitudes, or of ranks that do not go together;
  ///   `AdapterError.twice`.
  public static func merge(
    _ sets: [(set: AdapterSet, weight: Double)], as name: String, _ method: AdapterMerge, in model: Module,
    _ random: RandomStreams
  ) throws -> AdapterSet {
    guard let first = sets.first?.set else { throw AdapterError.merge("there are none") }
    let paths = first.places.map(\.path)
    guard sets.allSatisfy({ $0.set.places.map(\.path) == paths }) else {
      throw AdapterError.merge("they are beside different layers")
    }
    guard sets.allSatisfy({ !$0.set.configuration.hasMagnitude }) else {
      throw AdapterError.merge("those with magnitudes are no sums")
    }
    if let part = sets.lazy.compactMap({ $0.set.configuration.modulesToSave.first }).first {
      throw AdapterError.merge("`\(part)` of the model was saved with one of them")
    }
    let generator = try random.stream("adapters/\(name)")
    let factors = try noGrad {
      try paths.indices.map { place in
        try method.factors(
          sets.map { ($0.set.places[place].adapter, $0.weight) }, generator)
      }
    }
    var configuration = first.configuration
    configuration.targets = .named(paths)
    configuration.isRankStabilized = false
    configuration.rank = factors[0].down.shape[0]
    configuration.alpha = Double(configuration.rank)
    configuration.rankPattern = [:]
    configuration.alphaPattern = [:]
    for (path, factor) in zip(paths, factors) where factor.down.shape[0] != configuration.rank {
      configuration.rankPattern[path] = factor.down.shape[0]
      configuration.alphaPattern[path] = Double(factor.down.shape[0])
    }
    let merged = try model.addAdapters(name, configuration, random)
    try noGrad {
      for (place, factor) in zip(merged.places, factors) {
        try place.adapter.down.weight.value.copy(from: factor.down)
        try place.adapter.up.weight.value.copy(from: factor.up)
      }
    }
    return merged
  }
}

extension AdapterMerge {
  /// A `[r, in]` and B `[out, r]` with scale 1.
  func factors(_ parts: [(adapter: LowRankAdapter, weight: Double)], _ generator: Generator) throws -> (
    down: Tensor, up: Tensor
  ) {
    let strengths = parts.map { $0.weight * $0.adapter.scale }
    switch self {
    case .concatenation:
      return (
        try Tensor.concatenate(zip(parts, strengths).map { try $0.adapter.down.weight.value * $1 }),
        try Tensor.concatenate(parts.map(\.adapter.up.weight.value), dim: 1)
      )
    case .singularValues(let rank):
      let total = try Self.sum(parts.map { try $0.adapter.difference() }, parts.map(\.weight))
      let most = min(total.shape[0], total.shape[1])
      guard rank >= 1, rank <= most else {
        throw AdapterError.merge("a rank of \(rank) is not in 1 … \(most)")
      }
      let (u, s, v) = try total.svd()
      return (
        try v.narrow(dim: 0, start: 0, count: rank),
        try u.narrow(dim: 1, start: 0, count: rank) * s.narrow(dim: 0, start: 0, count: rank)
      )
    case .linear, .ties, .dare, .magnitudePruning:
      let ranks = parts.map(\.adapter.rank)
      guard Set(ranks).count == 1 else {
        throw AdapterError.merge("their ranks differ: \(ranks.map(String.init).joined(separator: ", "))")
      }
      let roots = strengths.map { abs($0).squareRoot() }
      let signed = zip(roots, strengths).map { $1 < 0 ? -$0 : $0 }
      return (
        try combined(parts.map(\.adapter.down.weight.value), signed, generator),
        try combined(parts.map(\.adapter.up.weight.value), roots, generator)
      )
    }
  }

  /// One matrix out of several of one shape.
  private func combined(_ matrices: [Tensor], _ weights: [Double], _ generator: Generator) throws -> Tensor {
    switch self {
    case .linear, .concatenation, .singularValues: return try Self.sum(matrices, weights)
    case .magnitudePruning(let density):
      return try Self.sum(matrices.map { try Self.largest($0, density) }, weights)
    case .dare(let density):
      try Self.require(density)
      return try Self.sum(
        matrices.map { try $0 * Tensor.full($0.shape, density).bernoulli(generator) / density }, weights)
    case .ties(let density):
      return try Self.elected(matrices.map { try Self.largest($0, density) }, weights)
    }
  }

  private static func sum(_ matrices: [Tensor], _ weights: [Double]) throws -> Tensor {
    try zip(matrices, weights).reduce(matrices[0].zerosLike()) { try $0 + $1.0 * $1.1 }
  }

  /// The mean over the weighted matrices that have the sign of the unweighted sum, value by value.
  private static func elected(_ matrices: [Tensor], _ weights: [Double]) throws -> Tensor {
    let stacked = try Tensor.stack(matrices)
    let sign = try (stacked.sum([0]) .>= 0).to(.float32) * 2 - 1
    let agrees = try ((stacked * sign) .> 0).to(.float32)
    let weighted = try stacked * Tensor(weights.map(Float.init)).reshape([-1, 1, 1]) * agrees
    return try weighted.sum([0]) / agrees.sum([0]).clamp(min: 1)
  }

  /// The share of the values that are largest, zero elsewhere.
  private static func largest(_ matrix: Tensor, _ density: Double) throws -> Tensor {
    try require(density)
    let count = Int(density * Double(matrix.count))
    guard count > 0 else { return try matrix.zerosLike() }
    let flat = try matrix.flatten()
    let kept = try flat.abs().topK(count).indices
    return try flat.zerosLike().scatter(kept, flat.indexSelect(kept), dim: 0).reshape(matrix.shape)
  }

  private static func require(_ density: Double) throws {
    guard density > 0, density <= 1 else {
      throw AdapterError.merge("a density of \(density) is not in (0, 1]")
    }
  }
}
