import Foundation
import PerennialTokenizers
import Testing
import Torch

@testable import Perennial
@testable import PerennialText

/// A student of texts beside its teacher.
@Suite struct TransferTests {
  /// Test sets of long and of short texts fit together: layers are compared by the mean over a text's tokens.
  @Test func textsOfOtherLengthsAreLookedAtTogether() throws {
    let root = try TextRecipeTests.root()
    func records(_ task: String, _ rest: String) -> [String] {
      ["bill", "rent", "debt"].map {
        #"{"text": "pay \#($0)\#(rest)", "label": "\#(task)-\#($0)", "task": "\#(task)"}"#
      }
    }
    let lines = records("short", "") + records("long", " now if you can and the sooner the better")
    for name in ["train.jsonl", "test.jsonl"] {
      try Data(lines.joined(separator: "\n").utf8).write(to: root.url.appendingPathComponent(name))
    }
    let modality = TextModality(root: root)
    let recipe = try TextRecipeTests.recipe(
      data: TextRecipeTests.records, model: "{bert: {layers: 2, heads: 2, width: 16, dropout: 0}}")
    let stream = try modality.stream(recipe, seed: 0)
    let lengths = try (0..<2).map {
      try #require(try stream.pipeline.lengths?(stream.test($0).inputs).integers().max())
    }
    try #require(lengths[0] != lengths[1])
    let blueprint = try modality.blueprint(recipe, for: stream)
    let trained = try Learner(
      blueprint, optimizer: Adam(learningRate: 0.01),
      options: TrainingOptions(batch: 3, length: .steps(5)), pipeline: stream.pipeline, seed: 3)
    for index in 0..<stream.count { try trained.learn(stream.experience(index)) }
    let teacher = PretrainedTeacher(
      try Frozen(trained.model, blueprint, device: .cpu), labels: trained.classes.labels)
    let learner = try Learner(
      blueprint, optimizer: Adam(learningRate: 0.01), pipeline: stream.pipeline,
      teachers: ["original": teacher])
    try learner.start(
      from: trained.model.stateDictionary(), outputs: trained.model.head.outputs,
      labels: trained.classes.labels)
    let comparison = try #require(try TransferProbe(learner, stream)?.comparisons().first)
    #expect(comparison.agreement == 1)
    let layers = comparison.alignment.filter { $0.tap.hasPrefix("layers") }
    #expect(!layers.isEmpty)
    for layer in layers {
      let own = try #require(layer.with.first { $0.tap == layer.tap })
      #expect(abs(own.value - 1) < 1e-5)
    }
  }
}
