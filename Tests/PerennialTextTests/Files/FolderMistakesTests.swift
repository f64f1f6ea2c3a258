import Foundation
import TestSupport
import Testing
import Torch

@testable import PerennialText

/// Mistakes that other readers pass over in silence, each by name.
struct FolderMistakesTests {
  private func gpt2Tensors() throws -> [String: Tensor] {
    try Safetensors.read(Golden.model("gpt2").file("model.safetensors")).tensors
  }

  /// A copy of the GPT-2 folder with other tensors.
  private func folder(_ change: (inout [String: Tensor]) throws -> Void) throws -> TemporaryFolder {
    let folder = try TemporaryFolder(copying: "gpt2")
    var tensors = try gpt2Tensors()
    try change(&tensors)
    try Safetensors.encode(tensors).write(to: folder.url.appendingPathComponent("model.safetensors"))
    return folder
  }

  private func mismatch(_ change: (inout [String: Tensor]) throws -> Void) throws -> WeightMismatch {
    let folder = try folder(change)
    return try #require(throws: WeightMismatch.self) { try folder.model.load(GPT2.self) }
  }

  private func expectLoads(_ change: (inout [String: Tensor]) throws -> Void) throws {
    let folder = try folder(change)
    let model = try folder.model.load(GPT2.self)
    let golden = try Golden("gpt2")
    try expectClose(try model(try golden["full/ids"]), try golden["full/logits"], "loaded")
  }

