import Foundation
import Perennial
import Testing
import Torch

@testable import PerennialText

/// BERT and T5 against `transformers`.
struct EncoderGoldenTests {
  @Test func bertHiddenStatesPoolerAndTaps() throws {
    let (model, golden) = (try Golden.model("bert").load(BERT.self), try Golden("bert"))
    let batch = try TokenBatch(try golden["full/ids"])
    let (hidden, taps) = try model.taps.recording(["embeddings", "layers.0", "attentions.1"]) {
      try model.hiddenStates(batch, types: try golden["full/types"])
    }
    try expectClose(hidden, try golden["full/hidden"], "bert hidden")
    try expectClose(try model.pooled(hidden), try golden["full/pooled"], "bert pooled")
    try expectClose(#require(taps["embeddings"]), try golden["full/embeddings"], "bert embeddings")
    try expectClose(#require(taps["layers.0"]), try golden["full/layer"], "bert layer")
    try expectClose(#require(taps["attentions.1"]), try golden["full/attention"], "bert attention")
  }

  @Test(arguments: ["right", "left"]) func bertPadding(_ side: String) throws {
    let (model, golden) = (try Golden.model("bert").load(BERT.self), try Golden("bert"))
    let batch = try TokenBatch(try golden["\(side)/ids"], mask: try golden["\(side)/mask"])
    try expectClose(
      try model.hiddenStates(batch), try golden["\(side)/hidden"], "bert \(side) padded", mask: batch.mask)
  }

  @Test func sentenceEmbeddingsAndGradients() throws {
    let (model, golden) = (try Golden.model("bert").load(BERT.self), try Golden("bert"))
    try model.requireGradients()
    let ids = try golden["right/ids"]
    let mean = try SentenceEncoder(model)(ids)
    try expectClose(mean, try golden["gradients/mean"], "bert mean")
    let unit = try SentenceEncoder(model, pooling: SentencePooling(.mean, isNormalized: true))(ids)
    try expectClose(unit, try golden["gradients/normalized"], "bert normalized")
    let loss = try mean.square().sum()
    try expectClose(loss, try golden["gradients/loss"], "bert loss", within: 1e-3)
    try loss.backward()
    try model.expectGradients(golden, "gradients")
  }

  /// An embedding does not depend on who else is in the batch, nor on the side of the padding.
  @Test(arguments: SentencePooling.Kind.allCases) func poolingLeavesPaddingOut(_ kind: SentencePooling.Kind)
    throws
  {
    let encoder = try SentenceEncoder(Golden.model("bert").load(BERT.self), pooling: SentencePooling(kind))
    let texts = [[5, 6, 7, 8, 9, 10], [11, 12, 13]]
    for side in [TokenBatch.Side.left, .right] {
      let batch = try encoder(TokenBatch(texts, padding: 0, side: side))
      for (row, text) in texts.enumerated() {
        let alone = try encoder(TokenBatch([text], padding: 0))
        try expectClose(try batch[row..<row + 1], alone, "\(kind) pooling, \(side)", within: 1e-5)
      }
    }
  }

  @Test func anEncoderIsABackboneForAnyHead() throws {
    let generator = try Generator(seed: 1)
    let encoder = try SentenceEncoder(Golden.model("bert").load(BERT.self))
    let network = Network(
      encoder, head: try LinearHead(features: encoder.featureCount, outputs: 3, generator),
      headName: "classifier")
    let ids = try Golden("bert")["right/ids"]
    #expect(try network(ids).shape == [3, 3])
    let look = try network.look(ids, taps: ["layers.1", "attentions.0"])
    #expect(look.features.shape == [3, 16])
    #expect(look.taps["attentions.0"]?.shape == [3, 4, 12, 12])
    #expect(
      network.linearLayers.map(\.path).prefix(3) == [
        "encoder.layer.0.attention.self.query", "encoder.layer.0.attention.self.key",
        "encoder.layer.0.attention.self.value",
      ])
    let before = try network(ids)
    try network.load(network.stateDictionary())
    try expectClose(try network(ids), before, "reloaded network", within: 0)
  }

  @Test(arguments: ["t5", "t5-gated"]) func t5(_ name: String) throws {
    let (model, golden) = (try Golden.model(name).load(T5.self), try Golden(name))
    #expect(model.configuration.isTied == (name == "t5"))
    try model.requireGradients()
    let source = try TokenBatch(try golden["full/ids"], mask: try golden["full/mask"])
    let labels = try golden["full/labels"]
    let last = model.configuration.decoderLayers - 1
    let (logits, taps) = try model.taps.recording([
      "encoder.hidden", "decoder.crossAttentions.\(last)", "decoder.attentions.\(last)",
    ]) { try model(source, target: TokenBatch(model.shifted(labels))) }
    try expectClose(logits, try golden["full/logits"], "\(name) logits")
    try expectClose(
      #require(taps["encoder.hidden"]), try golden["full/encoded"], "\(name) encoded", mask: source.mask)
    try expectClose(
      #require(taps["decoder.crossAttentions.\(last)"]), try golden["full/cross"], "\(name) cross")
    try expectClose(
      #require(taps["decoder.attentions.\(last)"]), try golden["full/attention"], "\(name) attention")
    let plain = try model(source, target: TokenBatch(model.shifted(labels)))
    try expectClose(plain, logits, "\(name) fused attention", within: 1e-5)
    let loss = try plain.flatten(to: 1).crossEntropy(labels.flatten())
    try expectClose(loss, try golden["gradients/loss"], "\(name) loss", within: 1e-5)
    try loss.backward()
    try model.expectGradients(golden, "gradients")
  }

  @Test func t5PackedEqualsSeparate() throws {
    let model = try Golden.model("t5").load(T5.self)
    let sources = [[5, 6, 7], [8, 9, 10, 11]]
    let targets = [[0, 12], [0, 13, 14]]
    let together = try model(
      TokenBatch(packed: [sources], padding: 0), target: TokenBatch(packed: [targets], padding: 0))
    var start = 0
    for (source, target) in zip(sources, targets) {
      let alone = try model(TokenBatch([source], padding: 96), target: TokenBatch([target], padding: 96))
      try expectClose(
        try together.narrow(dim: 1, start: start, count: target.count), alone, "t5 packed", within: 1e-5)
      start += target.count
    }
  }
}
