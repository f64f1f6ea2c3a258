import Foundation
import Testing
import Torch

@testable import PerennialText

/// Writes what `Scripts/check-transformers` reads, where `PERENNIAL_SAVED` says.
@Suite(
  .enabled(
    if: ProcessInfo.processInfo.environment["PERENNIAL_SAVED"] != nil,
    "PERENNIAL_SAVED does not name a folder for Scripts/check-transformers"))
struct SavedFolders {
  private func save<Model: PublishedModel>(
    _ name: String, _ model: Model, precision: ModelFolder.Precision = .float32,
    _ answer: (Model) throws -> [String: Tensor]
  ) throws {
    let root = URL(fileURLWithPath: try #require(ProcessInfo.processInfo.environment["PERENNIAL_SAVED"]))
    try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
    let folder = ModelFolder(root.appendingPathComponent(name))
    try folder.save(model, precision: precision, shardBytes: 20_000)
    let again = try folder.load(Model.self)
    let asked = try noGrad { try answer(again) }
    try Safetensors.encode(asked).write(to: folder.file("asked.safetensors"))
  }

  @Test func golden() throws {
    for name in ["gpt2", "llama3", "llama-linear", "qwen2"] {
      func ask(_ model: any CausalLanguageModel) throws -> [String: Tensor] {
        let ids = try Golden(name)["full/ids"]
        return ["ids": ids, "answer": try model(TokenBatch(ids))]
      }
      if name == "gpt2" {
        try save(name, Golden.model(name).load(GPT2.self), ask)
        try save("gpt2-bfloat16", Golden.model(name).load(GPT2.self), precision: .bfloat16, ask)
      } else {
        try save(name, Golden.model(name).load(Llama.self), ask)
      }
    }
    try save("bert", Golden.model("bert").load(BERT.self)) { model in
      let ids = try Golden("bert")["full/ids"]
      return ["ids": ids, "answer": try model.hiddenStates(TokenBatch(ids))]
    }
    for name in ["t5", "t5-gated"] { try save(name, Golden.model(name).load(T5.self), ask) }
  }

  /// Models that began here and that no other program has seen.
  @Test func fresh() throws {
    let (generator, masks) = (try Generator(seed: 5), try Generator(seed: 6))
    let ids = try Tensor.randomIntegers(0..<50, [2, 9], generator)
    var gpt2 = GPT2Configuration()
    (gpt2.vocabularySize, gpt2.width, gpt2.layers, gpt2.heads, gpt2.maximumLength) = (50, 16, 2, 2, 32)
    (gpt2.isTied, gpt2.innerWidth, gpt2.beginToken, gpt2.endTokens) = (false, 24, nil, [])
    try save("fresh-gpt2", GPT2(gpt2, generator, dropout: masks)) {
      ["ids": ids, "answer": try $0.logits($0.hiddenStates(TokenBatch(ids)))]
    }
    var bert = BERTConfiguration()
    (bert.vocabularySize, bert.width, bert.innerWidth, bert.layers, bert.heads) = (50, 16, 24, 2, 2)
    (bert.maximumLength, bert.hasPooler) = (32, false)
    try save("fresh-bert-without-pooler", BERT(bert, generator, dropout: masks)) {
      ["ids": ids, "answer": try $0.hiddenStates(TokenBatch(ids))]
    }
    var llama = LlamaConfiguration()
    (llama.vocabularySize, llama.width, llama.innerWidth, llama.layers, llama.heads) = (50, 16, 24, 2, 4)
    (llama.keyHeads, llama.headWidth, llama.maximumLength) = (1, 6, 64)
    llama.rotaryScaling = .llama3(factor: 2, lowFactor: 1, highFactor: 4, originalLength: 16)
    try save("fresh-llama", Llama(llama, generator, dropout: masks)) {
      ["ids": ids, "answer": try $0.logits($0.hiddenStates(TokenBatch(ids)))]
    }
    var t5 = T5Configuration()
    (t5.vocabularySize, t5.width, t5.headWidth, t5.innerWidth, t5.layers) = (50, 16, 4, 24, 1)
    (t5.decoderLayers, t5.heads, t5.feedForward, t5.scalesOutput) = (1, 4, .gatedGELU, false)
    try save("fresh-t5", T5(t5, generator, dropout: masks), ask)
  }

  private func ask(_ model: T5) throws -> [String: Tensor] {
    let ids = try Tensor.randomIntegers(3..<50, [2, 9], Generator(seed: 1))
    let target = try Tensor.randomIntegers(3..<50, [2, 5], Generator(seed: 2))
    return ["ids": ids, "target": target, "answer": try model(TokenBatch(ids), target: TokenBatch(target))]
  }
}
