import Foundation
import Perennial
import PerennialText
import PerennialTokenizers
import Torch

/// Language: what is asked of `language_peer.py` too. Data lie below PERENNIAL_DATA, MiniLM at PERENNIAL_MINILM.
nonisolated(unsafe) let languageWorks: KeyValuePairs<String, () throws -> Work> = [
  "embed": { try embedding(1000) },
  "embed-one": { try embedding(1) },
  "embed-bfloat16": { try embedding(1000, in: .bfloat16) },
  "gpt-4x128": { try languageModel(layers: 4, width: 128, block: 64) },
  "gpt-6x384": { try languageModel(layers: 6, width: 384, block: 256) },
  "gpt-4x128-bfloat16": { try languageModel(layers: 4, width: 128, block: 64, precision: "bfloat16") },
  "gpt-6x384-bfloat16": { try languageModel(layers: 6, width: 384, block: 256, precision: "bfloat16") },
  "decode": { try decoding(in: .float32) },
  "decode-bfloat16": { try decoding(in: .bfloat16) },
  "wordpiece": {
    try encoding(questions()) { try Tokenizer(folder: URL(fileURLWithPath: folder("PERENNIAL_MINILM"))) }
  },
  "bpe": {
    let lines = try verses()
    return try encoding(lines) {
      let tokenizer = try Tokenizer.trainByteLevelBPE(on: lines, size: 5000)
      // The peer reads what was learned here.
      try tokenizer.save(
        to: URL(fileURLWithPath: folder("BENCHMARK_FOLDER")).appendingPathComponent("bpe.json"))
      return tokenizer
    }
  },
  "tune-full": { try tuning([]) },
  "tune-lora": { try tuning([LowRankAdaptation()]) },
]

private func folder(_ variable: String) throws -> String {
  guard let path = ProcessInfo.processInfo.environment[variable] else { throw UnsetVariable(name: variable) }
  return path
}

private struct UnsetVariable: Error, CustomStringConvertible {
  let name: String
  var description: String { "\(name) is not set" }
}

private func embedding(_ count: Int, in type: DType = .float32) throws -> Work {
  let embedder = try TextEmbedder(folder: URL(fileURLWithPath: folder("PERENNIAL_MINILM")))
  if type != .float32 { try embedder.encoder.keepWeights(in: type) }
  return try repeated(questions(), count) { _ = try embedder($0) }
}

private func encoding(_ lines: [String], _ make: () throws -> Tokenizer) throws -> Work {
  let tokenizer = try make()
  return try repeated(lines, 1000) { _ = tokenizer.encode(batch: $0) }
}

/// So many texts a step, from where the last step ended.
private func repeated(_ lines: [String], _ texts: Int, _ body: @escaping ([String]) throws -> Void) throws
  -> Work
{
  var place = 0
  func next() -> [String] {
    if place + texts > lines.count { place = 0 }
    defer { place += texts }
    return Array(lines[place..<place + texts])
  }
  try body(next())
  return { steps in
    let start = ContinuousClock.now
    for _ in 0..<steps { try body(next()) }
    return ["seconds": (ContinuousClock.now - start) / .seconds(1)]
  }
}

/// Training steps of nanoGPT's configuration for a CPU, or of a larger model, on characters.
private func languageModel(layers: Int, width: Int, block: Int, precision: String = "float32") throws -> Work
{
  try timedSteps {
    try learner(
      """
      name: benchmark
      stream:
        data: {corpora: {texts: [tiny-shakespeare], tokenizer: characters, block: \(block), stride: 8}}
        scenario: instance
        experiences: 1
      model: {gpt: {layers: \(layers), heads: \(width / (width == 128 ? 32 : 64)), width: \(width), dropout: 0}}
      objective: tokens
      training:
        optimizer: {adamw: {lr: 0.001, beta2: 0.99, weight_decay: 0.1}}
        precision: \(precision)
        clip: 1
        batch: 12
        steps: 1000000
      strategies: {gpt: []}
      seeds: [0]
      """)
  }
}

/// Fine-tuning MiniLM on the questions of CLINC150: every weight, or low-rank adapters.
private func tuning(_ strategies: [any Strategy]) throws -> Work {
  let minilm = try folder("PERENNIAL_MINILM")
  return try timedSteps {
    try learner(
      """
      name: benchmark
      stream: {data: clinc150, scenario: class, experiences: 1}
      model: {encoder: {path: \(minilm)}}
      training: {optimizer: adamw, batch: 32, steps: 1000000}
      strategies: {tune: []}
      seeds: [0]
      """, strategies)
  }
}

/// Times steps; also says how much memory the process needed at most, beyond that before there was a model.
private func timedSteps(_ make: () throws -> Learner) rethrows -> Work {
  let idle = PeakMemory.bytes
  let learner = try make()
  return { steps in
    let start = ContinuousClock.now
    for _ in 0..<steps { try learner.step() }
    return ["seconds": (ContinuousClock.now - start) / .seconds(1), "peak_bytes": PeakMemory.bytes - idle]
  }
}

private func learner(_ yaml: String, _ strategies: [any Strategy] = []) throws -> Learner {
  let recipe = try Recipe(yaml: yaml, source: "the benchmark")
  let modality = TextModality(root: DataRoot(try folder("PERENNIAL_DATA")))
  let stream = try modality.stream(recipe, seed: 0)
  let learner = try recipe.learner(
    modality.trainedBlueprint(recipe, for: stream), objective: modality.objective(recipe),
    strategies: strategies,
    pipeline: stream.pipeline, seed: 0, device: .cpu)
  try learner.begin(stream.experience(0))
  return learner
}

/// A hundred tokens after a prompt of 32, by a Llama of 29 million weights.
private func decoding(in type: DType) throws -> Work {
  var c = LlamaConfiguration()
  (c.layers, c.heads, c.keyHeads, c.width, c.innerWidth) = (8, 8, 8, 512, 1376)
  (c.vocabularySize, c.isTied) = (8000, true)
  let model = try Llama(c, Generator(seed: 0), dropout: Generator(seed: 1))
  if type != .float32 { try model.keepWeights(in: type) }
  var options = GenerationOptions()
  (options.maximumNewTokens, options.endTokens) = (100, [])
  return { steps in
    let start = ContinuousClock.now
    for step in 0..<steps { _ = try model.generate([(0..<32).map { ($0 * 37 + step) % 8000 }], options) }
    return ["seconds": (ContinuousClock.now - start) / .seconds(1)]
  }
}

/// What people ask, 22,500 times.
private func questions() throws -> [String] {
  let url = URL(fileURLWithPath: try folder("PERENNIAL_DATA")).appendingPathComponent(
    "clinc150/data/data_full.json")
  let parts = try JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: [[String]]]
  return parts?["train"]?.map { $0[0] } ?? []
}

/// The lines of Shakespeare's plays that are not empty.
private func verses() throws -> [String] {
  let url = URL(fileURLWithPath: try folder("PERENNIAL_DATA")).appendingPathComponent(
    "tinyshakespeare/input.txt")
  return try String(contentsOf: url, encoding: .utf8).split(separator: "\n").map(String.init)
}
