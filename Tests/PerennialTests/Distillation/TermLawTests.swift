import Testing
import Torch

@testable import Perennial

/// What must hold for every term between outputs or between items, whatever it computes.
@Suite struct TermLawTests {
  static let response: [TermSample] = [
    TermSample("kd", "kd"),
    TermSample("kd reverse", "kd: {direction: reverse}"),
    TermSample("kd jensen-shannon", "kd: {direction: jensen-shannon, mixture: 0.3}"),
    TermSample("kd normalized", "kd: {direction: jensen-shannon, mixture: 0.3, normalize_mixture: true}"),
    TermSample("kd skew-forward", "kd: {direction: skew-forward}"),
    TermSample("kd skew-reverse", "kd: {direction: skew-reverse}"),
    TermSample("kd standardized", "kd: {standardize: true}"),
    TermSample("kd probability", "kd: {confidence: probability}", targets: "gaps"),
    TermSample("kd entropy", "kd: {confidence: entropy}"),
    TermSample("kd balanced", "kd: {class_weights: balanced}", targets: "gaps"),
    TermSample("logits", "logits"),
    TermSample("logits centred", "logits: {centred: true, classes: sum}"),
    TermSample("dkd", "dkd", targets: "gaps"),
    TermSample("dkd standardized", "dkd: {standardize: true}"),
    TermSample("dist", "dist"),
    TermSample("soft-labels", "soft-labels", targets: "gaps"),
    TermSample("soft-labels released", "soft-labels: {variant: released}"),
    TermSample("wsld", "wsld", targets: "gaps"),
    TermSample("ctkd", "ctkd", progress: 0.5),
    TermSample("ctkd standardized", "ctkd: {standardize: true}", progress: 0.5),
  ]

  static let relation: [TermSample] = [
    TermSample("rkd", "rkd", on: "vectors"),
    TermSample("rkd normalized", "rkd: {normalize: true}", on: "vectors"),
    TermSample("rkd of maps", "rkd", on: "maps"),
    TermSample("sp", "sp", on: "vectors"),
    TermSample("sp of maps", "sp", on: "maps"),
    TermSample("cc", "cc", on: "vectors"),
    TermSample("cc plain", "cc: {embedding: false}", on: "vectors"),
    TermSample("pkt", "pkt", on: "vectors"),
    TermSample("ickd", "ickd", on: "maps"),
    TermSample("ickd connected", "ickd", on: "wide"),
    TermSample("fsp", "fsp", on: "stages"),
    TermSample("fsp mean", "fsp: {elements: mean}", on: "stages"),
  ]

  static let all = response + relation

  @Test func everyTermIsHere() {
    let tested = Set(Self.all.map(\.termName))
    for card in TermRegistry.cards where card.family != .feature {
      #expect(tested.contains(card.name), "\(card.name) obeys no law")
    }
  }

  /// Labels do not depend on the teacher, and an embedding stands between student and teacher.
  private static let notZeroAtIdentity: Set = ["soft-labels", "soft-labels released", "cc", "ickd connected"]

  @Test(arguments: all)
  func nothingIsLostBetweenEquals(_ sample: TermSample) throws {
    let (students, teachers) = try sample.operands()
    let apart = try sample.loss(students, teachers).item()
    #expect(apart > 1e-4 && apart.isFinite)
    guard !Self.notZeroAtIdentity.contains(sample.name) else { return }
    #expect(try abs(sample.loss(students, students).item()) < 1e-6 * max(1, apart))
  }

  @Test(arguments: all)
  func valuesAreNeverNegative(_ sample: TermSample) throws {
    let (students, teachers) = try sample.operands()
    let term = try sample.term()
    _ = try term.build(sample.plan(students, teachers), RandomStreams(seed: 1))
    for scale in [0.01, 1, 10] {
      let values = try term.values(sample.sight(students.map { try $0 * scale }, teachers)).values
      #expect(try values.amin([]).item() >= -1e-6, "at scale \(scale)")
    }
  }

