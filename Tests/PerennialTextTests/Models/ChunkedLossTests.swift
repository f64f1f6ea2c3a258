import Testing
import Torch

@testable import Perennial
@testable import PerennialText

/// Losses in pieces against the plain ones: values and gradients.
struct ChunkedLossTests {
  static let directions = SoftTargets.Direction.allCases

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

  /// Weights of places, and places that do not count among them.
  @Test(arguments: [1, 3, 64], [0.0, 0.1]) func weightedCrossEntropy(_ chunk: Int, _ smoothing: Double) throws
  {
    let (hidden, weight) = (try leaf([2, 3, 5], 1), try leaf([7, 5], 2))
    let targets = try Tensor([3, -100, 0, 6, 1, -100], shape: [2, 3])
    let weights = try Tensor([0.5, 9, 0, 2, 1, -4] as [Float], shape: [2, 3])
    let pieces = try chunkedCrossEntropy(
      hidden: hidden, weight: weight, targets: targets, weights: weights, labelSmoothing: smoothing,
      chunk: chunk)
    let plain = try
      (hidden.flatten(to: 1).linear(weight).crossEntropy(
        targets.flatten(), reduction: .none, labelSmoothing: smoothing) * weights.flatten()).sum()
    try expectClose(pieces, plain, "loss", within: 1e-6)
    let (own, expected) = (
      try gradients(of: pieces, withRespectTo: [hidden, weight]),
      try gradients(of: plain, withRespectTo: [hidden, weight])
    )
    for (a, b) in zip(own, expected) { try expectClose(a, b, "gradient", within: 1e-6) }
    #expect(throws: TorchError.self) {
      try chunkedCrossEntropy(
        hidden: hidden, weight: weight, targets: targets, weights: Tensor([1, 2] as [Float]))
    }
  }

  private func term(_ direction: SoftTargets.Direction) -> SoftTargets {
    var options = SoftTargets.Options()
    (options.direction, options.temperature, options.scale) = (direction, 2, .none)
    (options.mixture, options.skew) = (0.3, 0.1)
    return SoftTargets(options)
  }

  /// What the student's and the teacher's output layers make of places `[T, D]`.
  private func sight(
    _ student: (hidden: Tensor, weight: Tensor), _ teacher: (hidden: Tensor, weight: Tensor), chunk: Int
  ) throws -> PiecewiseSight {
    let outputs = student.weight.shape[0]
    return PiecewiseSight(
      student: OutputPieces(student.hidden, weight: student.weight),
      teacher: try OutputPieces(teacher.hidden, weight: teacher.weight).asTeacher(),
      alignment: try Alignment(Array(0..<outputs), group: nil, outputs: outputs, device: .cpu),
      places: try Tensor.arange(0, student.hidden.shape[0]), progress: 0, chunk: chunk)
  }

  @Test(arguments: directions, [1, 5, 64]) func divergence(_ direction: SoftTargets.Direction, _ chunk: Int)
    throws
  {
    let (hidden, weight) = (try leaf([12, 5], 3), try leaf([11, 5], 4))
    let teacher = (hidden: try leaf([12, 9], 5), weight: try leaf([11, 9], 6))
    let pieces = try sight((hidden, weight), teacher, chunk: chunk)
      .mean(of: term(direction), DistillationReducer())
    // From the formulas, in probabilities.
    let q = try (hidden.linear(weight) / 2).softmax()
    let p = try (teacher.hidden.detach().linear(teacher.weight.detach()) / 2).softmax()
    func kl(_ a: Tensor, _ b: Tensor) throws -> Tensor { try (a * (a / b).log()).sum([1]) }
    let places: Tensor =
      switch direction {
      case .forward: try kl(p, q)
      case .reverse: try kl(q, p)
      case .jensenShannon: try kl(p, p * 0.3 + q * 0.7) * 0.3 + kl(q, p * 0.3 + q * 0.7) * 0.7
      case .skewForward: try kl(p, p * 0.1 + q * 0.9)
      case .skewReverse: try kl(q, p * 0.9 + q * 0.1)
      }
    let plain = try places.mean()
    try expectClose(pieces, plain, "\(direction)", within: 1e-6)
    let own = try gradients(of: pieces, withRespectTo: [hidden, weight])
    let expected = try gradients(of: plain, withRespectTo: [hidden, weight])
    for (a, b) in zip(own, expected) { try expectClose(a, b, "gradient of \(direction)", within: 2e-6) }
    #expect(throws: TorchError.self) { try gradients(of: pieces, withRespectTo: [teacher.hidden]) }
  }

  @Test(arguments: directions) func equalModelsDoNotDiverge(_ direction: SoftTargets.Direction) throws {
    let (hidden, weight) = (try leaf([4, 5], 1), try leaf([7, 5], 2))
    let value = try sight((hidden, weight), (hidden, weight), chunk: 2)
      .mean(of: term(direction), DistillationReducer())
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
      try sight((hidden, weight), (hidden, leaf([8, 5], 3)), chunk: 2)
        .mean(of: term(.forward), DistillationReducer())
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
