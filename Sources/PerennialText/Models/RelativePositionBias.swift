import Foundation
import Torch

/// A bias for each head and distance between two places, far distances sharing buckets (Raffel et al. 2020, 2.1).
package final class RelativePositionBias: Module {
  /// `[buckets, heads]`
  let table: Embedding
  private let isBidirectional: Bool
  private let buckets: Int
  package let maximumDistance: Int

  init(_ c: T5Configuration, isBidirectional: Bool, _ generator: Generator) throws {
    table = try .normal(
      c.buckets, c.heads, deviation: c.initializerFactor / Double(c.width).squareRoot(), generator)
    (self.isBidirectional, buckets, maximumDistance) = (isBidirectional, c.buckets, c.maximumDistance)
    super.init()
    register("", table)
  }

  /// `[1, heads, queries, keys]` for queries that begin at the place `start`.
  package func callAsFunction(queries: Int, keys: Int, start: Int = 0) throws -> Tensor {
    let device = try table.weight.value.device
    let places = try Tensor.arange(0, keys, device: device).unsqueeze(0)
    let asking = try Tensor.arange(start, start + queries, device: device).unsqueeze(1)
    return try table(buckets(places - asking)).permute([2, 0, 1]).unsqueeze(0)
  }

  /// The bucket of each distance, int64: half of them for single distances, half for ranges that grow
  /// logarithmically.
  private func buckets(_ relative: Tensor) throws -> Tensor {
    var count = buckets
    var offset = try relative.zerosLike()
    var distance: Tensor
    if isBidirectional {
      count /= 2
      offset = try (relative .> 0).to(.int64) * count
      distance = try relative.abs()
    } else {
      distance = try (-relative).maximum(offset)
    }
    let exact = count / 2
    let range = log(Double(maximumDistance) / Double(exact))
    // In float32 and in this order, as the weights were trained: a last bit decides between buckets.
    let logarithmic = try ((distance.to(.float32) / exact).log() / range * (count - exact)).clamp(min: 0)
    let far = try (logarithmic.to(.int64) + exact).minimum(Tensor.full([], count - 1, dtype: .int64))
    return try offset + Tensor.choose(distance .< exact, distance, far)
  }
}
