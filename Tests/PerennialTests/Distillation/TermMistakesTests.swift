import Testing
import Torch

@testable import Perennial

/// The habits of other libraries in these terms, each as a test that fails when we take it over.
@Suite struct TermMistakesTests {
  static func loss(_ yaml: String, on group: String = "logits") throws -> Double {
    try TermSample("", yaml, on: group).loss().item()
  }

  static func golden(_ key: String) throws -> Double {
    try GoldenTensors("distillation_terms")["\(key)/value"].item()
  }

  static func gradient(_ sample: TermSample, _ student: Tensor, _ teacher: Tensor) throws -> Tensor {
    let leaves = try TermSample.leaves([student])
    return try gradients(of: sample.loss(leaves, [teacher]), withRespectTo: leaves)[0]
  }

  // MARK: - Response

  /// TextBrewer, TinyBERT, TRL, Avalanche, PyCIL, FACIL and Mammoth leave T² out; here one has to ask for it.
  @Test func textBrewerForgetsTheSquareOfTheTemperature() throws {
    #expect(try abs(Self.loss("kd") / Self.golden("kd_textbrewer") - 16) < 1e-4)
  }

  /// KD_Lib hands teacher and student over the wrong way round: what it minimises is the other divergence.
  @Test func kdLibSwapsTheArguments() throws {
    let (forward, reverse) = (try Self.loss("kd"), try Self.loss("kd: {direction: reverse}"))
    #expect(abs(forward - reverse) > 0.05 * forward)
    let sample = TermSample("", "kd")
    let (students, teachers) = try sample.operands()
    #expect(try abs(sample.loss(teachers, students).item() - reverse) < 1e-5 * reverse)
  }

  /// TRL's divergence is KL at β = 0 and nearly nothing at β = 0.01.
  @Test func trlJumpsAtTheEndsOfTheMixture() throws {
    let (forward, reverse) = (try Self.loss("kd"), try Self.loss("kd: {direction: reverse}"))
    #expect(try Self.loss("kd: {direction: jensen-shannon, mixture: 0.01}") < 0.02 * forward)
    func normalized(_ mixture: Double) throws -> Double {
      try Self.loss("kd: {direction: jensen-shannon, mixture: \(mixture), normalize_mixture: true}")
    }
    #expect(try abs(normalized(0.01) / forward - 1) < 0.1)
    #expect(try abs(normalized(0.99) / reverse - 1) < 0.1)
    let term = { try TermSample("", "kd: {direction: jensen-shannon, mixture: 0}").term() }
    #expect(throws: ConfigurationError.self) { _ = try term() }
  }

  /// mdistiller takes the logarithm of a sum of probabilities that can be 0.
  @Test func mdistillerTakesTheLogarithmOfNothing() throws {
    let golden = try GoldenTensors("distillation_terms")
    let own = try golden["certain/targets"].oneHot(classes: 5)
    let rest = try (golden["certain/student0"].softmax() * (1 - own)).sum([1]).log()
    #expect(try rest.isFinite().any().item() == 0)
    let sample = TermSample("", "dkd: {temperature: 1}", on: "certain")
    let (students, teachers) = try sample.operands()
    #expect(try Self.gradient(sample, students[0], teachers[0]).isFinite().all().item() == 1)
  }

  /// MMRazor's decoupled loss is a sum over the batch, whatever it is asked for.
  @Test func mmrazorSumsDecoupledPartsOverTheBatch() throws {
    #expect(try abs(Self.golden("dkd_mmrazor") / Self.loss("dkd") - 8) < 1e-4)
  }

  /// mdistiller#60: among the others of two classes there is nothing to distribute.
  @Test func mdistillerDecouplesTwoClasses() throws {
    let term = try TermSample("", "dkd").term()
    #expect(throws: DistillationError.self) { try term.build(TermPlan(outputs: 2), RandomStreams(seed: 1)) }
    #expect(try term.build(TermPlan(outputs: 3), RandomStreams(seed: 1)) == nil)
  }

  /// MLKD of Logit Standardization averages first and weighs the mean: which items count more is lost.
  @Test func logitStandardizationWeighsTheMeanInsteadOfItems() throws {
    let sample = TermSample("", "kd: {confidence: entropy}")
    let (_, teachers) = try sample.operands()
    let theirs = try ResponseDistillation.certainty(teacher: teachers[0]).mean().item() * Self.loss("kd")
    #expect(try abs(sample.loss().item() / theirs - 1) > 0.01)
  }

  /// torchdistill's DIST+ adds a correlation where it should be subtracted, so that minimising it decorrelates.
  @Test func torchdistillDecorrelates() throws {
    let sample = TermSample("", "dist")
    let (students, teachers) = try sample.operands()
    func correlation(_ logits: Tensor) throws -> Double {
      let (s, t) = (try logits.softmax(), try teachers[0].softmax())
      return try (s - s.mean([0])).cosineSimilarity(t - t.mean([0]), dim: 0).mean().item()
    }
    let gradient = try Self.gradient(sample, students[0], teachers[0])
    let before = try correlation(students[0])
    #expect(try correlation(students[0] - gradient) > before + 1e-3)
    #expect(try correlation(students[0] + gradient) < before - 1e-3)
  }

