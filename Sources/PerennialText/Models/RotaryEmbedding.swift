import Foundation
import Torch

/// Rotation of queries and keys by their places (Su et al. 2021), in the two halves that `transformers` pairs.
final class RotaryEmbedding {
  private let frequencies: [Float]
  private var device = Device.cpu
  /// Cosines and signed sines `[places, d]`, as far as they were needed.
  private var tables: (cosines: Tensor, sines: Tensor)?

  init(_ scaling: RotaryScaling, theta: Double, width: Int) {
    frequencies = scaling.frequencies(theta: theta, width: width)
  }

  /// The factors of a batch, to be used by every layer.
  struct Rotation {
    let cosines: Tensor
    let sines: Tensor

    /// Turns `[N, heads, L, d]`, in float32 whatever the type.
    func callAsFunction(_ x: Tensor) throws -> Tensor {
      let half = x.shape[3] / 2
      guard x.dtype == .float32 else { return try self(x.to(.float32)).to(x.dtype) }
      return try (x * cosines).addcmul(x.rolled(by: [half], dims: [3]), sines)
    }
  }

  /// Factors for places int64 `[N, L]`, or for `length` places from `start` on.
  func rotation(_ positions: Tensor?, start: Int, length: Int, device: Device) throws -> Rotation {
    let (cosines, sines) = try tables(places: start + length, device)
    guard let positions else {
      let range = start..<start + length
      return Rotation(cosines: try cosines[range], sines: try sines[range])
    }
    let shape = [positions.shape[0], 1, length, cosines.shape[1]]
    func rows(_ table: Tensor) throws -> Tensor {
      try table.indexSelect(positions.flatten()).reshape(shape)
    }
    return Rotation(cosines: try rows(cosines), sines: try rows(sines))
  }

  private func tables(places: Int, _ device: Device) throws -> (cosines: Tensor, sines: Tensor) {
    if let tables, tables.cosines.shape[0] >= places, device == self.device { return tables }
    var rounded = 256
    while rounded < places { rounded *= 2 }
    let made = try noGrad {
      let angles = try Tensor.arange(0, rounded).to(.float32).outer(Tensor(frequencies))
      let (cosines, sines) = (try angles.cos(), try angles.sin())
      // Rolling by half a head puts the other half in place; its sign is in the table.
      return (
        cosines: try Tensor.concatenate([cosines, cosines], dim: 1).to(device),
        sines: try Tensor.concatenate([-sines, sines], dim: 1).to(device)
      )
    }
    (tables, self.device) = (made, device)
    return made
  }
}

/// How the frequencies of rotary embeddings are stretched for longer texts.
public enum RotaryScaling: Equatable, Sendable {
  case none
  /// All frequencies divided by a factor (Chen et al. 2023).
  case linear(factor: Double)
  /// Low frequencies divided by a factor, high ones kept, those between interpolated (Llama 3.1).
  case llama3(factor: Double, lowFactor: Double, highFactor: Double, originalLength: Int)

  /// θ^(−2i/d), stretched, in float32 as `transformers` computes them.
  package func frequencies(theta: Double, width: Int) -> [Float] {
    (0..<width / 2).map { index in
      let frequency = 1 / powf(Float(theta), Float(2 * index) / Float(width))
      switch self {
      case .none: return frequency
      case .linear(let factor): return frequency / Float(factor)
      case .llama3(let factor, let lowFactor, let highFactor, let originalLength):
        let turns = Float(originalLength) * frequency / (2 * .pi)
        if turns < Float(lowFactor) { return frequency / Float(factor) }
        if turns > Float(highFactor) { return frequency }
        let share = (turns - Float(lowFactor)) / Float(highFactor - lowFactor)
        return (1 - share) * frequency / Float(factor) + share * frequency
      }
    }
  }
}
