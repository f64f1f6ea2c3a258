import Foundation
import Perennial
import Testing
import Torch

@testable import PerennialText

/// Fresh weights are drawn as `transformers` draws them, and models learn from them.
struct InitializationTests {
  /// The standard deviation of a weight must be near this.
  private func expectDeviation(
    _ model: Module, _ expected: [String: Double], location: SourceLocation = #_sourceLocation
  )
    throws
  {
    let own = Dictionary(uniqueKeysWithValues: model.parameters.map { ($0.path, $0.parameter.value) })
    for (path, deviation) in expected {
      let value = try #require(own[path], "\(path)", sourceLocation: location)
      let measured = try noGrad { try value.square().mean().item().squareRoot() }
      #expect(abs(measured - deviation) <= 0.1 * deviation, "\(path): \(measured)", sourceLocation: location)
    }
    for (path, value) in own where path.hasSuffix("bias") && !path.contains("relative") {
      #expect(try noGrad { try value.abs().sum().item() } == 0, "\(path)", sourceLocation: location)
    }
  }

  @Test(arguments: [true, false]) func gpt2(_ scales: Bool) throws {
    var c = GPT2Configuration()
    (c.vocabularySize, c.width, c.layers, c.heads, c.maximumLength) = (200, 64, 8, 4, 64)
    c.scalesResidualInitialization = scales
    let model = try GPT2(c, Generator(seed: 1), dropout: Generator(seed: 2))
    let residual = scales ? 0.02 / 4 : 0.02
    try expectDeviation(
      model,
      [
        "transformer.wte.weight": 0.02, "transformer.wpe.weight": 0.02,
        "transformer.h.0.attn.c_attn.weight": 0.02,
        "transformer.h.7.attn.c_proj.weight": residual, "transformer.h.0.mlp.c_proj.weight": residual,
        "transformer.h.3.mlp.c_fc.weight": 0.02, "transformer.ln_f.weight": 1,
      ])
    #expect(model.parameterCount == 200 * 64 + 64 * 64 + 8 * (12 * 64 * 64 + 13 * 64) + 2 * 64)
  }

  @Test func bertAndLlama() throws {
    var b = BERTConfiguration()
    (b.vocabularySize, b.width, b.layers, b.innerWidth, b.heads, b.maximumLength) = (300, 64, 1, 128, 4, 64)
    b.initializerRange = 0.1
    let bert = try BERT(b, Generator(seed: 1), dropout: Generator(seed: 2))
    try expectDeviation(
      bert,
      [
        "embeddings.word_embeddings.weight": 0.1, "encoder.layer.0.attention.self.key.weight": 0.1,
        "pooler.dense.weight": 0.1, "embeddings.LayerNorm.weight": 1,
      ])
    let padding = try #require(bert.parameters.first { $0.path == "embeddings.word_embeddings.weight" })
    #expect(try noGrad { try padding.parameter.value[0].abs().sum().item() } == 0)
    var l = LlamaConfiguration()
    (l.vocabularySize, l.width, l.innerWidth, l.layers, l.heads, l.keyHeads) = (300, 64, 128, 1, 4, 2)
    try expectDeviation(
      Llama(l, Generator(seed: 1), dropout: Generator(seed: 2)),
      [
        "model.embed_tokens.weight": 0.02, "lm_head.weight": 0.02,
        "model.layers.0.mlp.down_proj.weight": 0.02,
        "model.norm.weight": 1,
      ])
  }

  @Test func t5() throws {
    var c = T5Configuration()
    (c.vocabularySize, c.width, c.headWidth, c.innerWidth, c.layers, c.decoderLayers) = (
      300, 64, 24, 128, 1, 1
    )
    (c.heads, c.feedForward, c.isTied) = (8, .gatedGELU, false)
    let block = "encoder.block.0.layer"
    try expectDeviation(
      T5(c, Generator(seed: 1), dropout: Generator(seed: 2)),
      [
        "shared.weight": 1, "lm_head.weight": 1,
        "\(block).0.SelfAttention.q.weight": 1 / (64.0 * 24).squareRoot(),
        "\(block).0.SelfAttention.k.weight": 1 / 8, "\(block).0.SelfAttention.v.weight": 1 / 8,
        "\(block).0.SelfAttention.o.weight": 1 / (8.0 * 24).squareRoot(),
        "\(block).0.SelfAttention.relative_attention_bias.weight": 1 / 8,
        "\(block).1.DenseReluDense.wi_0.weight": 1 / 8, "\(block).1.DenseReluDense.wi_1.weight": 1 / 8,
        "\(block).1.DenseReluDense.wo.weight": 1 / 128.0.squareRoot(),
      ])
  }

  /// A cycle of tokens is learned by heart, with blocks run again and the loss in pieces.
  @Test(arguments: [true, false]) func aModelLearnsFromScratch(_ economical: Bool) throws {
    var c = GPT2Configuration()
    (c.vocabularySize, c.width, c.layers, c.heads, c.maximumLength) = (11, 32, 2, 4, 16)
    (c.residualDropout, c.embeddingDropout, c.attentionDropout) = (0, 0, 0)
    (c.beginToken, c.endTokens) = (nil, [])
    let model = try GPT2(c, Generator(seed: 1), dropout: Generator(seed: 2))
    model.recomputesBlocks = economical
    let vector = try ParameterVector(model.trainableParameters)
    let adam = try Adam(learningRate: 3e-3)
    let row = (0..<16).map { ($0 * 3) % 11 }
    let ids = try Tensor(row, shape: [1, 16])
    var last = 0.0
    for _ in 0..<60 {
      try vector.zeroGradients()
      let loss: Tensor
      if economical {
        let hidden = try model.hiddenStates(TokenBatch(ids)).narrow(dim: 1, start: 0, count: 15)
        loss = try chunkedCrossEntropy(
          hidden: hidden, weight: model.outputWeight.value,
          targets: ids.narrow(dim: 1, start: 1, count: 15), chunk: 4)
      } else {
        loss = try model.loss(ids)
      }
      try vector.backward(loss)
      try adam.step(vector)
      last = try loss.item()
    }
    #expect(last < 0.1)
    var options = GenerationOptions()
    options.maximumNewTokens = 8
    #expect(try model.generate([Array(row.prefix(8))], options)[0].tokens == Array(row.suffix(8)))
  }

  @Test func dropoutActsInTrainingAloneAndFollowsItsStream() throws {
    let ids = try Tensor([1, 2, 3, 4, 5, 6], shape: [1, 6])
    func model(_ seed: UInt64) throws -> GPT2 {
      var c = GPT2Configuration()
      (c.vocabularySize, c.width, c.layers, c.heads, c.maximumLength) = (11, 16, 2, 2, 16)
      return try GPT2(c, Generator(seed: 1), dropout: Generator(seed: seed))
    }
    let (a, b, c) = (try model(1), try model(1), try model(2))
    let first = try a(ids)
    #expect(try first.equals(b(ids)))
    #expect(try !first.equals(c(ids)))
    for model in [a, b, c] { model.evaluate() }
    #expect(try a(ids).equals(c(ids)))
  }
}
