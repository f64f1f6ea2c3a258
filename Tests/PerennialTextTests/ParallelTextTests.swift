import Foundation
import Testing
import Torch

@testable import Perennial
@testable import PerennialText

/// Captions of several languages with the vectors of the English ones.
@Suite struct ParallelTextTests {
  static let root = ProcessInfo.processInfo.environment["PERENNIAL_DATA"]
  static let encoder = ProcessInfo.processInfo.environment["PERENNIAL_MINILM"]

  static func recipe(_ data: String, encoder: String = "minilm") throws -> Recipe {
    try Recipe(
      yaml: """
        name: multi30k/tiny
        stream: {data: {parallel-captions: \(data)}, scenario: domain, experiences: 2}
        model: {encoder: {path: \(encoder)}}
        head: none
        objective: embedding
        training: {optimizer: {adamw: {lr: 0.00002}}, batch: 16, steps: 8}
        strategies: {joint: [joint]}
        seeds: [0]
        """, source: "tiny.yaml")
  }

  @Test(
    .enabled(
      if: root != nil && encoder != nil,
      "PERENNIAL_DATA does not name the data sets, or PERENNIAL_MINILM a folder of all-MiniLM-L6-v2"))
  func englishIsItsOwnTranslation() throws {
    let modality = TextModality(root: DataRoot(Self.root))
    let encoder = try #require(Self.encoder)
    let recipe = try Self.recipe(
      "{languages: [en, de], teacher: \(encoder), length: 32, limit: 64}", encoder: encoder)
    let stream = try modality.stream(recipe, seed: 0)
    #expect(stream.names == ["en", "de"])
    let (english, german) = (try stream.test(0), try stream.test(1))
    #expect(english.count == 1000 && german.count == 1000 && english.targets.shape == [1000, 384])
    #expect(try english.targets.equals(german.targets) && !english.inputs.equals(german.inputs))
    let learner = try Learner(
      modality.blueprint(recipe, for: stream), objective: EmbeddingPrediction(),
      optimizer: Adam(learningRate: 2e-5), options: TrainingOptions(batch: 16, length: .steps(8)),
      pipeline: stream.pipeline, seed: 0)
    try learner.begin(stream.experience(0))
    // The student begins as its teacher: English captions have their own vectors.
    let few = try Tensor.arange(0, 50)
    let asked = try english.select(few)
    let own = try learner.predict(asked.inputs)
    try expectClose(own, asked.targets, "English", within: 1e-5)
    let sums = try EmbeddingPrediction().sums(own, asked.targets)
    #expect(sums == [50, 50])
    let other = try german.select(few)
    let strange = try EmbeddingPrediction().sums(learner.predict(other.inputs), other.targets)
    #expect(strange[0] < 45)
  }

  @Test func whatCannotWorkIsRefused() throws {
    let modality = TextModality(root: try TextRecipeTests.root())
    for data in [
      "{languages: [xx], teacher: a}", "{languages: [de]}", "{languages: [de, de], teacher: a}",
      "{languages: [], teacher: a}",
    ] {
      #expect(throws: ConfigurationError.self, "\(data)") { try modality.stream(Self.recipe(data), seed: 0) }
    }
  }
}
