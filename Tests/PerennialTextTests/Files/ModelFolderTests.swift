import Foundation
import Testing
import Torch

@testable import PerennialText

/// Folders are read as `transformers` wrote them, and written so that nothing is lost.
struct ModelFolderTests {
  private func logits(_ model: GPT2) throws -> Tensor { try model(Golden("gpt2")["full/ids"]) }

  @Test func shardsAreOneModel() throws {
    let (whole, shards) = (
      try Golden.model("gpt2").load(GPT2.self), try Golden.model("gpt2-shards").load(GPT2.self)
    )
    #expect(try logits(whole).equals(logits(shards)))
  }

  @Test func halvesAreReadAsFloats() throws {
    let (model, golden) = (try Golden.model("gpt2-bfloat16").load(GPT2.self), try Golden("gpt2-bfloat16"))
    #expect(model.parameters.allSatisfy { $0.parameter.value.dtype == .float32 })
    try expectClose(try model(try golden["ids"]), try golden["logits"], "bfloat16 weights")
  }

  @Test(arguments: ["gpt2", "llama3", "llama-linear", "qwen2", "t5", "t5-gated", "bert"], [1 << 30, 9000])
  func saveAndReload(_ name: String, _ shardBytes: Int) throws {
    func roundTrip<Model: PublishedModel>(_ type: Model.Type) throws {
      let folder = try TemporaryFolder()
      let model = try Golden.model(name).load(Model.self)
      try folder.model.save(model, shardBytes: shardBytes)
      let files = try FileManager.default.contentsOfDirectory(atPath: folder.url.path)
      #expect(files.contains("model.safetensors") == (shardBytes > 9000))
      let again = try folder.model.load(Model.self)
      #expect(again.configuration == model.configuration)
      let (a, b) = (try model.stateDictionary(), try again.stateDictionary())
      #expect(Set(a.keys) == Set(b.keys))
      for (path, value) in a { #expect(try value.equals(#require(b[path])), "\(path)") }
    }
    switch name {
    case "gpt2": try roundTrip(GPT2.self)
    case "bert": try roundTrip(BERT.self)
    case "t5", "t5-gated": try roundTrip(T5.self)
    default: try roundTrip(Llama.self)
    }
  }

  /// What we write has the names and shapes that `transformers` wrote, tensor by tensor.
  @Test(arguments: ["gpt2", "qwen2", "t5", "llama3"]) func filesHaveTheSameTensors(_ name: String) throws {
    let folder = try TemporaryFolder()
    switch name {
    case "gpt2": try folder.model.save(Golden.model(name).load(GPT2.self))
    case "t5": try folder.model.save(Golden.model(name).load(T5.self))
    default: try folder.model.save(Golden.model(name).load(Llama.self))
    }
    let ours = try Safetensors.read(folder.url.appendingPathComponent("model.safetensors"))
    let theirs = try Safetensors.read(Golden.model(name).file("model.safetensors"))
    #expect(ours.metadata == theirs.metadata)
    #expect(ours.tensors.mapValues(\.shape) == theirs.tensors.mapValues(\.shape))
    for (path, value) in theirs.tensors { #expect(try value.equals(#require(ours.tensors[path])), "\(path)") }
  }

  @Test(arguments: ModelFolder.Precision.allCases) func precision(_ precision: ModelFolder.Precision) throws {
    let folder = try TemporaryFolder()
    let model = try Golden.model("gpt2").load(GPT2.self)
    try folder.model.save(model, precision: precision)
    let file = try Safetensors.read(folder.url.appendingPathComponent("model.safetensors"))
    #expect(file.tensors.values.allSatisfy { $0.dtype == precision.dtype })
    let tolerance = precision == .float32 ? 0 : precision == .float16 ? 0.02 : 0.2
    try expectClose(try logits(folder.model.load()), try logits(model), "\(precision)", within: tolerance)
  }

  /// A tokenizer beside the weights stays; the shards of an earlier save do not.
  @Test func savingReplacesAModelAndKeepsOtherFiles() throws {
    let folder = try TemporaryFolder(copying: "gpt2-shards")
    let extra = folder.url.appendingPathComponent("tokenizer.json")
    try Data("{}".utf8).write(to: extra)
    try folder.model.save(Golden.model("gpt2").load(GPT2.self))
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.url.path).sorted()
    #expect(files == ["config.json", "model.safetensors", "tokenizer.json"])
  }

  @Test func aFailedSaveLeavesWhatWasThere() throws {
    let folder = try TemporaryFolder(copying: "gpt2")
    let model = try folder.model.load(GPT2.self)
    let before = try logits(model)
    // The folder cannot be moved where its parent is not writable; root may write everywhere, so a file stands in.
    let blocked = ModelFolder(folder.url.appendingPathComponent("config.json/model"))
    #expect(throws: (any Error).self) { try blocked.save(model) }
    #expect(try logits(folder.model.load()).equals(before))
    let parent = folder.url.deletingLastPathComponent()
    let left = try FileManager.default.contentsOfDirectory(atPath: parent.path)
      .filter { $0.hasPrefix(".\(folder.url.lastPathComponent).") }
    #expect(left.isEmpty)
  }

  @Test func freshModelsAreReadBackWithoutTheirTiedHead() throws {
    let folder = try TemporaryFolder()
    var c = LlamaConfiguration()
    (c.vocabularySize, c.width, c.innerWidth, c.layers, c.heads, c.keyHeads) = (20, 8, 12, 1, 2, 1)
    (c.isTied, c.family, c.rotaryTheta) = (true, .qwen2, 123)
    let model = try Llama(c, Generator(seed: 3), dropout: Generator(seed: 0))
    try folder.model.save(model)
    let file = try Safetensors.read(folder.url.appendingPathComponent("model.safetensors"))
    #expect(file.tensors["lm_head.weight"] == nil)
    #expect(try folder.model.load(Llama.self).configuration == c)
  }

  @Test func anEncoderWithoutPoolerLeavesItOut() throws {
    var configuration = BERTConfiguration()
    configuration.hasPooler = false
    let names = BERT.names(configuration)
    let tensor = try Tensor.zeros([1])
    let found = try names.resolve([
      "bert.pooler.dense.weight": tensor, "bert.embeddings.LayerNorm.gamma": tensor,
      "bert.embeddings.LayerNorm.beta": tensor, "cls.predictions.bias": tensor,
      "bert.embeddings.position_ids": tensor,
    ])
    #expect(found.tensors.keys.sorted() == ["embeddings.LayerNorm.bias", "embeddings.LayerNorm.weight"])
    #expect(found.ignored.count == 3)
  }

  /// What was saved without a pooler is loaded without one; half a pooler, and anything else that is missing, is refused.
  @Test func anEncoderWithoutPoolerIsReadBack() throws {
    let folder = try TemporaryFolder()
    var c = try Golden.model("bert").configuration(of: BERT.self)
    c.hasPooler = false
    try folder.model.save(BERT(c, Generator(seed: 3), dropout: Generator(seed: 0)))
    let file = folder.url.appendingPathComponent("model.safetensors")
    var tensors = try Safetensors.read(file).tensors
    #expect(!tensors.keys.contains { $0.hasPrefix("pooler.") })
    let again = try folder.model.load(BERT.self)
    #expect(again.configuration == c)
    let hidden = try again.hiddenStates(TokenBatch(Golden("bert")["full/ids"]))
    #expect(throws: TorchError.self) { try again.pooled(hidden) }
    tensors["pooler.dense.bias"] = try Tensor.zeros([c.width])
    try Safetensors.encode(tensors).write(to: file)
    let mismatch = #expect(throws: WeightMismatch.self) { try folder.model.load(BERT.self) }
    #expect(mismatch?.missing == ["pooler.dense.weight"])
    tensors["pooler.dense.bias"] = nil
    tensors["encoder.layer.0.output.dense.bias"] = nil
    try Safetensors.encode(tensors).write(to: file)
    let other = #expect(throws: WeightMismatch.self) { try folder.model.load(BERT.self) }
    #expect(other?.missing == ["encoder.layer.0.output.dense.bias"])
  }
}
