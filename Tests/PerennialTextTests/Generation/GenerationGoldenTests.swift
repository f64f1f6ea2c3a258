import Foundation
import Testing
import Torch

@testable import PerennialText

/// Greedy continuations of 100 tokens against `transformers`, and the ways to the same tokens.
struct GenerationGoldenTests {
  static let prompts = [[5, 6, 7], [8, 9, 10, 11, 12, 13, 14], [3]]

  static func options(cache: Bool = true) -> GenerationOptions {
    var options = GenerationOptions()
    options.maximumNewTokens = 100
    options.minimumNewTokens = 100
    options.usesCache = cache
    return options
  }

  private func expected(_ golden: Golden, _ name: String) throws -> [[Int]] {
    let tensor = try golden["greedy/\(name)"]
    return try (0..<tensor.shape[0]).map { try tensor[$0].integers() }
  }

  @Test(arguments: DecoderGoldenTests.names, [true, false]) func decoders(_ name: String, _ cache: Bool)
    throws
  {
    let model = try DecoderGoldenTests.load(name)
    let golden = try Golden(name)
    let batch = try model.generate(Self.prompts, Self.options(cache: cache)).map(\.tokens)
    #expect(try batch == expected(golden, "batch"))
    let single = try model.generate([Self.prompts[1]], Self.options(cache: cache)).map(\.tokens)
    #expect(try single == expected(golden, "single"))
  }

  @Test(arguments: ["t5", "t5-gated"], [true, false]) func encoderDecoders(_ name: String, _ cache: Bool)
    throws
  {
    let model = try Golden.model(name).load(T5.self)
    let golden = try expected(Golden(name), "batch")
    #expect(try model.generate(Self.prompts, Self.options(cache: cache)).map(\.tokens) == golden)
  }

  @Test func samplingProbabilities() throws {
    for name in DecoderGoldenTests.names {
      let (model, golden) = (try DecoderGoldenTests.load(name), try Golden(name))
      let ids = try golden["full/ids"][0..<1]
      var options = GenerationOptions()
      options.repetitionPenalty = 1.3
      options.sampling = .init(temperature: 0.7, topK: 10, topP: 0.8)
      let scores = try model(ids).select(-1, dim: 1)
      let choice = try TokenChoice(options)
      let text = try ids.integers()
      try expectClose(
        choice.probabilities(scores, texts: [text]), try golden["sampling/probabilities"],
        "\(name) sampling", within: 1e-5)
    }
  }
}
