import Testing
import Torch

@testable import Perennial

/// Against formulas written out in `Scripts/golden/distillation.py`, with the gradient for the student.
@Suite struct ResponseDistillationTests {
  typealias Loss = @Sendable (_ student: Tensor, _ teacher: Tensor, _ golden: GoldenTensors) throws -> Tensor

  struct Case: Sendable, CustomTestStringConvertible {
    let file: String
    let name: String
    let loss: Loss
    var testDescription: String { "\(file)/\(name)" }
  }

  private static let reduce = DistillationReducer()
  private static let withoutSquare = DistillationReducer(scalesByTemperatureSquared: false)
  private static let old = 6

  static func kl(_ s: Tensor, _ t: Tensor, _ temperature: Double, mask: Tensor? = nil) throws -> Tensor {
    try reduce(
      ResponseDistillation.forwardKL(student: s, teacher: t, temperature: temperature),
      temperature: temperature,
      mask: mask)
  }

  static func sliced(_ tensor: Tensor) throws -> Tensor { try tensor.narrow(dim: 1, start: 0, count: old) }

  static let cases: [Case] = [
    Case(file: "distillation", name: "forward_kl_T1") { s, t, _ in try kl(s, t, 1) },
    Case(file: "distillation", name: "forward_kl_T2") { s, t, _ in try kl(s, t, 2) },
    Case(file: "distillation", name: "forward_kl_T4") { s, t, _ in try kl(s, t, 4) },
    Case(file: "distillation", name: "forward_kl_items") { s, t, _ in
      try ResponseDistillation.forwardKL(student: s, teacher: t, temperature: 2) * 4
    },
    Case(file: "distillation", name: "reverse_kl_T2") { s, t, _ in
      try reduce(ResponseDistillation.reverseKL(student: s, teacher: t, temperature: 2), temperature: 2)
    },
    Case(file: "distillation", name: "soft_cross_entropy_T2") { s, t, _ in
      try reduce(
        ResponseDistillation.zeroPaddedCrossEntropy(student: s, teacher: t, temperature: 2), temperature: 2)
    },
    Case(file: "distillation", name: "logit_mse") { s, t, _ in
      try withoutSquare(ResponseDistillation.meanSquaredLogits(student: s, teacher: t), temperature: 7)
    },
    Case(file: "distillation", name: "forward_kl_masked") { s, t, golden in
      try kl(s, t, 2, mask: golden["forward_kl_masked/valid"])
    },
    Case(file: "distillation", name: "identity") { s, t, golden in try kl(s, golden["logits/student"], 2) },
    Case(file: "distillation", name: "mixed") { s, t, golden in
      try s.crossEntropy(golden["mixed/labels"]) * 0.1 + kl(s, t, 4) * 0.9
    },
    Case(file: "lwf", name: "canonical") { s, t, _ in try kl(sliced(s), sliced(t), 2) },
    Case(file: "lwf", name: "canonical_masked") { s, t, golden in
      try kl(sliced(s), sliced(t), 2, mask: golden["canonical_masked/valid"])
    },
    Case(file: "lwf", name: "canonical_classes") { s, t, golden in
      let classes = try golden["canonical_classes/classes"]
      return try kl(s.indexSelect(classes, dim: 1), t.indexSelect(classes, dim: 1), 2)
    },
    Case(file: "lwf", name: "avalanche") { s, t, _ in
      try withoutSquare(
        ResponseDistillation.forwardKL(student: sliced(s), teacher: sliced(t), temperature: 2), temperature: 2
      )
    },
    Case(file: "lwf", name: "van_de_ven") { s, t, _ in
      try withoutSquare(
        ResponseDistillation.zeroPaddedCrossEntropy(student: s, teacher: sliced(t), temperature: 2),
        temperature: 2)
    },
    Case(file: "lwf", name: "van_de_ven_normalised") { s, t, _ in
      try reduce(
        ResponseDistillation.zeroPaddedCrossEntropy(student: s, teacher: sliced(t), temperature: 2),
        temperature: 2)
    },
    // Raising probabilities to 1/T and renormalising is the softmax at T: both are the sliced cross-entropy.
    Case(file: "lwf", name: "mammoth") { s, t, _ in try slicedCrossEntropy(s, t) },
    Case(file: "lwf", name: "pycil") { s, t, _ in try slicedCrossEntropy(s, t) },
  ]

