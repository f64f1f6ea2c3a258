import Torch

/// Layers of the given widths, each but a last one without activation followed by max(·, 0) or a leaky form of it.
final class Perceptron: Module, Layer {
  private let layers: [Linear]
  private let slope: Double

  init(_ widths: [Int], leak slope: Double = 0, _ generator: Generator) throws {
    layers = try zip(widths, widths.dropFirst()).map { try Linear($0, $1, generator) }
    self.slope = slope
    super.init()
    for (index, layer) in layers.enumerated() { register("\(index)", layer) }
  }

  func callAsFunction(_ input: Tensor) throws -> Tensor { try callAsFunction(input, gates: []) }

  /// - Parameter gates: factors `[N, width]` of hidden layers' units; layers without one are open.
  func callAsFunction(_ input: Tensor, gates: [Tensor]) throws -> Tensor {
    var x = input
    for (index, layer) in layers.enumerated() {
      x = try layer(x)
      guard index < layers.count - 1 else { break }
      x = slope > 0 ? try x.leakyReLU(slope: slope) : try x.relu()
      if gates.indices.contains(index) { x = try x * gates[index] }
    }
    return x
  }
}
