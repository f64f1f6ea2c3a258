import Perennial
import PerennialExport
import PerennialText
import Testing
import Torch

/// Small language models with random weights, on texts of different lengths.
enum TextCases {
  static let vocabulary = 31

  static func all() throws -> [ExportCase] { try encoders() + t5() + decoders() }

  /// Texts as rows, filled up with 0.
  static func batch(_ lengths: [Int] = [7, 4, 1], side: TokenBatch.Side = .right) throws -> TokenBatch {
    let rows = lengths.map { length in (0..<length).map { 1 + ($0 * 7 + length * 3) % (vocabulary - 1) } }
    return try TokenBatch(rows, padding: 0, side: side)
  }

  static func inputs(_ batch: TokenBatch) throws -> [String: Tensor] {
    [
      "input_ids": batch.ids,
      "attention_mask": try batch.mask?.to(.int64) ?? Tensor.ones(batch.ids.shape, dtype: .int64),
    ]
  }

  /// Moves every weight away from what it was drawn as: biases from 0, factors from 1.
  static func stir(_ module: Module) throws {
    let random = try Generator(seed: 11)
    try noGrad {
      for (_, parameter) in module.parameters {
        try parameter.value.add(Tensor.normal(parameter.value.shape, random) * 0.1)
      }
    }
    module.evaluate()
  }

  static func bert(heads: Int = 4, hasPooler: Bool = false) throws -> BERT {
    var c = BERTConfiguration()
    (c.vocabularySize, c.width, c.layers, c.heads, c.innerWidth) = (vocabulary, 16, 2, heads, 24)
    (c.maximumLength, c.hasPooler) = (12, hasPooler)
    let model = try BERT(c, Generator(seed: 1), dropout: Generator(seed: 2))
    try stir(model)
    return model
  }

  static func encoders() throws -> [ExportCase] {
    var cases: [ExportCase] = []
    for kind in SentencePooling.Kind.allCases {
      for side in [TokenBatch.Side.right, .left] {
        let encoder = SentenceEncoder(try bert(), pooling: SentencePooling(kind, isNormalized: kind == .mean))
        let batch = try batch(side: side)
        cases.append(
          try noGrad {
            ExportCase(
              name: "bert-\(kind)-\(side)", graph: try Graph(encoder), inputs: try inputs(batch),
              expected: [
                "sentence_embedding": try encoder(batch),
                "last_hidden_state": try encoder.encoder.hiddenStates(batch),
              ], places: try places(batch, "last_hidden_state"))
          })
      }
    }
    let encoder = SentenceEncoder(try bert(heads: 2))
    let network = Network(encoder, head: try LinearHead(features: 16, outputs: 3, Generator(seed: 3)))
    let batch = try batch()
    cases.append(
      try noGrad {
        ExportCase(
          name: "bert-classifier",
          graph: try Graph(encoder, head: network.head, of: network, labels: ["a", "b", "c"]),
          inputs: try inputs(batch), expected: ["logits": try network.head(encoder(batch))])
      })
    return cases
  }

  /// Distances that share a bucket begin at nine.
  static func t5(_ kind: T5Configuration.FeedForward, isTied: Bool = true) throws -> T5 {
    var c = T5Configuration()
    (c.vocabularySize, c.width, c.headWidth, c.innerWidth, c.layers) = (vocabulary, 16, 6, 20, 2)
    (c.heads, c.buckets, c.maximumDistance, c.feedForward) = (3, 8, 9, kind)
    (c.decoderLayers, c.initializerFactor, c.isTied) = (2, 1, isTied)
    let model = try T5(c, Generator(seed: 1), dropout: Generator(seed: 2))
    try stir(model)
    return model
  }

  static func t5() throws -> [ExportCase] {
    try [(T5Configuration.FeedForward.relu, true), (.gatedGELU, false)].flatMap { kind, isTied in
      let model = try t5(kind, isTied: isTied)
      let source = try batch([25, 13])
      let target = try batch([19, 23])
      return try noGrad {
        let encoded = try model.hiddenStates(source)
        let mask = try inputs(source)["attention_mask"]
        return [
          ExportCase(
            name: "t5-\(kind)", graph: try Graph(encoderOf: model), inputs: try inputs(source),
            expected: ["last_hidden_state": encoded], places: try places(source, "last_hidden_state")),
          ExportCase(
            name: "t5-\(kind)-decoder", graph: try Graph(decoderOf: model),
            inputs: try inputs(target).merging(["encoder_hidden_states": encoded]) { $1 }
              .merging(["encoder_attention_mask": mask].compactMapValues { $0 }) { $1 },
            expected: [
              "logits": try model.logits(model.decoded(target, encoded: encoded, source: source))
            ], places: try places(target, "logits")),
          try cached("t5-\(kind)", model, source, target: try batch([14, 14])),
        ]
      }
    }
  }

