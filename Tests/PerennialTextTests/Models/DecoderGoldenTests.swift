import Foundation
import Testing
import Torch

@testable import PerennialText

/// The decoders against `transformers`.
struct DecoderGoldenTests {
  static let names = ["gpt2", "llama3", "llama-linear", "qwen2"]

  static func load(_ name: String) throws -> any CausalLanguageModel {
    let folder = try Golden.model(name)
    return name == "gpt2" ? try folder.load(GPT2.self) : try folder.load(Llama.self)
  }

  private func tap(_ model: any CausalLanguageModel, _ names: [String], _ ids: Tensor) throws -> [String:
    Tensor]
  {
    try model.taps.recording(names) { _ = try model.hiddenStates(TokenBatch(ids)) }.taps
  }

  @Test(arguments: names) func logitsAndTaps(_ name: String) throws {
    let (model, golden) = (try Self.load(name), try Golden(name))
    let ids = try golden["full/ids"]
    try expectClose(try model(ids), try golden["full/logits"], "\(name) logits")
    let heard = try tap(model, ["embeddings", "layers.0", "attentions.1", "hidden"], ids)
    try expectClose(#require(heard["hidden"]), try golden["full/hidden"], "\(name) hidden")
    try expectClose(#require(heard["layers.0"]), try golden["full/layer"], "\(name) layer")
    try expectClose(#require(heard["attentions.1"]), try golden["full/attention"], "\(name) attention")
  }

  /// Listening takes the unfused way, which gives the same.
  @Test(arguments: names) func listeningChangesNothing(_ name: String) throws {
    let (model, golden) = (try Self.load(name), try Golden(name))
    let batch = try TokenBatch(try golden["left/ids"], mask: try golden["left/mask"])
    let (heard, taps) = try model.taps.recording(["attentions.0", "attentions.1"]) { try model(batch) }
    try expectClose(heard, model(batch), "\(name) with listener", within: 1e-5, mask: batch.mask)
    let sums = try #require(taps["attentions.0"]).sum([3])
    try expectClose(sums, sums.onesLike(), "\(name) probabilities", within: 1e-5)
  }

  @Test(arguments: names, ["right", "left"]) func padding(_ name: String, _ side: String) throws {
    let (model, golden) = (try Self.load(name), try Golden(name))
    let batch = try TokenBatch(try golden["\(side)/ids"], mask: try golden["\(side)/mask"])
    try expectClose(
      try model(batch), try golden["\(side)/logits"], "\(name) \(side) padded", mask: batch.mask)
    // The ids alone say the same.
    try expectClose(try model(batch.ids), try model(batch), "\(name) \(side) ids alone", within: 0)
  }

  @Test(arguments: names) func lossAndGradients(_ name: String) throws {
    let (model, golden) = (try Self.load(name), try Golden(name))
    try model.requireGradients()
    let loss = try model.loss(try golden["full/ids"])
    try expectClose(loss, try golden["gradients/loss"], "\(name) loss", within: 1e-5)
    try loss.backward()
    try model.expectGradients(
      golden, "gradients", transposed: ["c_attn.weight", "c_fc.weight", "c_proj.weight"])
  }

  /// Each sequence of a packed row gets what it gets by itself, and so do its gradients.
  @Test(arguments: names) func packedEqualsSeparate(_ name: String) throws {
    let model = try Self.load(name)
    let texts = [[5, 6, 7, 8], [9, 10], [11, 12, 13, 14, 15]]
    let packed = try TokenBatch(packed: [texts, [[20, 21]]], padding: 0)
    let positions = try packed.positions()?.integers()
    #expect(positions == [0, 1, 2, 3, 0, 1, 0, 1, 2, 3, 4] + [0, 1] + [Int](repeating: 0, count: 9))
    let together = try model(packed)
    var start = 0
    for text in texts {
      let alone = try model(TokenBatch(Tensor([text].flatMap { $0 }, shape: [1, text.count])))
      let part = try together[0..<1].narrow(dim: 1, start: start, count: text.count)
      try expectClose(part, alone, "\(name) packed", within: 1e-5)
      start += text.count
    }
  }

  @Test(arguments: names) func aSequenceThatIsTooLongIsRefused(_ name: String) throws {
    let model = try Self.load(name)
    let length = try #require(model.maximumLength) + 1
    #expect(throws: TorchError.self) { try model(Tensor.zeros([1, length], dtype: .int64)) }
  }
}
