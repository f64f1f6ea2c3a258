import Testing
import Torch

@testable import Perennial

/// Against the papers' formulas in `Scripts/golden/distillation_features.py`, in float64: raw values of every item, and
/// gradients for the student's values and for all that a term learns.
@Suite struct FeatureGoldenTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let term: @Sendable (_ taps: [TapPair]) -> any DistillationTerm
    var testDescription: String { name }

    init(_ name: String, _ term: @escaping @Sendable ([TapPair]) -> any DistillationTerm) {
      (self.name, self.term) = (name, term)
    }
  }

  private static func hint(
    _ name: String, _ regressor: Adapter.Style = .linear, _ distance: Hint.Distance = .euclidean
  ) -> Case {
    Case(name) { taps in
      Hint(FeatureSetting.options { ($0.taps, $0.regressor, $0.distance) = (taps, regressor, distance) })
    }
  }

  private static func attention(_ name: String, _ distance: AttentionTransfer.Distance = .norm) -> Case {
    Case(name) { taps in
      AttentionTransfer(FeatureSetting.options { ($0.taps, $0.distance) = (taps, distance) })
    }
  }

  private static func factor(_ name: String, _ distance: FactorTransfer.Distance) -> Case {
    Case(name) { taps in
      FactorTransfer(FeatureSetting.options { ($0.taps, $0.distance) = (taps, distance) })
    }
  }

  static let cases: [Case] = [
    hint("hint_linear"), hint("hint_batch_norm", .batchNorm), hint("hint_batch_norm_relu", .batchNormReLU),
    hint("hint_equal"), hint("hint_larger"), hint("hint_smaller"), hint("hint_vectors"),
    hint("hint_map_to_vector"), hint("hint_cosine", .linear, .cosine),
    hint("hint_cosine_vectors", .linear, .cosine), hint("hint_sequences"),
    hint("hint_sequences_batch_norm", .batchNorm), hint("hint_two"),
    attention("at_norm"), attention("at_mean_squared", .meanSquared), attention("at_sizes"),
    attention("at_crossed"),
    factor("ft_mean", .meanAbsolute), factor("ft_norm", .norm), factor("ft_sizes", .meanAbsolute),
    Case("ab") { taps in ActivationBoundaries(FeatureSetting.options { $0.taps = taps }) },
    Case("ofd") { taps in FeatureOverhaul(FeatureSetting.options { $0.taps = taps }) },
    Case("nst") { taps in NeuronSelectivity(FeatureSetting.options { $0.taps = taps }) },
    Case("nst_sizes") { taps in NeuronSelectivity(FeatureSetting.options { $0.taps = taps }) },
    Case("vid_maps") { taps in VariationalInformation(FeatureSetting.options { $0.taps = taps }) },
    Case("vid_vectors") { taps in VariationalInformation(FeatureSetting.options { $0.taps = taps }) },
    Case("review") { taps in ReviewOfKnowledge(FeatureSetting.options { $0.taps = taps }) },
    Case("simkd") { taps in ReusedClassifier(FeatureSetting.options { $0.taps = taps }) },
    Case("simkd_larger") { taps in ReusedClassifier(FeatureSetting.options { $0.taps = taps }) },
    Case("simkd_smaller") { taps in ReusedClassifier(FeatureSetting.options { $0.taps = taps }) },
    Case("simkd_vectors") { taps in ReusedClassifier(FeatureSetting.options { $0.taps = taps }) },
    Case("tinybert") { _ in
      TransformerDistillation(FeatureSetting.options { ($0.studentLayers, $0.teacherLayers) = (2, 4) })
    },
    Case("minilm") { _ in
      AttentionRelations(FeatureSetting.options { ($0.studentLayer, $0.teacherLayer) = (2, 4) })
    },
    Case("crd_batch") { taps in
      ContrastiveRepresentation(
        FeatureSetting.options { ($0.taps, $0.contrast, $0.dimension) = (taps, .batch, 5) })
    },
    Case("crd_batch_by_class") { taps in
      ContrastiveRepresentation(
        FeatureSetting.options { ($0.taps, $0.contrast, $0.dimension) = (taps, .batch, 5) })
    },
  ]

  /// A term with the golden values in it.
  static func setting(_ one: Case) throws -> (setting: FeatureSetting, golden: [String: Tensor]) {
    let golden = try GoldenTensors("distillation_features").all(one.name)
    let count = golden.keys.filter { $0.hasPrefix("student.") }.count
    func tensors(_ side: String) throws -> [Tensor] {
      try (0..<count).map { try #require(golden["\(side).\($0)"]) }
    }
    var setting = try FeatureSetting(
      one.term(FeatureSetting.taps(count)), tensors("student"), tensors("teacher"))
    try setting.load(golden)
    setting.targets = golden["classes"]
    return (setting, golden)
  }

  @Test(arguments: cases)
  func valuesAndGradientsAreTheGoldenOnes(one: Case) throws {
    let (setting, golden) = try Self.setting(one)
    try Self.expectGolden(setting, setting.values(), golden)
  }

  static func expectGolden(_ setting: FeatureSetting, _ values: TermValues, _ golden: [String: Tensor]) throws
  {
    #expect(values.temperature == 1)
    expectNear(values.values, try #require(golden["value"]))
    let (students, parameters) = try setting.gradients(values, upstream: golden["upstream"])
    for (index, gradient) in students.enumerated() {
      expectNear(
        gradient, try #require(golden["gradient.student.\(index)"]), relative: 2e-5, "student \(index)")
    }
    let named = setting.module?.trainableParameters ?? []
    // A bias in front of batch normalisation has no gradient but for rounding.
    let largest =
      try golden.filter { $0.key.hasPrefix("gradient.parameter.") }.map {
        try $0.value.abs().amax([]).item()
      }.max() ?? 0
    for (entry, gradient) in zip(named, parameters) {
      let expected = try #require(golden["gradient.parameter.\(entry.path)"], "\(entry.path)")
      let worst = try (gradient - expected).abs().amax([]).item()
      let scale = try max(expected.abs().amax([]).item(), largest * 1e-2)
      #expect(worst <= 2e-5 * scale, "\(entry.path): off by \(worst), scale \(scale)")
    }
  }

  @Test func hierarchicalContextOfAStage() throws {
    let golden = try GoldenTensors("distillation_features")
    expectNear(
      try ReviewOfKnowledge.hierarchicalContext(
        student: golden["review_context/student"], teacher: golden["review_context/teacher"]),
      try golden["review_context/value"])
  }

  @Test func theMarginInClosedForm() throws {
    let golden = try GoldenTensors("distillation_features")
    expectNear(
      try FeatureOverhaul.margin(mean: golden["ofd_closed/mean"], deviation: golden["ofd_closed/deviation"]),
      try golden["ofd_closed/margin"])
  }

  /// In training the margin is the mean of all negative values so far; in evaluation it rests.
  @Test func theMarginFollowsTheTeacher() throws {
    let one = try #require(Self.cases.first { $0.name == "ofd" })
    let (setting, _) = try Self.setting(one)
    let golden = try GoldenTensors("distillation_features")
    let module = try #require(setting.module)
    func margin() throws -> Tensor { try #require(module.stateDictionary()["0.margin.mean"]) }
    _ = try setting.values()
    expectNear(try margin(), try golden["ofd_margin/first"])
    let pair = (student: setting.students[0], teacher: try golden["ofd_margin/next"])
    let six = try Tensor.concatenate([pair.student, pair.student[0..<2]])
    let next = TermSight(
      student: pair.student, teacher: pair.teacher, pairs: [(student: six, teacher: pair.teacher)],
      places: try Tensor.zeros([6], dtype: .int64))
    module.evaluate()
    _ = try setting.term.values(next)
    expectNear(try margin(), try golden["ofd_margin/first"])
    module.train()
    _ = try setting.term.values(next)
    expectNear(try margin(), try golden["ofd_margin/second"])
  }
}
