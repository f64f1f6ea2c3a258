import Testing
import Torch

@testable import Perennial

/// What holds for every feature term, or for those of which it is true.
@Suite struct FeatureLawTests {
  /// Case names of the golden tests, one a term and shape.
  static let names = FeatureGoldenTests.cases.map(\.name)

  private static func setting(_ name: String) throws -> FeatureSetting {
    try FeatureGoldenTests.setting(#require(FeatureGoldenTests.cases.first { $0.name == name })).setting
  }

  @Test(arguments: names)
  func gradientsReachTheStudentAndWhatTheTermLearns(name: String) throws {
    let setting = try Self.setting(name)
    let values = try setting.values()
    #expect(values.values.shape == [setting.students[0].shape[0]], "raw values, one an item")
    let (students, parameters) = try setting.gradients(values)
    for gradient in students { #expect(try gradient.abs().amax([]).item() > 1e-7) }
    let named = setting.module?.trainableParameters ?? []
    for (entry, gradient) in zip(named, parameters) {
      #expect(try gradient.abs().amax([]).item() > 0, "\(entry.path)")
    }
  }

  @Test(arguments: names)
  func theTeachersValuesStay(name: String) throws {
    let setting = try Self.setting(name)
    let before = try setting.teachers.map { try $0.data() }
    _ = try setting.gradients(setting.values())
    #expect(try setting.teachers.map { try $0.data() } == before)
    #expect(try setting.teachers.allSatisfy { try !$0.requiresGrad && $0.gradient == nil })
  }

  @Test(arguments: names.filter { !$0.hasPrefix("vid") })
  func theyAreNeverNegative(name: String) throws {
    #expect(try Self.setting(name).values().values.amin([]).item() >= 0)
  }

  private static func draw(_ shape: [Int]) throws -> Tensor { try Tensor.normal(shape, Generator(seed: 12)) }

  /// A student that is its own teacher, without adapters between.
  @Test func theyAreZeroAtIdentity() throws {
    let map = try Self.draw([3, 4, 6, 6])
    let equal: [(String, () throws -> Tensor)] = [
      ("hint", { try Hint.Distance.euclidean(student: map, teacher: map) }),
      ("cosine", { try Hint.Distance.cosine(student: map, teacher: map) }),
      ("at", { try AttentionTransfer.distance(student: map, teacher: map) }),
      ("ft", { try FactorTransfer.distance(student: map, teacher: map) }),
      ("ofd", { try FeatureOverhaul.partialDistance(student: map, teacher: map) }),
      ("nst", { try NeuronSelectivity.discrepancy(student: map, teacher: map) }),
      ("review", { try ReviewOfKnowledge.hierarchicalContext(student: map, teacher: map) }),
    ]
    for (name, distance) in equal {
      #expect(try distance().abs().amax([]).item() < 1e-6, "\(name)")
    }
    // Boundaries are at rest where the student is on the right side by the margin.
    #expect(try ActivationBoundaries.distance(student: map.sign() * 1.01, teacher: map).amax([]).item() == 0)
  }

  /// At identity the length of a difference has no direction; its gradient must still be a number.
  @Test func attentionAtIdentityHasAGradient() throws {
    let map = try Self.draw([3, 4, 6, 6])
    let student = try map.clone()
    try student.setRequiresGrad(true)
    let value = try AttentionTransfer.distance(student: student, teacher: map).sum()
    let gradient = try gradients(of: value, withRespectTo: [student])[0]
    #expect(try gradient.abs().amax([]).item() == 0)
  }

  /// Nothing below the margin is asked of the student where the teacher's activation is off.
  @Test func whatTheActivationThrowsAwayIsFree() throws {
    let teacher = try Tensor([-0.5, -0.5, 0.5] as [Float], shape: [1, 3])
    let student = try Tensor([-9, -0.25, -9] as [Float], shape: [1, 3])
    let expected = 0.25 * 0.25 + 9.5 * 9.5
    #expect(
      try abs(FeatureOverhaul.partialDistance(student: student, teacher: teacher).item() - expected) < 1e-4)
  }

  /// Earlier stages count half as much as the next deeper one.
  @Test func depthFactors() {
    func term(_ count: Int) -> ActivationBoundaries {
      ActivationBoundaries(FeatureSetting.options { $0.taps = FeatureSetting.taps(count) })
    }
    #expect((0..<3).map { term(3).depthFactor($0) } == [0.25, 0.5, 1])
    #expect(term(1).depthFactor(0) == 1)
  }

  /// Values of an item do not know the other items where no batch normalisation stands between.
  @Test(arguments: [
    "hint_linear", "at_norm", "nst", "vid_maps", "hint_cosine", "hint_sequences", "simkd_vectors",
  ])
  func microBatchesGiveTheSame(name: String) throws {
    let setting = try Self.setting(name)
    let whole = try setting.values().values
    let sight = try setting.sight()
    let parts = try [0..<1, 1..<whole.count].map { range in
      try setting.term.values(
        TermSight(
          student: sight.student, teacher: sight.teacher,
          pairs: sight.pairs.map { (student: try $0.student[range], teacher: try $0.teacher[range]) },
          places: sight.places[range])
      ).values
    }
    expectNear(try Tensor.concatenate(parts), whole)
  }

  @Test func aTermThatWasNotBuiltSaysSo() throws {
    let empty = TermSight(
      student: try Tensor.zeros([2, 0]), teacher: try Tensor.zeros([2, 0]),
      places: try Tensor.zeros([2], dtype: .int64))
    let terms: [any DistillationTerm] = [
      Hint(), AttentionTransfer(), FactorTransfer(), ActivationBoundaries(), FeatureOverhaul(),
      NeuronSelectivity(), VariationalInformation(), ContrastiveRepresentation(), ReviewOfKnowledge(),
      ReusedClassifier(),
    ]
    for term in terms {
      #expect(
        DistillationError.refusal { _ = try term.values(empty) }?.contains("has not been built") == true,
        "\(term.name)")
      #expect(
        DistillationError.refusal { _ = try term.build(TermPlan(outputs: 2), RandomStreams(seed: 1)) } != nil,
        "\(term.name)")
    }
  }

  /// Recipes name every term, with pairs of taps or one name for both.
  @Test func recipesNameThem() throws {
    let names = ["hint", "at", "ft", "ab", "ofd", "nst", "vid", "crd", "review", "sim-kd"]
    for name in names {
      let term = try TermRegistry.make(Selection(name))
      #expect(term.name == name && !term.pairs.isEmpty)
      let one = try TermRegistry.make(
        Selection(ConfigurationNode(yaml: "\(name): {taps: [[layer1, conv2]]}", source: "test.yaml")))
      #expect(one.pairs == [TapPair("layer1", "conv2")], "\(name)")
      let short = try TermRegistry.make(
        Selection(ConfigurationNode(yaml: "\(name): {taps: [features]}", source: "test.yaml")))
      #expect(short.pairs == [TapPair("features", "features")], "\(name)")
    }
    for bad in ["[]", "[[a]]", "[[a, b, c]]", "[{a: b}]"] {
      #expect(throws: ConfigurationError.self, "\(bad)") {
        try TermRegistry.make(
          Selection(ConfigurationNode(yaml: "hint: {taps: \(bad)}", source: "test.yaml")))
      }
    }
    #expect(throws: ConfigurationError.self) {
      try TermRegistry.make(Selection(ConfigurationNode(yaml: "crd: {taps: [a, b]}", source: "test.yaml")))
    }
    let taps = TermRegistry.cards.first { $0.name == "at" }?.defaults.first { $0.key == "taps" }
    #expect(taps?.value.contains("layer2") == true)
  }
}
