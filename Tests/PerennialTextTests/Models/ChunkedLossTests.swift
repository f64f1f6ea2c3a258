import Perennial
import Testing
import Torch

@testable import PerennialText

/// Losses in pieces against the plain ones: values and gradients.
struct ChunkedLossTests {
  static let divergences: [TokenDivergence] = [
    .forward, .reverse, .jensenShannon(teacherShare: 0.3), .skewForward(share: 0.1), .skewReverse(share: 0.1),
  ]

  private func leaf(_ shape: [Int], _ seed: UInt64) throws -> Tensor {
    let tensor = try Tensor.normal(shape, Generator(seed: seed))
    try tensor.setRequiresGrad(true)
    return tensor
  }

  @Test(arguments: [1, 3, 7, 64], [0.0, 0.1]) func crossEntropy(_ chunk: Int, _ smoothing: Double) throws {
    let (hidden, weight) = (try leaf([2, 8, 5], 1), try leaf([11, 5], 2))
    let targets = try Tensor([3, -100, 0, 10, 1, 2, 3, -100, 4, 5, 6, -100, 7, 8, 9, 10], shape: [2, 8])
    let pieces = try chunkedCrossEntropy(
      hidden: hidden, weight: weight, targets: targets, labelSmoothing: smoothing, chunk: chunk)
    let plain = try hidden.flatten(to: 1).linear(weight).crossEntropy(
      targets.flatten(), labelSmoothing: smoothing)
    try expectClose(pieces, plain, "loss", within: 1e-6)
    // A factor behind the loss reaches the gradients.
    let (own, expected) = (
      try gradients(of: pieces * 3, withRespectTo: [hidden, weight]),
      try gradients(of: plain * 3, withRespectTo: [hidden, weight])
    )
    for (a, b) in zip(own, expected) { try expectClose(a, b, "gradient", within: 1e-6) }
  }

  @Test(arguments: divergences, [1, 5, 64]) func divergence(_ divergence: TokenDivergence, _ chunk: Int)
    throws
  {
    let (hidden, weight) = (try leaf([2, 6, 5], 3), try leaf([11, 5], 4))
    let teacher = (hidden: try leaf([2, 6, 9], 5), weight: try leaf([11, 9], 6))
    let mask = try Tensor(
      [true, true, false, true, true, false, true, true, true, true, true, false], shape: [2, 6])
    let pieces = try chunkedDivergence(
      student: (hidden, weight), teacher: teacher, divergence: divergence, mask: mask, temperature: 2,
      chunk: chunk)
    // From the formulas, in probabilities.
    let q = try (hidden.flatten(to: 1).linear(weight) / 2).softmax()
    let p = try (teacher.hidden.detach().flatten(to: 1).linear(teacher.weight.detach()) / 2).softmax()
    func kl(_ a: Tensor, _ b: Tensor) throws -> Tensor { try (a * (a / b).log()).sum([1]) }
    let places: Tensor =
      switch divergence {
      case .forward: try kl(p, q)
      case .reverse: try kl(q, p)
      case .jensenShannon(let beta):
        try kl(p, p * beta + q * (1 - beta)) * beta + kl(q, p * beta + q * (1 - beta)) * (1 - beta)
      case .skewForward(let alpha): try kl(p, p * alpha + q * (1 - alpha))
      case .skewReverse(let alpha): try kl(q, p * (1 - alpha) + q * alpha)
      }
    let weights = try mask.flatten().to(.float32)
    let plain = try (places * weights).sum() / weights.sum()
    try expectClose(pieces, plain, "\(divergence)", within: 1e-6)
    let own = try gradients(of: pieces, withRespectTo: [hidden, weight])
    let expected = try gradients(of: plain, withRespectTo: [hidden, weight])
    for (a, b) in zip(own, expected) { try expectClose(a, b, "gradient of \(divergence)", within: 2e-6) }
    #expect(throws: TorchError.self) { try gradients(of: pieces, withRespectTo: [teacher.hidden]) }
  }

  @Test(arguments: divergences) func equalModelsDoNotDiverge(_ divergence: TokenDivergence) throws {
    let (hidden, weight) = (try leaf([4, 5], 1), try leaf([7, 5], 2))
    let value = try chunkedDivergence(
      student: (hidden, weight), teacher: (hidden, weight), divergence: divergence, chunk: 2)
    #expect(try abs(value.item()) < 1e-6)
  }

  @Test func whatCannotBeIsRefused() throws {
    let (hidden, weight) = (try leaf([4, 5], 1), try leaf([7, 5], 2))
    #expect(throws: TorchError.self) {
      try chunkedCrossEntropy(hidden: hidden, weight: weight, targets: Tensor([1, 2, 3]))
    }
    #expect(throws: TorchError.self) {
      try chunkedCrossEntropy(hidden: hidden, weight: weight, targets: Tensor([1, 2, 3, 7]))
    }
    #expect(throws: TorchError.self) {
      try chunkedDivergence(
        student: (hidden, weight), teacher: (hidden, weight), divergence: .jensenShannon(teacherShare: 1))
    }
    #expect(throws: TorchError.self) {
      try chunkedDivergence(student: (hidden, weight), teacher: (hidden, leaf([8, 5], 3)))
    }
    // Nothing counts, nothing is lost.
    let none = try chunkedCrossEntropy(
      hidden: hidden, weight: weight, targets: Tensor.full([4], -100, dtype: .int64))
    #expect(try none.item() == 0)
    #expect(try gradients(of: none, withRespectTo: [hidden])[0].abs().sum().item() == 0)
  }

  @Test func withoutGradientsNothingIsDifferentiated() throws {
    let (hidden, weight) = (try leaf([4, 5], 1), try leaf([7, 5], 2))
    let loss = try noGrad {
      try chunkedCrossEntropy(hidden: hidden, weight: weight, targets: Tensor([1, 2, 3, 4]), chunk: 3)
    }
    #expect(try !loss.requiresGrad)
  }
}
