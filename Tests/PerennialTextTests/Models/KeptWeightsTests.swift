import Perennial
import Testing
import Torch

@testable import PerennialText

/// Models whose weights are kept in bfloat16 are those whose weights were rounded to it; a few tokens at once are not rounded.
struct KeptWeightsTests {
  /// The matrices of the same model, rounded and float32 again.
  private func round(_ model: Module) throws {
    for product in model.modules.compactMap({ $0 as? any MatrixProduct }) {
      product.weight.replace(with: try product.weight.value.detach().to(.bfloat16).to(.float32))
    }
  }

  @Test(arguments: DecoderGoldenTests.names) func decodersWriteTheSame(_ name: String) throws {
    let (kept, rounded) = (try DecoderGoldenTests.load(name), try DecoderGoldenTests.load(name))
    try kept.keepWeights(in: .bfloat16)
    try round(rounded)
    let bytes = { (model: Module) in
      model.parameters.reduce(0) { $0 + $1.parameter.value.count * $1.parameter.value.dtype.byteCount }
    }
    #expect(bytes(kept) < bytes(rounded) * 6 / 10)
    // A prompt of few tokens meets the weights as they are kept, as does every token that follows.
    var options = GenerationOptions()
    (options.maximumNewTokens, options.endTokens) = (20, [])
    #expect(
      try kept.generate([[5, 6, 7]], options).map(\.tokens)
        == rounded.generate([[5, 6, 7]], options).map(\.tokens))
    try noGrad {
      let few = try Tensor([5, 6, 7]).unsqueeze(0)
      try expectClose(kept(few), rounded(few), "\(name), few", within: 1e-4)
      let ids = try Golden(name)["full/ids"]
      let exact = try rounded(ids)
      try expectClose(kept(ids), exact, "\(name), many", within: 0.05 * exact.abs().amax([0, 1, 2]).item())
      #expect(try !kept(ids).equals(exact))
    }
  }

  @Test(arguments: ["t5", "t5-gated"]) func translatorsWriteTheSame(_ name: String) throws {
    let (kept, rounded) = (try Golden.model(name).load(T5.self), try Golden.model(name).load(T5.self))
    try kept.keepWeights(in: .bfloat16)
    try round(rounded)
    var options = GenerationOptions()
    (options.maximumNewTokens, options.minimumNewTokens) = (20, 20)
    #expect(
      try kept.generate([[5, 6, 7]], options).map(\.tokens)
        == rounded.generate([[5, 6, 7]], options).map(\.tokens))
  }

  /// An adapter beside kept weights adds what it adds beside others, and is not merged into what would round it away.
  @Test func adaptersStandBeside() throws {
    let (kept, rounded) = (try DecoderGoldenTests.load("llama3"), try DecoderGoldenTests.load("llama3"))
    try kept.keepWeights(in: .bfloat16)
    try round(rounded)
    let ids = try Tensor([5, 6, 7]).unsqueeze(0)
    let before = try noGrad { try kept(ids) }
    for model in [kept, rounded] {
      let set = try model.addAdapters("default", LowRankConfiguration(), RandomStreams(seed: 1))
      for (_, parameter) in model.parameters where parameter.kind == .adapter {
        parameter.replace(with: try Tensor.normal(parameter.value.shape, Generator(seed: 3)) * 0.1)
      }
      if model === kept {
        let error = #expect(throws: TorchError.self) { try set.merge() }
        #expect(error?.kind == .dtype && !set.isMerged)
      }
    }
    let after = try noGrad { try kept(ids) }
    #expect(try largestError(after, before) > 0.01)
    try expectClose(after, try noGrad { try rounded(ids) }, "with an adapter", within: 1e-3)
  }
}
