import Testing
import Torch

@testable import Perennial

/// Every term as a recipe writes it, against the formulas of the papers in `Scripts/golden/distillation_terms.py`: the
/// value, the gradient for the student, and that of what the term learns itself.
@Suite struct TermGoldenTests {
  static let response: [TermSample] = [
    TermSample("kd", "kd: {}"),
    TermSample("kd_reverse", "kd: {direction: reverse}"),
    TermSample("kd_textbrewer", "kd: {scale: none}"),
    TermSample("kd_jensen_shannon_0.1", "kd: {direction: jensen-shannon, mixture: 0.1}"),
    TermSample("kd_jensen_shannon_0.5", "kd: {direction: jensen-shannon}"),
    TermSample("kd_jensen_shannon_0.9", "kd: {direction: jensen-shannon, mixture: 0.9}"),
    TermSample("kd_jensen_shannon_trl", "kd: {direction: jensen-shannon, temperature: 1}"),
    TermSample(
      "kd_jensen_shannon_normalized_0.1",
      "kd: {direction: jensen-shannon, mixture: 0.1, normalize_mixture: true}"),
    TermSample(
      "kd_jensen_shannon_normalized_0.5",
      "kd: {direction: jensen-shannon, mixture: 0.5, normalize_mixture: true}"),
    TermSample(
      "kd_jensen_shannon_normalized_0.9",
      "kd: {direction: jensen-shannon, mixture: 0.9, normalize_mixture: true}"),
    TermSample("kd_skew_forward", "kd: {direction: skew-forward}"),
    TermSample("kd_skew_reverse", "kd: {direction: skew-reverse}"),
    TermSample("kd_standardized", "kd: {standardize: true, temperature: 2}"),
    TermSample("kd_standardized_reverse", "kd: {standardize: true, temperature: 2, direction: reverse}"),
    TermSample("kd_confidence_probability", "kd: {confidence: probability}", targets: "gaps"),
    TermSample("kd_confidence_entropy", "kd: {confidence: entropy}"),
    TermSample("kd_balanced", "kd: {class_weights: balanced}", targets: "gaps", examples: "examples"),
    TermSample("logits_mean", "logits: {}"),
    TermSample("logits_sum", "logits: {classes: sum}"),
    TermSample("logits_centred", "logits: {centred: true}"),
    TermSample("dkd", "dkd: {}"),
    TermSample("dkd_mdistiller", "dkd: {}"),
    TermSample("dkd_gaps", "dkd: {temperature: 2, target_weight: 0.5, others_weight: 2}", targets: "gaps"),
    TermSample("dkd_standardized", "dkd: {temperature: 2, standardize: true}"),
    TermSample("dkd_certain", "dkd: {temperature: 1}", on: "certain"),
    TermSample("dist", "dist: {}"),
    TermSample("dist_T4", "dist: {temperature: 4, inter_class_weight: 2, intra_class_weight: 0.5}"),
    TermSample("soft_labels", "soft-labels: {}"),
    TermSample(
      "soft_labels_smoothing", "soft-labels: {temperature: 1, correct_probability: 0.8}", targets: "gaps"),
    TermSample("wsld", "wsld: {}"),
    // The curriculum is at half its strength after half of its share of the experience.
    TermSample("ctkd", "ctkd: {}", progress: 0.02),
    TermSample("ctkd_standardized", "ctkd: {standardize: true}", progress: 1),
  ]

  static let relation: [TermSample] = [
    TermSample("rkd", "rkd: {}", on: "vectors"),
    TermSample("rkd_distances", "rkd: {distance_weight: 1, angle_weight: 0}", on: "vectors"),
    TermSample("rkd_angles", "rkd: {distance_weight: 0, angle_weight: 1}", on: "vectors"),
    TermSample("rkd_mmrazor", "rkd: {normalize: true}", on: "vectors"),
    TermSample("rkd_twins", "rkd: {}", on: "twins"),
    TermSample("rkd_far", "rkd: {}", on: "far"),
    TermSample("sp", "sp: {}", on: "vectors"),
    TermSample("sp_maps", "sp: {taps: [layer1]}", on: "maps"),
    TermSample("cc", "cc: {}", on: "vectors"),
    TermSample("cc_plain", "cc: {embedding: false, gamma: 0.7, order: 3}", on: "vectors"),
    TermSample("pkt", "pkt: {}", on: "vectors"),
    TermSample("pkt_rows", "pkt: {pairs: sum}", on: "vectors"),
    TermSample("ickd", "ickd: {}", on: "maps"),
    TermSample("ickd_connected", "ickd: {}", on: "wide"),
    TermSample("fsp", "fsp: {}", on: "stages"),
    TermSample("fsp_repdistiller", "fsp: {elements: mean}", on: "stages"),
  ]