  private static func slicedCrossEntropy(_ s: Tensor, _ t: Tensor) throws -> Tensor {
    try withoutSquare(
      ResponseDistillation.zeroPaddedCrossEntropy(student: sliced(s), teacher: sliced(t), temperature: 2),
      temperature: 2)
  }

  /// The value and its gradient for the student's logits.
  static func evaluate(_ one: Case) throws -> (value: Tensor, gradient: Tensor, golden: GoldenTensors) {
    let golden = try GoldenTensors(one.file)
    let student = try golden["logits/student"].clone()
    try student.setRequiresGrad(true)
    let value = try one.loss(student, golden["logits/teacher"], golden)
    let seeds = value.rank == 0 ? nil : [try golden["\(one.name)/upstream"]]
    let found = try gradients(of: [value], withRespectTo: [student], seeds: seeds)
    return (value, found[0], golden)
  }

  @Test(arguments: cases)
  func valueAndGradientAreTheGoldenOnes(one: Case) throws {
    let (value, gradient, golden) = try Self.evaluate(one)
    guard one.name != "identity" else {
      #expect(try abs(value.item()) < 1e-6 && gradient.abs().amax([]).item() < 1e-6)
      return
    }
    expectNear(value, try golden["\(one.name)/value"], one.name)
    expectNear(gradient, try golden["\(one.name)/gradient.student"], "gradient of \(one.name)")
  }

  // MARK: - Laws

  @Test(arguments: [1.0, 2, 10])
  func divergencesAreZeroAtIdentityAndPositiveElsewhere(temperature: Double) throws {
    let golden = try GoldenTensors("distillation")
    let (s, t) = (try golden["logits/student"], try golden["logits/teacher"])
    for divergence in [ResponseDistillation.forwardKL, ResponseDistillation.reverseKL] {
      #expect(try divergence(s, s, temperature).abs().amax([]).item() < 1e-6)
      #expect(try divergence(s, t, temperature).amin([]).item() > 0)
      // A distribution does not know by how much all its logits are moved.
      expectNear(try divergence(s + 3, t - 7, temperature), try divergence(s, t, temperature), relative: 2e-5)
    }
  }

  @Test func thePermutationOfClassesDoesNotMatter() throws {
    let golden = try GoldenTensors("distillation")
    let (s, t) = (try golden["logits/student"], try golden["logits/teacher"])
    let order = try Tensor.permutation(10, Generator(seed: 1))
    expectNear(
      try ResponseDistillation.forwardKL(
        student: s.indexSelect(order, dim: 1), teacher: t.indexSelect(order, dim: 1), temperature: 2),
      try ResponseDistillation.forwardKL(student: s, teacher: t, temperature: 2))
  }

  /// T² keeps the gradient's size: for T → ∞ the loss tends to the squared error of centred logits.
  @Test func theLimitOfHighTemperatureIsTheErrorOfCentredLogits() throws {
    let golden = try GoldenTensors("distillation")
    let (value, _, _) = try Self.evaluate(
      Case(file: "distillation", name: "limit") { s, t, _ in try Self.kl(s, t, 60) })
    expectNear(value, try golden["logit_centred_limit/value"], relative: 0.02)
  }

  /// The mean over items of two halves is the mean over all, with masks when N counts valid items.
  @Test func microBatchesAddUp() throws {
    let golden = try GoldenTensors("distillation")
    let (s, t) = (try golden["logits/student"], try golden["logits/teacher"])
    let mask = try Tensor([1, 1, 0, 0, 1, 1, 1, 1] as [Float])
    let whole = try Self.kl(s, t, 2, mask: mask).item()
    let first = try Self.kl(s[0..<4], t[0..<4], 2, mask: mask[0..<4]).item()
    let second = try Self.kl(s[4..<8], t[4..<8], 2, mask: mask[4..<8]).item()
    #expect(abs(whole - (2 * first + 4 * second) / 6) < 1e-5)
  }

  @Test func aMaskOfNothingIsZeroAndHidesWhatIsNoNumber() throws {
    let values = try Tensor([1, .nan, 3, .infinity] as [Float])
    let reduce = DistillationReducer()
    #expect(try reduce(values, temperature: 2, mask: Tensor([1, 0, 1, 0] as [Float])).item() == 8)
    #expect(try reduce(values, temperature: 2, mask: Tensor([0, 0, 0, 0] as [Float])).item() == 0)
    #expect(try reduce(values, temperature: 2, mask: Tensor([true, false, false, false])).item() == 4)
  }
}
