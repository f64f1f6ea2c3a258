import Foundation
import Testing

@testable import Torch

/// GELU by tanh is a loop of our own in float32; libtorch's, in float64, says what it should give.
@Suite("GELU by tanh") struct GELUTests {
  /// Every value that matters, tails included, and more of them than one part of the loop takes.
  private static func inputs() throws -> Tensor { try Tensor.linspace(-30, 30, count: 60_001) }

  private static func gradients(_ x: Tensor, times order: Int) throws -> Tensor {
    try withGrad {
      let leaf = try x.detach().clone()
      try leaf.setRequiresGrad(true)
      var value = try leaf.gelu(approximate: true)
      for place in 1...order {
        value = try Torch.gradients(
          of: value.sum(), withRespectTo: [leaf], createGraph: place < order)[0]
      }
      return try value.detach()
    }
  }

  @Test func valuesAndDerivatives() throws {
    let x = try Self.inputs()
    let values = try noGrad { try x.gelu(approximate: true) }
    let exact = try noGrad { try x.to(.float64).gelu(approximate: true) }
    #expect(values.dtype == .float32 && exact.dtype == .float64)
    // A float of size 30 has steps of 2e-6.
    let scale = try exact.abs().clamp(min: 1)
    #expect(try ((values.to(.float64) - exact).abs() / scale).amax([0]).item() < 3e-7)
    for order in [1, 2] {
      let ours = try Self.gradients(x, times: order).to(.float64)
      let theirs = try Self.gradients(x.to(.float64), times: order)
      #expect(try (ours - theirs).abs().amax([0]).item() < 3e-6, "derivative \(order)")
    }
  }

  @Test func stridesShapesAndWhatIsNoNumber() throws {
    let x = try Tensor.normal([5, 7, 3], Generator(seed: 1))
    let turned = try x.transpose(0, 2)
    let one = try noGrad { try turned.gelu(approximate: true) }
    let other = try noGrad { try x.gelu(approximate: true).transpose(0, 2) }
    #expect(one.shape == [3, 7, 5])
    #expect(try one.equals(other))
    #expect(try Self.gradients(turned, times: 1).equals(Self.gradients(x, times: 1).transpose(0, 2)))
    let empty = try Tensor.zeros([0, 4])
    #expect(try empty.gelu(approximate: true).shape == [0, 4])
    let extremes = try Tensor([Float.nan, 1e6, -1e6, 0, 1e38, -1e38])
    let odd = try noGrad { try extremes.gelu(approximate: true).array(of: Float.self) }
    #expect(odd[0].isNaN && odd[1...] == [1e6, 0, 0, 1e38, 0], "\(odd)")
    let slopes = try Self.gradients(Tensor([Float(1e13), -1e13, -1e6, 40]), times: 1).array(of: Float.self)
    #expect(slopes == [1, 0, 0, 1], "\(slopes)")
  }
}
