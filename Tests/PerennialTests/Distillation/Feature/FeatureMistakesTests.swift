import Foundation
import Testing
import Torch

@testable import Perennial

/// The habits of other libraries with features, each as a test that fails when we take it over.
@Suite struct FeatureMistakesTests {
  private static func setting(_ name: String) throws -> (setting: FeatureSetting, golden: [String: Tensor]) {
    try FeatureGoldenTests.setting(#require(FeatureGoldenTests.cases.first { $0.name == name }))
  }

  /// Steps of gradient descent on all that a term learns; gives the parameters as they were and as they are.
  private static func learned(_ setting: FeatureSetting, steps: Int = 3, rate: Double = 0.05) throws -> (
    before: [String: Tensor], after: [String: Tensor]
  ) {
    let module = try #require(setting.module)
    let before = try module.stateDictionary()
    let vector = try ParameterVector(module.trainableParameters)
    for _ in 0..<steps {
      try vector.gradients.zero()
      try DistillationReducer()(setting.values()).backward()
      try noGrad { try vector.values.add(vector.gradients, scale: -rate) }
    }
    return (before, try module.stateDictionary())
  }

  /// mdistiller keeps the variances in a plain list, so that no optimizer ever sees them.
  @Test func mdistillerNeverLearnsTheVariances() throws {
    let (setting, _) = try Self.setting("vid_maps")
    let module = try #require(setting.module)
    #expect(module.trainableParameters.contains { $0.path == "0.alpha" })
    let (before, after) = try Self.learned(setting)
    let moved = try (#require(after["0.alpha"]) - #require(before["0.alpha"])).abs()
    #expect(try moved.amin([]).item() > 1e-5, "every channel's variance moves")
  }

  @Test func variancesStartAtFive() throws {
    let teacher = try Tensor.zeros([2, 3])
    let setting = try FeatureSetting(
      VariationalInformation(FeatureSetting.options { $0.taps = FeatureSetting.taps(1) }),
      [Tensor.zeros([2, 4])], [teacher])
    let alpha = try #require(setting.module?.stateDictionary()["0.alpha"])
    expectNear(try alpha.softplus() + 1e-5, try Tensor.full([3], 5.0))
  }

  /// What a term learns is neither optimised nor saved where a library forgets to say so; here it is one module.
  @Test func regressorsThatNobodyOptimisesOrSaves() throws {
    let paths: [(name: String, module: [String])] = [
      ("hint_linear", ["0.map.bias", "0.map.weight"]),
      (
        "hint_batch_norm_relu",
        [
          "0.map.weight", "0.norm.bias", "0.norm.num_batches_tracked", "0.norm.running_mean",
          "0.norm.running_var", "0.norm.weight",
        ]
      ),
      ("vid_vectors", ["0.alpha", "0.regressor.bias", "0.regressor.weight"]),
    ]
    for (name, expected) in paths {
      let (setting, _) = try Self.setting(name)
      let module = try #require(setting.module)
      #expect(try module.stateDictionary().keys.sorted() == expected, "\(name)")
    }
    for name in ["hint_linear", "ab", "ofd", "ft_mean", "review", "simkd", "vid_maps", "crd_batch"] {
      let (setting, _) = try Self.setting(name)
      let first = try DistillationReducer()(setting.values()).item()
      let (before, after) = try Self.learned(
        setting, steps: 8, rate: name == "ab" || name == "ofd" ? 2e-4 : 0.02)
      for (path, _) in try #require(setting.module).trainableParameters {
        #expect(try !#require(before[path]).equals(#require(after[path])), "\(name): \(path) learns")
      }
      #expect(try DistillationReducer()(setting.values()).item() < first, "\(name)")
      // Another term takes up where this one was.
      let (other, _) = try Self.setting(name)
      try #require(other.module).load(#require(setting.module).stateDictionary())
      try #require(setting.module).evaluate()
      try #require(other.module).evaluate()
      #expect(try other.values().values.data() == setting.values().values.data(), "\(name)")
    }
  }

  /// RepDistiller pools the channels of a factor before it normalises: an attention loss under another name.
  @Test func repDistillersFactorsAreAttention() throws {
    let golden = try GoldenTensors("distillation_features")
    let ours = try FactorTransfer.distance(
      student: golden["ft_pooled/student"], teacher: golden["ft_pooled/teacher"])
    expectNear(ours, try golden["ft_pooled/factors"])
    #expect(try (golden["ft_pooled/value"] - ours).abs().amin([]).item() > 1e-3)
    // A permutation of channels leaves attention as it is, but not the factors.
    let order = try Tensor([2, 0, 1])
    let permuted = try golden["ft_pooled/student"].indexSelect(order, dim: 1)
    let moved = try FactorTransfer.distance(student: permuted, teacher: golden["ft_pooled/teacher"])
    #expect(try (moved - ours).abs().amax([]).item() > 1e-3)
  }

  /// KD_Lib compares squares without their sum over channels, so that widths must be equal.
  @Test func kdLibsAttentionHasChannels() throws {
    let golden = try GoldenTensors("distillation_features")
    let (student, teacher) = (try golden["at_unpooled/student"], try golden["at_unpooled/teacher"])
    let ours = try AttentionTransfer.distance(student: student, teacher: teacher)
    expectNear(ours, try golden["at_unpooled/pooled"])
    #expect(try (golden["at_unpooled/value"] - ours).abs().amin([]).item() > 0.05)
    let order = try Tensor([5, 3, 0, 1, 4, 2])
    expectNear(
      try AttentionTransfer.distance(student: student.indexSelect(order, dim: 1), teacher: teacher), ours)
  }

  /// RepDistiller multiplies out `[N, C, C', H · W]`: here 2 × 1024 × 1024 × 256 numbers, 2.1 GB.
  @Test func repDistillersSelectivityNeedsMemoryForEveryPairOfPixels() throws {
    let generator = try Generator(seed: 3)
    let student = try Tensor.normal([2, 1024, 16, 16], generator)
    let teacher = try Tensor.normal([2, 1024, 16, 16], generator)
    try student.setRequiresGrad(true)
    PeakMemory.reset()
    let before = PeakMemory.bytes
    let value = try NeuronSelectivity.discrepancy(student: student, teacher: teacher).sum()
    _ = try gradients(of: value, withRespectTo: [student])
    #expect(PeakMemory.bytes - before < 400_000_000)
  }

  /// mdistiller raises an exception that does not exist for shapes its regressor cannot join.
  @Test func mdistillerHasNoWordsForOddShapes() throws {
    func refusal(_ term: any DistillationTerm, _ student: [Int], _ teacher: [Int]) -> String? {
      DistillationError.refusal {
        _ = try FeatureSetting(term, [Tensor.zeros(student)], [Tensor.zeros(teacher)])
      }
    }
    let one = FeatureSetting.taps(1)
    #expect(
      refusal(Hint(FeatureSetting.options { $0.taps = one }), [2, 4], [2, 6, 3, 3])
        == "hint: `s0` of the student gives [2, 4] and `t0` of the teacher [2, 6, 3, 3]; an adapter takes vectors "
        + "[N, D] to vectors, sequences [N, L, D] to sequences of the same length, and maps [N, C, H, W] to maps or "
        + "vectors")
    let onlyMaps: [any DistillationTerm] = [
      AttentionTransfer(FeatureSetting.options { $0.taps = one }),
      NeuronSelectivity(FeatureSetting.options { $0.taps = one }),
      FactorTransfer(FeatureSetting.options { $0.taps = one }),
    ]
    for term in onlyMaps {
      #expect(
        refusal(term, [2, 4], [2, 6])?.contains("it compares maps [N, C, H, W]") == true, "\(term.name)")
    }
    let never: [any DistillationTerm] = [
      ActivationBoundaries(FeatureSetting.options { $0.taps = one }),
      FeatureOverhaul(FeatureSetting.options { $0.taps = one }),
      VariationalInformation(FeatureSetting.options { $0.taps = one }),
      ReviewOfKnowledge(FeatureSetting.options { $0.taps = one }),
      ReusedClassifier(FeatureSetting.options { $0.taps = one }),
      Hint(FeatureSetting.options { $0.taps = one }),
    ]
    for term in never {
      #expect(refusal(term, [2, 3, 4], [2, 5, 4])?.hasPrefix("\(term.name): `s0`") == true, "\(term.name)")
      #expect(refusal(term, [2], [2, 4])?.contains("more than one number an item") == true, "\(term.name)")
    }
  }
}
