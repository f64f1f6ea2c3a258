import Foundation
import Testing
import Torch

@testable import PerennialText

/// A public encoder: all-MiniLM-L6-v2, from the folder that `PERENNIAL_MINILM` names.
///
/// Its 90 MB are not in this repository; without the folder the suite is skipped. Expected values come from
/// sentence-transformers, for token ids that are stored with them.
@Suite(
  .enabled(
    if: ProcessInfo.processInfo.environment["PERENNIAL_MINILM"] != nil,
    "PERENNIAL_MINILM does not name a folder of all-MiniLM-L6-v2"))
struct MiniLMTests {
  private func golden(_ name: String) throws -> Tensor {
    let url = try Golden.folder().appendingPathComponent("minilm.safetensors")
    return try #require(Safetensors.read(url).tensors["minilm/\(name)"])
  }

  private func folder() throws -> ModelFolder {
    let path = try #require(ProcessInfo.processInfo.environment["PERENNIAL_MINILM"])
    return ModelFolder(URL(fileURLWithPath: path))
  }

  @Test func hiddenStatesAndSentenceEmbeddings() throws {
    let encoder = try folder().loadSentenceEncoder()
    #expect(encoder.pooling == SentencePooling(.mean, isNormalized: true))
    let ids = try golden("ids")
    let expected = try golden("embeddings")
    let embeddings = try noGrad { try encoder(ids) }
    let cosines = try embeddings.cosineSimilarity(expected, dim: 1).floats()
    #expect(cosines.allSatisfy { $0 >= 0.99999 }, "cosines \(cosines)")
    try expectClose(embeddings, expected, "MiniLM embeddings", within: 1e-5)
    let hidden = try noGrad { try encoder.encoder.hiddenStates(TokenBatch(ids, padding: 0)) }
    let mask = try (ids .!= 0).narrow(dim: 1, start: 0, count: 8)
    try expectClose(
      try hidden.narrow(dim: 1, start: 0, count: 8), try golden("hidden"), "MiniLM hidden", within: 1e-4,
      mask: mask)
  }

  /// Half of the memory turns vectors by less than three degrees, and each stays nearest to itself.
  @Test func keptInBfloat16() throws {
    let encoder = try folder().loadSentenceEncoder()
    try encoder.keepWeights(in: .bfloat16)
    let expected = try golden("embeddings")
    let embeddings = try noGrad { try encoder(golden("ids")) }
    let cosines = try embeddings.cosineSimilarity(expected, dim: 1).floats()
    #expect(cosines.allSatisfy { $0 >= 0.999 }, "cosines \(cosines)")
    let nearest = try embeddings.matmul(expected.T).argmax(1).integers()
    #expect(nearest == Array(nearest.indices))
  }

  @Test func savedAgainItIsTheSame() throws {
    let copy = try TemporaryFolder()
    let model = try folder().load(BERT.self)
    try copy.model.save(model, shardBytes: 20_000_000)
    let again = try copy.model.load(BERT.self)
    let ids = try golden("ids")
    let batch = try TokenBatch(ids, padding: 0)
    #expect(try noGrad { try model.hiddenStates(batch).equals(again.hiddenStates(batch)) })
  }
}
