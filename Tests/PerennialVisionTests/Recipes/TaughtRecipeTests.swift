import Foundation
import Testing
import Torch

@testable import Perennial
@testable import PerennialVision

/// Recipes in which models teach, on the digits that come with Perennial.
@Suite struct TaughtRecipeTests {
  static func recipe(_ arms: String, teachers: String = "", data: String = "{digits: {limit: 8}}") throws
    -> Recipe
  {
    try Recipe(
      yaml: """
        name: taught
        stream: {data: \(data), scenario: class, experiences: 1}
        model: {cifar-resnet: {depth: 8, width: 4}}
        training: {optimizer: {sgd: {lr: 0.05}}, batch: 16, steps: 4}
        \(teachers)
        strategies:
        \(arms)
        seeds: [0]
        """, source: "taught.yaml")
  }

  static func run<Result>(_ recipe: Recipe, _ body: (RunFolder, RunResults) throws -> Result) throws
    -> Result
  {
    let place = FileManager.default.temporaryDirectory.appendingPathComponent("taught-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: place) }
    let modality = VisionModality(root: DataRoot(place.path))
    try Experiment.check(recipe, modality: modality)
    let folder = try RunFolder.create(for: recipe, in: place)
    return try body(folder, Experiment(recipe, folder: folder, modality: modality).run())
  }

  /// Maps of other widths: the projector is part of the student, counted and saved, and the student can teach.
  @Test func aStudentKeepsTheProjectorAndTheTeachersClassifier() throws {
    let recipe = try Self.recipe(
      """
        big: {model: {cifar-resnet: {depth: 8, width: 8}}, strategies: []}
        alone: []
        reused: [{sim-kd: {teacher: big}}]
        taught: [{distillation: {teacher: reused}}]
      """)
    try Self.run(recipe) { folder, results in
      func tensors(_ arm: String) throws -> [String: Tensor] {
        try Safetensors.read(folder.student(of: arm, seed: 0)).tensors
      }
      let (big, own) = (try tensors("big"), try tensors("reused"))
      #expect(try own["linear.weight"]?.data() == big["linear.weight"]?.data())
      #expect(own["projector.0.weight"]?.shape == [16, 16, 1, 1])
      #expect(own["projector.6.weight"]?.shape == [32, 16, 1, 1])
      let counts = Dictionary(uniqueKeysWithValues: results.runs.map { ($0.strategy, $0.cost.parameters) })
      let projector = own.filter { $0.key.hasPrefix("projector.") && $0.value.dtype == .float32 }
        .filter { !$0.key.contains("running") }.reduce(0) { $0 + $1.value.count }
      #expect(counts["reused"] == (counts["alone"] ?? 0) - 16 * 10 + 32 * 10 + projector)
      #expect(results.runs.last?.transfer?.comparisons.map(\.teacher) == ["reused"])
    }
  }

  @Test func peersAreModelsOfARecipe() throws {
    let recipe = try Self.recipe(
      "  mutual: [{mutual-learning: {peers: [{mlp: {hidden: [8]}}, {small-cnn: {channels: [4]}}]}}]")
    try Self.run(recipe) { _, results in #expect(results.runs.map(\.strategy) == ["mutual"]) }
    let wrong = try Self.recipe("  mutual: [{mutual-learning: {peers: [{mlp: {hiden: [8]}}]}}]")
    let error = #expect(throws: ConfigurationError.self) {
      try Experiment.check(wrong, modality: VisionModality(root: DataRoot("/nowhere")))
    }
    #expect("\(String(describing: error))".contains("hiden"))
  }

  @Test func digitsAreLearnedWithoutAnyDigit() throws {
    let recipe = try Self.recipe(
      """
        expert: {model: lenet, strategies: []}
        blind: [{data-free: {teacher: expert, channels: 4, latent: 5}}]
      """, data: "{digits: {limit: 8, pad: 12}}")
    try Self.run(recipe) { _, results in
      #expect(results.runs.map(\.strategy) == ["expert", "blind"])
      #expect(results.runs[1].transfer?.comparisons.map(\.teacher) == ["expert"])
    }
    for (arm, message) in [
      ("[{data-free: {}}]", "missing key `teacher`"),
      ("[{data-free: {teacher: nobody}}]", "no teacher `nobody`"),
      ("[{replay: {memory: 10}}, {data-free: {teacher: expert}}]", "cannot be combined with replay"),
    ] {
      let error = #expect(throws: ConfigurationError.self) {
        let recipe = try Self.recipe("  expert: []\n  blind: \(arm)")
        try Experiment.check(recipe, modality: VisionModality(root: DataRoot("/nowhere")))
      }
      #expect("\(String(describing: error))".contains(message), "\(String(describing: error))")
    }
  }

  /// Eight by eight pixels learn from what is said of twelve by twelve.
  @Test func aTeacherOfOtherImagesIsTrainedForTheRun() throws {
    let recipe = try Self.recipe(
      "  taught: [{distillation: {teacher: {paired: {teacher: big}}}}]",
      teachers: "teachers: {big: {model: lenet, data: {digits: {limit: 8, pad: 12}}, training: {steps: 3}}}")
    try Self.run(recipe) { folder, results in
      #expect(results.runs.count == 1)
      let teacher = try Safetensors.read(folder.student(of: "big", seed: 0))
      #expect(teacher.tensors["fc3.weight"]?.shape == [10, 84])
    }
  }
}