  @Test(arguments: all)
  func gradientsReachTheStudentAndNeverTheTeacher(_ sample: TermSample) throws {
    let (students, teachers) = try sample.operands()
    let term = try sample.term()
    let module = try term.build(sample.plan(students, teachers), RandomStreams(seed: 1))
    let learned = (module?.trainableParameters ?? []).map(\.parameter.value)
    for parameter in learned { try parameter.setRequiresGrad(true) }
    let (s, t) = (try TermSample.leaves(students), try TermSample.leaves(teachers))
    let found = try gradients(
      of: sample.loss(term, s, t), withRespectTo: s + learned + t, allowUnused: true)
    for gradient in found.prefix(s.count + learned.count) {
      #expect(try gradient.isFinite().all().item() == 1)
      #expect(try gradient.abs().amax([]).item() > 1e-7)
    }
    for gradient in found.suffix(t.count) { #expect(try gradient.abs().amax([]).item() == 0) }
  }

  @Test(arguments: all)
  func theOrderOfItemsDoesNotMatter(_ sample: TermSample) throws {
    let (students, teachers) = try sample.operands()
    let order = try Tensor.permutation(students[0].shape[0], Generator(seed: 3))
    let targets = try sample.isResponse ? sample.golden()["logits/\(sample.targets)"].indexSelect(order) : nil
    expectNear(
      try sample.loss(
        students.map { try $0.indexSelect(order) }, teachers.map { try $0.indexSelect(order) },
        targets: targets),
      try sample.loss(), relative: 2e-5)
  }

  @Test(arguments: response)
  func theOrderOfClassesDoesNotMatter(_ sample: TermSample) throws {
    let (students, teachers) = try sample.operands()
    let order = try Tensor.permutation(7, Generator(seed: 3))
    let targets = try sample.golden()["logits/\(sample.targets)"]
    let moved = try Tensor.choose(
      targets .>= 0, order.argsort(0).indexSelect(targets.maximum(targets.zerosLike())), targets)
    expectNear(
      try sample.loss(
        students.map { try $0.indexSelect(order, dim: 1) },
        teachers.map { try $0.indexSelect(order, dim: 1) },
        targets: moved),
      try sample.loss(), relative: 2e-5)
  }

  /// What an item gives does not depend on its company, so that micro-batches add up to the batch.
  @Test(arguments: all)
  func itemsKeepTheirValuesInMicroBatches(_ sample: TermSample) throws {
    let (students, teachers) = try sample.operands()
    let count = students[0].shape[0]
    func values(_ range: Range<Int>) throws -> TermValues {
      let term = try sample.term()
      _ = try term.build(sample.plan(students, teachers), RandomStreams(seed: 1))
      let targets = try sample.isResponse ? sample.golden()["logits/\(sample.targets)"][range] : nil
      return try term.values(
        sample.sight(students.map { try $0[range] }, teachers.map { try $0[range] }, targets: targets))
    }
    let whole = try values(0..<count)
    guard whole.values.rank == 1 else {
      #expect(whole.values.rank == 0 && (sample.termName == "dist" || !sample.isResponse))
      return
    }
    #expect(whole.values.shape == [count])
    // Batch normalisation in the connector follows the batch.
    guard sample.name != "ickd connected" else { return }
    let parts = [try values(0..<1), try values(1..<count)]
    expectNear(try Tensor.concatenate(parts.map(\.values)), whole.values, relative: 2e-6)
    #expect(parts.allSatisfy { ($0.valid == nil) == (whole.valid == nil) })
    if let valid = whole.valid {
      #expect(try Tensor.concatenate(parts.compactMap(\.valid)).equals(valid))
    }
  }

  @Test(arguments: all, [DType.float16, .bfloat16])
  func lossesAreFloat32WhateverComesIn(_ sample: TermSample, _ precision: DType) throws {
    let (students, teachers) = try sample.operands()
    let half = try TermSample.leaves(students.map { try $0.to(precision) })
    let term = try sample.term()
    _ = try term.build(sample.plan(students, teachers), RandomStreams(seed: 1))
    let loss = try sample.loss(term, half, teachers.map { try $0.to(precision) })
    #expect(loss.dtype == .float32)
    let rounded = { (tensor: Tensor) in try tensor.to(precision).to(.float32) }
    let again = try sample.term()
    _ = try again.build(sample.plan(students, teachers), RandomStreams(seed: 1))
    #expect(try loss.item() == sample.loss(again, students.map(rounded), teachers.map(rounded)).item())
    for gradient in try gradients(of: loss, withRespectTo: half) {
      #expect(gradient.dtype == precision)
      #expect(try gradient.isFinite().all().item() == 1)
    }
  }

  /// T² keeps gradients at one size: for T → ∞ the divergences that are quadratic at identity become the squared error of
  /// centred logits over 2 C.
  @Test(arguments: ["forward", "reverse", "jensen-shannon, mixture: 0.3, normalize_mixture: true"])
  func theLimitOfHighTemperatureIsTheErrorOfCentredLogits(_ direction: String) throws {
    let hot = TermSample("", "kd: {direction: \(direction), temperature: 60}")
    let limit = TermSample("", "logits: {classes: sum, centred: true}")
    let (students, teachers) = try hot.operands()
    let s = try TermSample.leaves(students)
    let (a, b) = (try hot.loss(s, teachers), try limit.loss(s, teachers) / 14)
    expectNear(a, b, relative: 0.05)
    expectNear(
      try gradients(of: a, withRespectTo: s)[0], try gradients(of: b, withRespectTo: s)[0], relative: 0.05)
  }

  @Test(arguments: response.filter { !$0.yaml.contains("logits") && $0.termName != "soft-labels" })
  func aDistributionDoesNotKnowByHowMuchItsLogitsAreMoved(_ sample: TermSample) throws {
    let (students, teachers) = try sample.operands()
    expectNear(
      try sample.loss([students[0] + 3], [teachers[0] - 5]), try sample.loss(students, teachers),
      relative: 3e-5)
  }

  @Test(arguments: ["kd", "dkd", "ctkd"])
  func standardizedLogitsHaveNoScale(_ name: String) throws {
    let sample = TermSample("", "\(name): {standardize: true}")
    let (students, teachers) = try sample.operands()
    expectNear(
      try sample.loss([students[0] * 5], [teachers[0] * 0.2]), try sample.loss(students, teachers),
      relative: 3e-5)
    let plain = TermSample("", name)
    #expect(
      try abs(plain.loss([students[0] * 5], teachers).item() / plain.loss(students, teachers).item() - 1)
        > 0.1)
  }

  @Test func distancesKnowNoOriginNoScaleAndNoRotation() throws {
    let sample = TermSample("", "rkd", on: "vectors")
    let (students, teachers) = try sample.operands()
    let rotation = try Tensor.normal([5, 5], Generator(seed: 2)).qr().q
    expectNear(
      try sample.loss([students[0].matmul(rotation) * 3 + 7], teachers), try sample.loss(students, teachers),
      relative: 3e-5)
  }
}