  /// The last tokens of a target behind those that the graph itself has taken, with what its encoder's graph gave.
  private static func cached(_ name: String, _ model: T5, _ source: TokenBatch, target: TokenBatch) throws
    -> ExportCase
  {
    let graph = try Graph(decoderOf: model, hasCache: true)
    let given = try inputs(source)
    var passed = try ["encoder_attention_mask": #require(given["attention_mask"])]
    for (name, value) in try GraphRunner(Graph(encoderOf: model, hasCache: true))(given)
    where name.hasPrefix("present.") {
      passed[name.replacing("present.", with: "past_key_values.")] = try value.contiguous()
    }
    func columns(_ x: Tensor, _ range: Range<Int>) throws -> Tensor {
      try x.narrow(dim: 1, start: range.lowerBound, count: range.count).contiguous()
    }
    let mask = try Tensor.ones(target.ids.shape, dtype: .int64)
    var first = try passed.merging([
      "input_ids": columns(target.ids, 0..<11), "attention_mask": columns(mask, 0..<11),
    ]) { $1 }
    for layer in 0..<model.configuration.decoderLayers {
      for kind in ["key", "value"] {
        first["past_key_values.\(layer).decoder.\(kind)"] = try Tensor.zeros([2, 3, 0, 6])
      }
    }
    var second = try passed.merging(["input_ids": columns(target.ids, 11..<14), "attention_mask": mask]) {
      $1
    }
    for (name, value) in try GraphRunner(graph)(first) where name.hasPrefix("present.") {
      second[name.replacing("present.", with: "past_key_values.")] = try value.contiguous()
    }
    let (encoded, places) = try model.encode(source)
    let expected = try columns(model.logits(model.decoded(target, encoded: encoded, source: places)), 11..<14)
    return ExportCase(name: "\(name)-cached", graph: graph, inputs: second, expected: ["logits": expected])
  }

  static func models() throws -> [(String, any CausalLanguageModel)] {
    var gpt = GPT2Configuration()
    (gpt.vocabularySize, gpt.width, gpt.layers, gpt.heads, gpt.maximumLength) = (vocabulary, 16, 2, 4, 20)
    var llama = LlamaConfiguration()
    (llama.vocabularySize, llama.width, llama.innerWidth, llama.layers) = (vocabulary, 16, 24, 2)
    (llama.heads, llama.keyHeads, llama.maximumLength) = (4, 2, 20)
    var stretched = llama
    stretched.rotaryScaling = .llama3(factor: 8, lowFactor: 1, highFactor: 4, originalLength: 16)
    (stretched.keyHeads, stretched.headWidth, stretched.hasAttentionBias) = (4, 6, true)
    var qwen = llama
    (qwen.family, qwen.isTied, qwen.keyHeads) = (.qwen2, true, 1)
    let (weights, masks) = (try Generator(seed: 1), try Generator(seed: 2))
    let models: [(String, any CausalLanguageModel)] = [
      ("gpt2", try GPT2(gpt, weights, dropout: masks)), ("llama", try Llama(llama, weights, dropout: masks)),
      ("llama3", try Llama(stretched, weights, dropout: masks)),
      ("qwen2", try Llama(qwen, weights, dropout: masks)),
    ]
    for (_, model) in models { try stir(model) }
    return models
  }

  static func decoders() throws -> [ExportCase] {
    try models().flatMap { name, model in
      try [TokenBatch.Side.right, .left].map { side in
        let batch = try batch(side: side)
        return try noGrad {
          ExportCase(
            name: "\(name)-\(side)", graph: try Graph(model), inputs: try inputs(batch),
            expected: ["logits": try model(batch)], places: try places(batch, "logits"))
        }
      } + [try cached(name, model)]
    }
  }

  /// The last tokens behind a cache that the graph itself has filled with the first.
  private static func cached(_ name: String, _ model: any CausalLanguageModel) throws -> ExportCase {
    let graph = try Graph(model, hasCache: true)
    let whole = try batch([9, 6], side: .left)
    let all = try inputs(whole)
    guard let ids = all["input_ids"], let mask = all["attention_mask"] else {
      throw ExportError.values("the batch has no tokens")
    }
    func columns(_ x: Tensor, _ range: Range<Int>) throws -> Tensor {
      try x.narrow(dim: 1, start: range.lowerBound, count: range.count).contiguous()
    }
    var first = ["input_ids": try columns(ids, 0..<6), "attention_mask": try columns(mask, 0..<6)]
    for port in graph.inputs where port.name.hasPrefix("past_key_values.") {
      let sizes = port.axes.map { if case .size(let size) = $0 { size } else { 0 } }
      first[port.name] = try Tensor.zeros([2, sizes[1], 0, sizes[3]])
    }
    let before = try GraphRunner(graph)(first)
    var second = ["input_ids": try columns(ids, 6..<9), "attention_mask": mask]
    for (name, value) in before where name.hasPrefix("present.") {
      second[name.replacing("present.", with: "past_key_values.")] = try value.contiguous()
    }
    let expected = try noGrad { try columns(model(whole), 6..<9) }
    return ExportCase(name: "\(name)-cached", graph: graph, inputs: second, expected: ["logits": expected])
  }

  private static func places(_ batch: TokenBatch, _ output: String) throws -> [String: Tensor] {
    [output: try batch.mask?.to(.uint8) ?? Tensor.ones(batch.ids.shape, dtype: .uint8)]
  }
}