  @Test(arguments: response + relation)
  func valueAndGradientAreTheGoldenOnes(_ sample: TermSample) throws {
    let expected = try sample.golden().all(sample.name)
    let (students, teachers) = try sample.operands()
    let term = try sample.term()
    let module = try term.build(sample.plan(students, teachers), RandomStreams(seed: 1))
    let learned = (module?.parameters ?? []).filter { expected["parameter.\($0.path)"] != nil }
    #expect(
      learned.count == expected.keys.count { $0.hasPrefix("parameter.") }, "every learned tensor is checked")
    for (path, parameter) in learned {
      try noGrad { try parameter.value.copy(from: try #require(expected["parameter.\(path)"])) }
      try parameter.value.setRequiresGrad(true)
    }

    let leaves = try TermSample.leaves(students)
    let value = try sample.loss(term, leaves, teachers)
    #expect(value.dtype == .float32)
    expectNear(value, try #require(expected["value"]), sample.name)
    let found = try gradients(of: value, withRespectTo: leaves + learned.map(\.parameter.value))
    for index in leaves.indices {
      expectNear(
        found[index], try #require(expected["gradient.student\(index)"]), relative: 3e-5,
        "gradient of student \(index)")
    }
    for (gradient, (path, _)) in zip(found[leaves.count...], learned) {
      // The curriculum climbs what the student descends, at its strength.
      let sign = sample.termName == "ctkd" ? (sample.progress == 1 ? -1 : -0.5) : 1.0
      expectNear(
        gradient, try #require(expected["gradient.\(path)"]) * sign, relative: 3e-5, "gradient of \(path)")
    }
  }

  @Test func theNormalizedDivergenceGoesOnToBothEnds() throws {
    func loss(_ mixture: Double) throws -> Double {
      try TermSample("", "kd: {direction: jensen-shannon, mixture: \(mixture), normalize_mixture: true}")
        .loss().item()
    }
    let (forward, reverse) = (
      try TermSample("", "kd").loss().item(), try TermSample("", "kd: {direction: reverse}").loss().item()
    )
    #expect(try loss(0) == forward)
    #expect(try loss(1) == reverse)
    let golden = try TermSample("", "kd").golden()
    expectNear(forward, try golden["kd_jensen_shannon_normalized_limit/value"].item(), within: 1e-4)
    #expect(try abs(loss(0.001) / forward - 1) < 0.01)
    #expect(try abs(loss(0.999) / reverse - 1) < 0.01)
  }

  @Test func aSkewOfNothingIsPlain() throws {
    expectNear(
      try TermSample("", "kd: {direction: skew-forward, skew: 0}").loss(), try TermSample("", "kd").loss())
    expectNear(
      try TermSample("", "kd: {direction: skew-reverse, skew: 0}").loss(),
      try TermSample("", "kd: {direction: reverse}").loss())
  }

  /// The paper's decomposition: KL = target part + (1 − p_t(target)) · others' part.
  @Test func decoupledPartsMakeUpTheDivergence() throws {
    let sample = TermSample("", "dkd")
    let (students, teachers) = try sample.operands()
    let targets = try sample.golden()["logits/targets"]
    let parts = try ResponseDistillation.decoupledKL(
      student: students[0], teacher: teachers[0], targets: targets, temperature: 1)
    let rest = try 1 - ResponseDistillation.targetProbability(teacher: teachers[0], targets: targets)
    expectNear(
      try parts.target + rest * parts.others,
      try ResponseDistillation.forwardKL(student: students[0], teacher: teachers[0], temperature: 1))
  }

  @Test func balancedWeightsAreOneOnAverage() throws {
    let targets = [0, 0, 0, 2, 2, 3, -1, -1, 9]
    let weights = ResponseDistillation.balancedClassWeights(targets: targets, classes: 5)
    #expect(weights == [6.0 / 9, 1, 1, 2, 1])
    #expect(ResponseDistillation.balancedClassWeights(targets: [], classes: 2) == [1, 1])
  }
}