  @Test func missingTensorsAreNamed() throws {
    let error = try mismatch {
      $0["transformer.h.0.ln_1.bias"] = nil
      $0["transformer.h.1.attn.c_proj.weight"] = nil
      $0["transformer.wpe.weight"] = nil
    }
    #expect(
      error.missing.sorted() == [
        "transformer.h.0.ln_1.bias", "transformer.h.1.attn.c_proj.weight", "transformer.wpe.weight",
      ])
  }

  @Test func unusedTensorsAreNamed() throws {
    let error = try mismatch { $0["transformer.h.2.ln_1.bias"] = try Tensor.zeros([16]) }
    #expect(error.unused == ["transformer.h.2.ln_1.bias"])
  }

  @Test func misshapedTensorsAreNamedWithBothShapes() throws {
    let error = try mismatch { $0["transformer.ln_f.weight"] = try Tensor.zeros([15]) }
    #expect(error.misshaped == ["transformer.ln_f.weight is [15], not [16]"])
  }

  @Test func integersAreNotWeights() throws {
    let error = try mismatch { $0["transformer.ln_f.weight"] = try Tensor.zeros([16], dtype: .int64) }
    #expect(error.mistyped == ["transformer.ln_f.weight holds int64"])
  }

  @Test func aTiedHeadMayBeAbsentOrTheSame() throws {
    try expectLoads { _ in }
    try expectLoads { $0["lm_head.weight"] = $0["transformer.wte.weight"] }
    // A file may keep the head and leave the embeddings out.
    try expectLoads {
      $0["lm_head.weight"] = $0["transformer.wte.weight"]
      $0["transformer.wte.weight"] = nil
    }
  }

  @Test func aTiedHeadThatDiffersIsRefused() throws {
    let error = try mismatch { $0["lm_head.weight"] = try $0["transformer.wte.weight"].map { try $0 * 2 } }
    #expect(error.untied == ["lm_head.weight and transformer.wte.weight"])
  }

  @Test func computedBuffersOfOldFilesArePassedOver() throws {
    try expectLoads {
      $0["transformer.h.0.attn.bias"] = try Tensor.ones([1, 1, 8, 8], dtype: .uint8)
      $0["transformer.h.1.attn.masked_bias"] = try Tensor.scalar(Float(-1e4))
    }
  }

  @Test func filesOfTheBaseModelLackThePrefix() throws {
    try expectLoads { tensors in
      tensors = Dictionary(
        uniqueKeysWithValues: tensors.map { (String($0.key.dropFirst("transformer.".count)), $0.value) })
    }
  }

  @Test func transposedSquareWeightsAreNotGuessedByShape() throws {
    let model = try Golden.model("gpt2").load(GPT2.self)
    let file = try gpt2Tensors()
    let path = "transformer.h.0.attn.c_proj.weight"
    let layer = try #require(model.linearLayers.first { $0.path + ".weight" == path }?.layer)
    #expect(try layer.weight.value.T.equals(#require(file[path])))
  }

  @Test func aMissingShardIsNamed() throws {
    let folder = try TemporaryFolder(copying: "gpt2-shards")
    for shard in ["model-00002-of-00005.safetensors", "model-00004-of-00005.safetensors"] {
      try FileManager.default.removeItem(at: folder.url.appendingPathComponent(shard))
    }
    let error = try #require(throws: FileError.self) { try folder.model.load(GPT2.self) }
    #expect(error.kind == .missing)
    #expect(error.message.contains("model-00002-of-00005.safetensors, model-00004-of-00005.safetensors"))
  }

  @Test func aShardThatContradictsTheIndexIsNamed() throws {
    let folder = try TemporaryFolder(copying: "gpt2-shards")
    let manager = FileManager.default
    let (one, two) = ("model-00001-of-00005.safetensors", "model-00002-of-00005.safetensors")
    try manager.removeItem(at: folder.url.appendingPathComponent(two))
    try manager.copyItem(
      at: folder.url.appendingPathComponent(one), to: folder.url.appendingPathComponent(two))
    let error = try #require(throws: FileError.self) { try folder.model.load(GPT2.self) }
    #expect(error.kind == .mismatch)
    #expect(error.place == .entry(two))
  }

  @Test func anIndexCannotLeadOutOfItsFolder() throws {
    for file in ["../model.safetensors", "/etc/passwd", "", ".hidden"] {
      let folder = try TemporaryFolder(copying: "gpt2-shards")
      let index: JSONValue = .object(["weight_map": .object(["transformer.wte.weight": .text(file)])])
      try index.data().write(to: folder.url.appendingPathComponent("model.safetensors.index.json"))
      let error = try #require(throws: FileError.self) { try folder.model.load(GPT2.self) }
      #expect(error.kind == .corrupt)
    }
  }

  @Test func truncatedWeightsAreRefused() throws {
    let folder = try TemporaryFolder(copying: "gpt2")
    let file = folder.url.appendingPathComponent("model.safetensors")
    try Data(contentsOf: file).dropLast(100).write(to: file)
    #expect(throws: SafetensorsError.self) { try folder.model.load(GPT2.self) }
  }

  @Test func pickledWeightsAloneAreNotRead() throws {
    let folder = try TemporaryFolder(copying: "gpt2")
    try FileManager.default.moveItem(
      at: folder.url.appendingPathComponent("model.safetensors"),
      to: folder.url.appendingPathComponent("pytorch_model.bin"))
    let error = try #require(throws: FileError.self) { try folder.model.load(GPT2.self) }
    #expect(error.kind == .missing)
  }

  /// A damaged file gives an error or the model, never a crash and never a giant allocation.
  @Test(arguments: ["gpt2", "llama3", "t5", "bert"]) func damagedConfigurations(_ name: String) throws {
    let folder = try TemporaryFolder(copying: name)
    let file = folder.url.appendingPathComponent("config.json")
    for (seed, bytes) in FileMutations(of: [UInt8](try Data(contentsOf: file)), count: 400).enumerated() {
      try Data(bytes).write(to: file)
      do {
        switch name {
        case "gpt2": _ = try folder.model.load(GPT2.self)
        case "t5": _ = try folder.model.load(T5.self)
        case "bert": _ = try folder.model.load(BERT.self)
        default: _ = try folder.model.load(Llama.self)
        }
      } catch is FileError {
      } catch is WeightMismatch {
      } catch {
        Issue.record("mutation \(seed): \(type(of: error)): \(error)")
      }
    }
  }

  @Test func damagedIndices() throws {
    let folder = try TemporaryFolder(copying: "gpt2-shards")
    let file = folder.url.appendingPathComponent("model.safetensors.index.json")
    for bytes in FileMutations(of: [UInt8](try Data(contentsOf: file)), count: 300) {
      try Data(bytes).write(to: file)
      do {
        _ = try folder.model.load(GPT2.self)
      } catch is FileError {
      } catch is WeightMismatch {
      } catch {
        Issue.record("\(type(of: error)): \(error)")
      }
    }
  }

  @Test func damagedWeights() throws {
    let folder = try TemporaryFolder(copying: "gpt2")
    let file = folder.url.appendingPathComponent("model.safetensors")
    for bytes in FileMutations(of: [UInt8](try Data(contentsOf: file)), count: 300) {
      try Data(bytes).write(to: file)
      do {
        _ = try folder.model.load(GPT2.self)
      } catch is SafetensorsError {
      } catch is WeightMismatch {
      } catch {
        Issue.record("\(type(of: error)): \(error)")
      }
    }
  }
}