  /// Tf-KD's code divides by the number of classes too, and softens probabilities instead of logits.
  @Test func teacherFreeDistillationAveragesOverClassesToo() throws {
    let released = try Self.loss("soft-labels: {variant: released, correct_probability: 0.99}")
    #expect(try abs(released / Self.golden("soft_labels_released") - 7) < 1e-4)
    let sample = TermSample("", "soft-labels: {variant: released, correct_probability: 0.99}")
    let (students, teachers) = try sample.operands()
    expectNear(
      try Self.gradient(sample, students[0], teachers[0]) / 7,
      try GoldenTensors("distillation_terms")["soft_labels_released/gradient.student0"], relative: 3e-5)
  }

  /// The code of weighted soft labels has the cross-entropy, which does not end at 0; the gradient is the same.
  @Test func weightedSoftLabelsDoNotEndAtZero() throws {
    let sample = TermSample("", "wsld")
    let (students, teachers) = try sample.operands()
    #expect(try Self.golden("wsld_released") > Self.loss("wsld") * 1.1)
    expectNear(
      try Self.gradient(sample, students[0], teachers[0]),
      try GoldenTensors("distillation_terms")["wsld_released/gradient.student0"], relative: 3e-5)
  }

  /// Items of classes that teacher and student do not share have index −1: as an index it would be the last class.
  @Test(arguments: ["dkd", "wsld", "soft-labels", "kd: {confidence: probability}"])
  func unknownClassesAreNotTheLastOne(_ yaml: String) throws {
    let sample = TermSample("", yaml, targets: "gaps")
    let (students, teachers) = try sample.operands()
    let known = try sample.golden()["logits/gaps"] .>= 0
    let rows = try known.nonzero().squeeze(1)
    #expect(rows.count == 5)
    expectNear(
      try sample.loss(),
      try sample.loss(
        [students[0].indexSelect(rows)], [teachers[0].indexSelect(rows)],
        targets: sample.golden()["logits/gaps"].indexSelect(rows)))
    let gradient = try Self.gradient(sample, students[0], teachers[0])
    #expect(try gradient.abs().sum([1]).maskedSelect(known.logicalNot()).amax([]).item() == 0)
  }

  @Test(arguments: ["dkd", "wsld", "soft-labels", "kd: {confidence: probability}"])
  func classesAreNeeded(_ yaml: String) throws {
    let outputs = try Tensor.ones([2, 4])
    let sight = TermSight(student: outputs, teacher: outputs, places: try Tensor.arange(0, 2))
    #expect(throws: DistillationError.self) { try TermSample("", yaml).term().values(sight) }
  }

  // MARK: - Relation

  /// RepDistiller bounds squared distances by 10⁻¹² before the root, which in float16 is 0: the gradient is infinite.
  @Test func repDistillerHasInfiniteGradientsInHalfPrecision() throws {
    let points = try TermSample("", "rkd", on: "twins").operands().students[0].to(.float16)
    let leaves = try TermSample.leaves([points])
    let squares = try leaves[0].unsqueeze(0) - leaves[0].unsqueeze(1)
    let theirs = try squares.square().sum([2]).clamp(min: 1e-12).sqrt()
    #expect(try gradients(of: theirs.sum(), withRespectTo: leaves)[0].isFinite().all().item() == 0)
    let sample = TermSample("", "rkd", on: "twins")
    let ours = try Self.gradient(sample, points, try sample.operands().teachers[0])
    #expect(try ours.isFinite().all().item() == 1 && ours.abs().amax([]).item() > 1e-3)
  }

  /// Where all items are at one place there are no distances at all.
  @Test func aCollapsedStudentHasFiniteRelations() throws {
    for term in ["rkd", "sp", "cc: {embedding: false}", "pkt"] {
      let sample = TermSample("", term, on: "vectors")
      let teacher = try sample.operands().teachers[0]
      for value in [0.0, 3] {
        let student = try Tensor.full([6, 5], value)
        #expect(try sample.loss([student], [teacher]).isFinite().item() == 1, "\(term) at \(value)")
        let gradient = try Self.gradient(sample, student, teacher)
        #expect(try gradient.isFinite().all().item() == 1, "\(term) at \(value)")
        #expect(try gradient.abs().amax([]).item() < 1e3, "\(term) at \(value)")
      }
    }
  }

  /// A row of zeros divided by max(norm, 10⁻¹²), as PyTorch's `normalize` has it, gets a gradient of that size.
  @Test(arguments: ["sp", "pkt", "cc: {embedding: false}"])
  func pyTorchNormalisesNothingByAlmostNothing(_ yaml: String) throws {
    let sample = TermSample("", yaml, on: "vectors")
    let (students, teachers) = try sample.operands()
    let alive = try Tensor([1, 1, 0, 1, 1, 1] as [Float]).unsqueeze(1)
    let leaves = try TermSample.leaves([students[0] * alive])
    let lengths = try leaves[0].norm([1], keepDims: true).clamp(min: 1e-12)
    let cosines = try (leaves[0] / lengths).matmul((leaves[0] / lengths).T)
    #expect(try gradients(of: cosines.sum(), withRespectTo: leaves)[0].abs().amax([]).item() > 1e9)
    #expect(try Self.gradient(sample, students[0] * alive, teachers[0]).abs().amax([]).item() < 10)
  }

