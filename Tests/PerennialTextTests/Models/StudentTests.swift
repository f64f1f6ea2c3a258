import Foundation
import Perennial
import Testing
import Torch

@testable import PerennialText

/// Smaller encoders made of bigger ones, and what they learn from them.
@Suite struct StudentTests {
  @Test func keptLayersAreTheTeachersOwn() throws {
    let whole = try Golden.model("bert").load(BERT.self)
    let student = try whole.keeping(layers: [2], dropout: Generator(seed: 1))
    student.evaluate()
    let ids = try TokenBatch(Golden("bert")["full/ids"])
    let (_, taps) = try whole.taps.recording(["embeddings"]) { try whole.hiddenStates(ids) }
    let (_, own) = try student.taps.recording(["embeddings"]) { try student.hiddenStates(ids) }
    try expectClose(#require(own["embeddings"]), #require(taps["embeddings"]), "embeddings", within: 0)
    let all = try whole.stateDictionary()
    for (path, value) in try student.stateDictionary() {
      let from = path.replacingOccurrences(of: "encoder.layer.0.", with: "encoder.layer.1.")
      #expect(try value.equals(#require(all[from])), "\(path)")
    }
    let both = try whole.keeping(layers: [1, 2], dropout: Generator(seed: 1))
    both.evaluate()
    try expectClose(both.hiddenStates(ids), whole.hiddenStates(ids), "all layers", within: 0)
    for wrong in [[0], [3], [2, 1], []] {
      #expect(throws: TorchError.self) { try whole.keeping(layers: wrong, dropout: Generator(seed: 1)) }
    }
  }

  @Test func aFolderKeepsSomeLayers() throws {
    let place = try TemporaryFolder(copying: "bert")
    let folder = ModelFolder(place.url)
    let whole = try folder.load(BERT.self)
    try Data("kept".utf8).write(to: folder.url.appendingPathComponent("tokenizer.json"))
    #expect(throws: TorchError.self) { try folder.keep(layers: [3]) }
    #expect(try folder.configuration(of: BERT.self).layers == 2)
    try folder.keep(layers: [2])
    let (kept, asked) = (
      try folder.load(BERT.self).stateDictionary(),
      try whole.keeping(layers: [2], dropout: Generator(seed: 0)).stateDictionary()
    )
    #expect(Set(kept.keys) == Set(asked.keys))
    for (path, value) in kept { #expect(try value.equals(#require(asked[path])), "\(path)") }
    #expect(
      try String(contentsOf: folder.url.appendingPathComponent("tokenizer.json"), encoding: .utf8) == "kept")
  }

  /// Scores before the softmax are what the probabilities come from, and 0 where nothing may be seen.
  @Test func attentionTaps() throws {
    let (model, golden) = (try Golden.model("bert").load(BERT.self), try Golden("bert"))
    let batch = try TokenBatch(golden["right/ids"], mask: golden["right/mask"])
    let mask = try #require(batch.mask)
    let names = ["attentions.1", "attentions.1.scores", "attentions.1.values"]
    let (hidden, taps) = try model.taps.recording(names) { try model.hiddenStates(batch) }
    try expectClose(hidden, golden["right/hidden"], "hidden while listened to", mask: mask)
    let (scores, values) = (try #require(taps[names[1]]), try #require(taps[names[2]]))
    #expect(values.shape == [3, 4, 12, 4] && scores.shape == [3, 4, 12, 12])
    let seen = try mask.unsqueeze(1).unsqueeze(1).expand(scores.shape)
    #expect(try scores.maskedFill(seen, 0).abs().amax([0, 1, 2, 3]).item() == 0)
    let again = try scores.maskedFill(seen.logicalNot(), -Double.infinity).softmax()
    try expectClose(
      again.flatten(from: 0, to: 1), #require(taps[names[0]]).flatten(from: 0, to: 1), "scores", within: 1e-5)
  }

  /// TinyBERT's and MiniLM's terms through the ordinary strategy, from a teacher of more layers.
  @Test(arguments: [
    "[{distillation: {teacher: big, terms: [{tinybert: {student_layers: 1, teacher_layers: 2}}]}}]",
    "[{distillation: {teacher: big, hard: 0, terms: [{minilm: {student_layer: 1, teacher_layer: 2}}]}}]",
    "[{distillation: {teacher: big, hard: 0, terms: [{hint: {taps: [features], distance: cosine}}]}}]",
  ])
  func encodersLearnFromEncoders(strategies: String) throws {
    let modality = TextModality(root: try TextRecipeTests.root())
    func parts(_ layers: Int) throws -> (Perennial.Stream, Blueprint) {
      let recipe = try TextRecipeTests.recipe(
        data: TextRecipeTests.records,
        model: "{bert: {layers: \(layers), heads: 2, width: \(16 * layers), dropout: 0}}", experiences: 1)
      let stream = try modality.stream(recipe, seed: 0)
      return (stream, try modality.blueprint(recipe, for: stream))
    }
    let (stream, small) = try parts(1)
    let (_, large) = try parts(2)
    let big = try large.make(RandomStreams(seed: 5))
    let labels = Array(Set(try stream.experience(0).examples.targets.integers())).sorted()
    try big.head.grow(to: labels.count, Generator(seed: 1))
    let learner = try Learner(
      small, optimizer: Adam(learningRate: 0.01), strategies: TextRecipeTests.strategies(strategies),
      options: TrainingOptions(batch: 8, length: .steps(40)), pipeline: stream.pipeline,
      teachers: ["big": PretrainedTeacher(Frozen(big, large), labels: labels)], seed: 3)
    try learner.learn(stream.experience(0))
    let distillation = try #require(learner.strategies[0] as? Distillation)
    let values = distillation.readings.filter { $0.name != "labels" }.map(\.value)
    #expect(values.count > 2 && values[values.count - 1] < 0.95 * values[0], "\(values)")
  }
}
