import Foundation
import Perennial
import Testing
import Torch

@testable import PerennialText

/// Adapters of language models against `peft`: what `Scripts/golden/adapters_text.py` wrote.
@Suite struct AdapterFolderTests {
  static let models = ["bert", "gpt2", "llama3", "qwen2"]

  /// A golden model, and a function from ids `[N, L]` and their mask to what it gives.
  static func model(_ name: String) throws -> (any Module & Promptable, (TokenBatch) throws -> Tensor) {
    switch name {
    case "bert":
      let model = try Golden.model(name).load(BERT.self)
      return (model, model.hiddenStates)
    case "gpt2":
      let model = try Golden.model(name).load(GPT2.self)
      return (model, { try model($0) })
    default:
      let model = try Golden.model(name).load(Llama.self)
      return (model, { try model($0) })
    }
  }

  static func folder(_ name: String) throws -> AdapterFolder {
    AdapterFolder(try Golden.folder().appendingPathComponent("adapters/\(name)"))
  }

  static func tensors() throws -> [String: Tensor] {
    try Safetensors.read(Golden.folder().appendingPathComponent("adapters.safetensors")).tensors
  }

  static func expect(_ name: String, _ variant: String, _ run: (TokenBatch) throws -> Tensor) throws {
    let all = try tensors()
    let (ids, padded) = (try #require(all["\(name)/ids"]), try #require(all["\(name)/padded"]))
    let mask = try #require(all["\(name)/mask"])
    try expectClose(
      run(TokenBatch(ids)), #require(all["\(name)/\(variant)/full"]), "\(name) \(variant)", within: 1e-4)
    try expectClose(
      run(TokenBatch(padded, mask: mask)), #require(all["\(name)/\(variant)/padded"]),
      "\(name) \(variant), padded", within: 1e-4, mask: mask)
  }

  @Test(arguments: models, ["prompt", "prefix"]) func promptsOfPEFT(name: String, variant: String) throws {
    let (model, run) = try Self.model(name)
    let bare = try run(TokenBatch(#require(Self.tensors()["\(name)/ids"])))
    let source = try Self.folder("\(name)-\(variant)").readPrompt(into: model)
    #expect(source.promptLength == 3)
    try Self.expect(name, variant, run)
    let again = try model.unprompted { try run(TokenBatch(#require(Self.tensors()["\(name)/ids"]))) }
    try expectClose(again, bare, "\(name) without its prompt", within: 0)
  }

  /// What PEFT makes of a prefix that learned through a perceptron is a plain one.
  @Test func projectedPrefixOfPEFT() throws {
    let (model, run) = try Self.model("gpt2")
    _ = try Self.folder("gpt2-projected").readPrompt(into: model)
    try Self.expect("gpt2", "projected", run)
  }

  @Test(arguments: models, ["lora", "rslora", "dora"]) func lowRankAdaptersOfPEFT(
    name: String, variant: String
  )
    throws
  {
    let (model, run) = try Self.model(name)
    _ = try Self.folder("\(name)-\(variant)").read(into: model)
    try Self.expect(name, variant, run)
  }

  /// Ways to begin that change the model's own weights leave nothing of that in the folder.
  @Test(arguments: ["pissa", "pissa_niter_16", "olora", "corda", "loftq", "gaussian", "eva"])
  func beginningsThatChangeTheModelAreRefused(start: String) throws {
    let (model, _) = try Self.model("gpt2")
    let folder = try TemporaryFolder()
    let copy = folder.url.appendingPathComponent("one")
    try FileManager.default.copyItem(at: Self.folder("gpt2-lora").url, to: copy)
    let file = copy.appendingPathComponent("adapter_config.json")
    let text = try String(contentsOf: file, encoding: .utf8)
    let changed = text.replacingOccurrences(
      of: #""init_lora_weights": true"#, with: "\"init_lora_weights\": \"\(start)\"")
    #expect(changed != text)
    try Data(changed.utf8).write(to: file)
    guard !["gaussian", "eva"].contains(start) else {
      _ = try AdapterFolder(copy).read(into: model)
      return
    }
    let error = #expect(throws: AdapterError.self) { try AdapterFolder(copy).read(into: model) }
    #expect("\(try #require(error))".contains(start))
  }

  /// A prompt belongs to the beginning of a text: with the cache and without, the same tokens.
  @Test(arguments: ["gpt2", "llama3", "qwen2"], ["prompt", "prefix"])
  func promptedModelsWriteTheSameWithACache(name: String, variant: String) throws {
    let (model, _) = try Self.model(name)
    let writer = try #require(model as? any CausalLanguageModel)
    var options = GenerationOptions()
    (options.maximumNewTokens, options.endTokens) = (20, [])
    let plain = try writer.generate([[5, 6, 7], [8, 9, 10, 11, 12]], options)
    _ = try Self.folder("\(name)-\(variant)").readPrompt(into: model)
    let cached = try writer.generate([[5, 6, 7], [8, 9, 10, 11, 12]], options)
    options.usesCache = false
    #expect(try writer.generate([[5, 6, 7], [8, 9, 10, 11, 12]], options) == cached)
    #expect(cached != plain)
  }

  /// Gradients of what stands in front, with and without running blocks again.
  @Test(arguments: ["prompt", "prefix"]) func recomputedBlocksTeachPromptsToo(variant: String) throws {
    func gradient(_ recomputes: Bool) throws -> Tensor {
      let model = try Golden.model("gpt2").load(GPT2.self)
      let source = try Self.folder("gpt2-\(variant)").readPrompt(into: model)
      model.recomputesBlocks = recomputes
      model.train()
      for (_, parameter) in source.parameters { try parameter.value.setRequiresGrad(true) }
      try model.loss(#require(Self.tensors()["gpt2/ids"])).backward()
      let gradient = try source.parameters[0].parameter.value.gradient
      return try #require(gradient)
    }
    let (plain, again) = (try gradient(false), try gradient(true))
    #expect(try plain.abs().amax([0, 1]).item() > 1e-3)
    try expectClose(again, plain, "gradient of a \(variant)", within: 1e-6)
  }

  @Test func whatDoesNotFitIsNamed() throws {
    let (bert, _) = try Self.model("bert")
    func message(_ body: () throws -> Void) throws -> String {
      "\(try #require(#expect(throws: AdapterError.self) { try body() }))"
    }
    let wide = try message { _ = try Self.folder("llama3-prompt").readPrompt(into: bert) }
    #expect(wide.contains("`token_dim` is 24, and the model has 16"))
    let kind = try message { _ = try Self.folder("bert-lora").readPrompt(into: bert) }
    #expect(kind.contains("PROMPT_TUNING or PREFIX_TUNING"))
    let other = try message { _ = try Self.folder("gpt2-lora").read(into: bert) }
    #expect(other.contains("`c_attn`"))
    let swapped = try message { _ = try Self.folder("bert-prompt").read(into: bert) }
    #expect(swapped.contains("`peft_type` is PROMPT_TUNING, where LORA is known"))
    #expect(bert.promptSource == nil && bert.adapters(named: "default") == nil)

    let copy = try TemporaryFolder()
    try FileManager.default.removeItem(at: copy.url)
    try FileManager.default.copyItem(at: Self.folder("bert-prompt").url, to: copy.url)
    let weights = copy.url.appendingPathComponent("adapter_model.safetensors")
    try Safetensors.encode(["prompt_embeddings": Tensor.zeros([4, 16])]).write(to: weights)
    let shape = try message { _ = try AdapterFolder(copy.url).readPrompt(into: bert) }
    #expect(shape.contains("prompt_embeddings is [4, 16], not [3, 16]"))
    try Safetensors.encode(["prompts": Tensor.zeros([3, 16])]).write(to: weights)
    let name = try message { _ = try AdapterFolder(copy.url).readPrompt(into: bert) }
    #expect(name.contains("prompt_embeddings is missing"))
    #expect(bert.promptSource == nil)
  }

  @Test func rowsOfSeveralTextsTakeNoPrompt() throws {
    let (model, run) = try Self.model("gpt2")
    _ = try Self.folder("gpt2-prompt").readPrompt(into: model)
    #expect(throws: TorchError.self) { try run(TokenBatch(packed: [[[5, 6], [7, 8]]], padding: 0)) }
  }
}

/// Prompts in front of the encoder of an encoder-decoder, as PEFT has them with one module.
@Suite struct EncoderDecoderPromptTests {
  @Test func promptsOfPEFT() throws {
    let model = try Golden.model("t5").load(T5.self)
    let all = try AdapterFolderTests.tensors()
    let (ids, padded) = (try #require(all["t5/ids"]), try #require(all["t5/padded"]))
    let (mask, target) = (try #require(all["t5/mask"]), try TokenBatch(#require(all["t5/target"])))
    let bare = try model(TokenBatch(ids), target: target)
    let source = try AdapterFolderTests.folder("t5-prompt").readPrompt(into: model)
    #expect(source.promptLength == 3)
    try expectClose(
      model(TokenBatch(ids), target: target), #require(all["t5/prompt/full"]), "prompt", within: 1e-4)
    try expectClose(
      model(TokenBatch(padded, mask: mask), target: target), #require(all["t5/prompt/padded"]),
      "prompt, padded", within: 1e-4)
    #expect(try model.hiddenStates(TokenBatch(ids)).shape == [2, 7, model.width])
    try expectClose(
      model.unprompted { try model(TokenBatch(ids), target: target) }, bare, "without", within: 0)
    // With the cache and without, the same tokens.
    var options = GenerationOptions()
    options.maximumNewTokens = 12
    let sources = [[5, 9, 40], [7, 7, 8, 33, 21]]
    let cached = try model.generate(sources, options).map(\.tokens)
    options.usesCache = false
    #expect(try model.generate(sources, options).map(\.tokens) == cached)
    #expect(try model.unprompted { try model.generate(sources, options).map(\.tokens) } != cached)
  }

  @Test func whatADecoderWouldNeedIsRefused() throws {
    let model = try Golden.model("t5").load(T5.self)
    #expect(throws: TorchError.self) { try SoftPrefix(3, for: model, Generator(seed: 1)) }
    let folder = try TemporaryFolder()
    let copy = folder.url.appendingPathComponent("two")
    try FileManager.default.copyItem(at: AdapterFolderTests.folder("t5-prompt").url, to: copy)
    let file = copy.appendingPathComponent("adapter_config.json")
    let text = try String(contentsOf: file, encoding: .utf8)
    let (one, two) = (#""num_transformer_submodules": 1"#, #""num_transformer_submodules": 2"#)
    try Data(text.replacingOccurrences(of: one, with: two).utf8).write(to: file)
    let error = #expect(throws: AdapterError.self) { try AdapterFolder(copy).readPrompt(into: model) }
    #expect("\(String(describing: error))".contains("takes no prompt of its own"))
  }

  /// The prompt alone learns, and what it learns is of use.
  @Test func promptTuningTeachesAPromptInFrontOfTheEncoder() throws {
    let (stream, learner) = try TranslationTests.learner([PromptTuning()], steps: 30)
    let before = try learner.model.backbone.stateDictionary().mapValues { try $0.clone() }
    try learner.begin(stream.experience(0))
    var losses: [Double] = []
    while let session = learner.session, !session.isDone { losses.append(try learner.step()) }
    let after = try learner.model.backbone.stateDictionary()
    #expect(try before.allSatisfy { try $0.value.equals(#require(after[$0.key])) })
    #expect(learner.vector.layout.slots.count == 1)
    #expect(losses.suffix(5).reduce(0, +) < losses.prefix(5).reduce(0, +))
  }

  @Test func savedAndReadAgain() throws {
    let place = try TemporaryFolder()
    let root =
      ProcessInfo.processInfo.environment["PERENNIAL_SAVED"].map { URL(fileURLWithPath: $0) } ?? place.url
    let folder = AdapterFolder(root.appendingPathComponent("t5-prompt"))
    let model = try Golden.model("t5").load(T5.self)
    let all = try AdapterFolderTests.tensors()
    let (ids, mask) = (try #require(all["t5/padded"]), try #require(all["t5/mask"]))
    let target = try #require(all["t5/target"])
    let prompt = try SoftPrompt(4, for: model, start: .normal, Generator(seed: 3))
    model.promptSource = prompt
    try folder.write(prompt, of: model)
    func answer(_ model: T5) throws -> Tensor {
      try noGrad { try model(TokenBatch(ids, mask: mask), target: TokenBatch(target)) }
    }
    let asked = try answer(model)
    try Safetensors.encode(["ids": ids, "mask": mask.to(.int64), "target": target, "answer": asked]).write(
      to: folder.url.appendingPathComponent("asked.safetensors"))
    let other = try Golden.model("t5").load(T5.self)
    _ = try folder.readPrompt(into: other)
    try expectClose(answer(other), asked, "read again", within: 1e-5)
  }
}

/// Writes what `Scripts/check-peft` reads, where `PERENNIAL_SAVED` says; without, that what is written is read again.
@Suite struct SavedAdapters {
  @Test(arguments: AdapterFolderTests.models, ["prompt", "prefix", "projected", "lora", "rslora", "dora"])
  func savedAndReadAgain(name: String, variant: String) throws {
    let place = try TemporaryFolder()
    let root =
      ProcessInfo.processInfo.environment["PERENNIAL_SAVED"].map { URL(fileURLWithPath: $0) } ?? place.url
    let folder = AdapterFolder(root.appendingPathComponent("\(name)-\(variant)"))
    let (model, run) = try AdapterFolderTests.model(name)
    let all = try AdapterFolderTests.tensors()
    let (ids, mask) = (try #require(all["\(name)/padded"]), try #require(all["\(name)/mask"]))
    let generator = try Generator(seed: 3)
    func disturb(_ module: Module) throws {
      try noGrad {
        for (_, parameter) in module.parameters {
          try parameter.value.add(Tensor.normal(parameter.value.shape, generator) * 0.3)
        }
      }
    }
    switch variant {
    case "prompt", "prefix", "projected":
      let source: any PromptSource =
        variant == "prompt"
        ? try SoftPrompt(4, for: model, generator)
        : try SoftPrefix(4, for: model, projection: variant == "projected" ? 6 : nil, generator)
      try disturb(source)
      model.promptSource = source
      try folder.write(source, of: model)
    default:
      var configuration = LowRankConfiguration()
      (configuration.rank, configuration.alpha) = (2, 5)
      configuration.isRankStabilized = variant == "rslora"
      configuration.hasMagnitude = variant == "dora"
      configuration.taskType = name == "bert" ? "FEATURE_EXTRACTION" : "CAUSAL_LM"
      configuration.targets = .named(
        name == "bert"
          ? ["query", "output.dense"] : name == "gpt2" ? ["c_attn", "c_fc"] : ["q_proj", "down_proj"])
      let set = try model.addAdapters("default", configuration, RandomStreams(seed: 2))
      try disturb(set)
      try folder.write(set, of: model)
    }
    let answer = try noGrad { try run(TokenBatch(ids, mask: mask)) }
    try Safetensors.encode(["ids": ids, "mask": mask.to(.int64), "answer": answer]).write(
      to: folder.url.appendingPathComponent("asked.safetensors"))
    let (other, ask) = try AdapterFolderTests.model(name)
    if variant.hasPrefix("p") {
      _ = try folder.readPrompt(into: other)
    } else {
      _ = try folder.read(into: other)
    }
    try expectClose(
      noGrad { try ask(TokenBatch(ids, mask: mask)) }, answer, "\(name) \(variant), read again", within: 1e-5)
  }
}