  /// RepDistiller's CC multiplies differences of neighbours and lets both sides learn: equal constants have loss 0.
  @Test func repDistillerHasATrivialCorrelationCongruence() throws {
    let sample = TermSample("", "cc", on: "vectors")
    let (students, teachers) = try sample.operands()
    let term = try sample.term()
    let module = try #require(try term.build(sample.plan(students, teachers), RandomStreams(seed: 1)))
    #expect(
      module.parameters.map(\.path) == ["0.weight", "0.bias"], "nothing is learned on the teacher's side")
    try noGrad { for (path, one) in module.parameters { try one.value.fill(path == "0.bias" ? 1 : 0) } }
    // All embeddings are the same now, and so would be those of a teacher that learns the same constant.
    let constant = try Tensor.ones([6, 9])
    let delta = try (constant - constant).abs()
    #expect(try (delta[0..<5] * delta[1..<6]).sum([1]).mean().item() == 0)
    #expect(try sample.loss(term, students, teachers).item() > 0.01)
    #expect(
      try abs(Self.golden("cc_repdistiller") / Self.loss("cc: {embedding: false}", on: "vectors") - 1) > 0.5)
  }

  /// torchdistill's CC is the norm of the difference, not its square, and its vectors have any length.
  @Test func torchdistillTakesTheRootOfTheCongruence() throws {
    let ours = try Self.loss("cc: {embedding: false, gamma: 0.7, order: 3}", on: "vectors")
    #expect(try abs(Self.golden("cc_torchdistill") / ours - 1) > 0.5)
    let sample = TermSample("", "cc: {embedding: false, gamma: 0.7, order: 3}", on: "vectors")
    let (students, teachers) = try sample.operands()
    expectNear(try sample.loss([students[0] * 4], teachers), try sample.loss(students, teachers))
  }

  /// The authors of PKT average over all pairs, so that the weight that fits depends on the size of the batch.
  @Test func probabilisticTransferAveragesOverPairs() throws {
    #expect(
      try abs(Self.loss("pkt: {pairs: sum}", on: "vectors") / Self.loss("pkt", on: "vectors") - 6) < 1e-3)
  }

  /// RepDistiller averages over the elements of a flow, torchdistill pools by the largest value and sums the norms of
  /// columns.
  @Test func flowsDifferFromLibraryToLibrary() throws {
    let ours = try Self.loss("fsp", on: "stages")
    #expect(try Self.golden("fsp_repdistiller") < ours / 7)
    #expect(try abs(Self.golden("fsp_torchdistill") / ours - 1) > 0.05)
  }

  @Test func flowsNeedTheSameChannelsInBothModels() throws {
    let term = try TermSample("", "fsp: {taps: [layer1, layer2]}").term()
    func plan(_ channels: Int) -> TermPlan {
      TermPlan(
        shapes: [4, 8].map { .init(student: [2, $0, 6, 6], teacher: [2, $0 == 8 ? channels : $0, 6, 6]) },
        outputs: 7)
    }
    #expect(try term.build(plan(8), RandomStreams(seed: 1)) == nil)
    let refusal = #expect(throws: DistillationError.self) { try term.build(plan(16), RandomStreams(seed: 1)) }
    #expect(refusal?.description.contains("`layer2`") == true)
    #expect(throws: ConfigurationError.self) { try TermSample("", "fsp: {taps: [layer1]}").term() }
  }

  @Test(arguments: ["ickd", "fsp"])
  func relationsBetweenChannelsNeedMaps(_ name: String) throws {
    let vectors = TermPlan.Shapes(student: [2, 8], teacher: [2, 8])
    let term = try TermSample("", name).term()
    let plan = TermPlan(shapes: term.pairs.map { _ in vectors }, outputs: 7)
    #expect(throws: DistillationError.self) { try term.build(plan, RandomStreams(seed: 1)) }
  }

  /// What a term learns is found by the optimizer, and starts the same for the same seed.
  @Test(arguments: [("cc", "vectors"), ("ickd", "wide")])
  func whatIsLearnedComesFromTheSeed(_ name: String, _ group: String) throws {
    let sample = TermSample("", name, on: group)
    let (students, teachers) = try sample.operands()
    func weights(_ seed: UInt64) throws -> Tensor {
      let module = try sample.term().build(sample.plan(students, teachers), RandomStreams(seed: seed))
      let state = try #require(module).stateDictionary()
      return try #require(state.first { $0.key.hasSuffix("0.weight") }?.value)
    }
    let (first, again, other) = (try weights(1), try weights(1), try weights(2))
    #expect(try first.equals(again))
    #expect(try !first.equals(other))
  }
}
