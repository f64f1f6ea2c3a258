import Foundation
import Testing
import Torch

@testable import PerennialText

/// What generation promises whatever the model.
struct GenerationTests {
  private let prompts = [[5, 6, 7], [8, 9, 10, 11, 12, 13, 14], [3]]

  private func sampling(_ seed: UInt64, _ tokens: Int = 20) -> GenerationOptions {
    var options = GenerationOptions()
    options.maximumNewTokens = tokens
    options.minimumNewTokens = tokens
    options.sampling = .init(temperature: 1.5, topK: 40, topP: 0.95)
    options.seed = seed
    return options
  }

  @Test(arguments: DecoderGoldenTests.names) func aSeedDrawsTheSameTokens(_ name: String) throws {
    let model = try DecoderGoldenTests.load(name)
    let first = try model.generate(prompts, sampling(7))
    #expect(try model.generate(prompts, sampling(7)) == first)
    #expect(try model.generate(prompts, sampling(8)) != first)
    #expect(first.allSatisfy { $0.tokens.count == 20 })
  }

  /// Draws follow the probabilities: 4000 first tokens against the distribution they come from.
  @Test func drawsFollowTheirProbabilities() throws {
    let model = try DecoderGoldenTests.load("gpt2")
    var options = sampling(3, 1)
    options.minimumNewTokens = 0
    options.sampling = .init(topK: 4)
    let texts = [[Int]](repeating: [5, 6, 7], count: 4000)
    let drawn = try model.generate(texts, options).compactMap(\.tokens.first)
    let scores = try model(Tensor([5, 6, 7], shape: [1, 3])).select(-1, dim: 1)
    let probabilities = try TokenChoice(options).probabilities(scores, texts: []).floats()
    for (token, probability) in probabilities.enumerated() {
      let share = Double(drawn.count { $0 == token }) / 4000
      #expect(abs(share - Double(probability)) < 0.035, "token \(token)")
    }
  }

  @Test func eosEndsATextAndOthersGoOn() throws {
    let model = try DecoderGoldenTests.load("gpt2")
    var options = GenerationOptions()
    options.maximumNewTokens = 12
    options.endTokens = []
    let free = try model.generate(prompts, options)
    let end = free[0].tokens[3]
    options.endTokens = [end]
    let ended = try model.generate(prompts, options)
    for (a, b) in zip(ended, free) {
      let length = b.tokens.firstIndex(of: end).map { $0 + 1 } ?? 12
      #expect(a.tokens == Array(b.tokens.prefix(length)))
      #expect(a.ending == (b.tokens.contains(end) ? .endToken : .length))
    }
    #expect(ended[0].ending == .endToken)
  }

  @Test func stopSequencesAndListeners() throws {
    let model = try DecoderGoldenTests.load("qwen2")
    var options = GenerationOptions()
    options.maximumNewTokens = 10
    options.endTokens = []
    let free = try model.generate([prompts[0]], options)[0].tokens
    options.stopSequences = [Array(free[2...3])]
    let stopped = try model.generate([prompts[0]], options)[0]
    #expect(stopped.ending == .stopSequence)
    #expect(stopped.tokens.suffix(2) == free[2...3])
    options.stopSequences = []
    var heard: [Int] = []
    let listened = try model.generate([prompts[0]], options) {
      heard.append($0.token)
      return $0.tokens.count == 5 ? .stop : .more
    }[0]
    #expect(listened == Generation(tokens: Array(free.prefix(5)), ending: .listener))
    #expect(heard == listened.tokens)
  }

  @Test func stopTextsSpanTokens() throws {
    let decode: ([Int]) -> String = { $0.map { ["a", "b", "c"][$0 % 3] }.joined() }
    let stops = StopTexts(["ab", ""], decode: decode)
    #expect(try stops(GeneratedToken(row: 0, token: 0, tokens: [2, 0])) == .more)
    #expect(try stops(GeneratedToken(row: 0, token: 1, tokens: [2, 0, 1])) == .stop)
    #expect(try StopTexts([], decode: decode)(GeneratedToken(row: 0, token: 1, tokens: [0, 1])) == .more)
  }

  @Test func aRepetitionPenaltyKeepsFromRepeating() throws {
    let model = try DecoderGoldenTests.load("llama3")
    var options = GenerationOptions()
    options.maximumNewTokens = 60
    options.minimumNewTokens = 60
    let plain = try Set(model.generate([prompts[1]], options)[0].tokens).count
    options.repetitionPenalty = 3
    #expect(try Set(model.generate([prompts[1]], options)[0].tokens).count > plain)
  }

  @Test func whatCannotBeIsRefused() throws {
    let model = try DecoderGoldenTests.load("gpt2")
    #expect(throws: GenerationError.self) { try model.generate([[]]) }
    #expect(throws: GenerationError.self) { try model.generate([[Int](repeating: 5, count: 129)]) }
    #expect(throws: TorchError.self) { try model.generate([[97]]) }
    #expect(try model.generate([]).isEmpty)
    for change: (inout GenerationOptions) -> Void in [
      { $0.sampling = .init(temperature: 0) }, { $0.sampling = .init(topK: 0) },
      { $0.sampling = .init(topP: 0) }, { $0.repetitionPenalty = 0 }, { $0.stopSequences = [[]] },
    ] {
      var options = GenerationOptions()
      change(&options)
      #expect(throws: GenerationError.self) { try model.generate(prompts, options) }
    }
  }

  /// A text that reaches the model's length ends there.
  @Test func thereIsNoRoomBeyondTheModelsLength() throws {
    let model = try DecoderGoldenTests.load("gpt2")
    var options = GenerationOptions()
    options.maximumNewTokens = 500
    options.endTokens = []
    let text = try model.generate([[Int](repeating: 5, count: 120)], options)[0]
    #expect(text.tokens.count == 8)
    #expect(text.ending == .length)
  }

  /// Generation neither leaves the model in evaluation mode nor records a graph.
  @Test func generationLeavesTheModelAsItWas() throws {
    let model = try DecoderGoldenTests.load("gpt2")
    model.train()
    let before = try model.stateDictionary()
    _ = try model.generate(prompts, sampling(1, 3))
    #expect(model.isTraining)
    for (path, value) in try model.stateDictionary() { #expect(try value.equals(#require(before[path]))) }
  }

  @Test func aCacheTakesTokensInAnyPieces() throws {
    for name in DecoderGoldenTests.names {
      let model = try DecoderGoldenTests.load(name)
      let ids = try Golden(name)["full/ids"]
      let whole = try model(ids)
      let cache = try model.makeCache(rows: 3, capacity: 12)
      var parts: [Tensor] = []
      for (start, count) in [(0, 5), (5, 1), (6, 4), (10, 2)] {
        let piece = try TokenBatch(ids.narrow(dim: 1, start: start, count: count))
        parts.append(try noGrad { try model.logits(model.hiddenStates(piece, cache: cache)) })
      }
      try expectClose(try Tensor.concatenate(parts, dim: 1), whole, "\(name) in pieces", within: 1e-5)
      #expect(throws: TorchError.self) { try model.hiddenStates(TokenBatch(ids[0..<3]), cache: cache) }
    }
  }

  /// Keys that wait in a cache would lose their gradients in silence.
  @Test func aCacheRefusesToLearn() throws {
    let model = try DecoderGoldenTests.load("gpt2")
    try model.requireGradients()
    let cache = try model.makeCache(rows: 1, capacity: 4)
    let batch = try TokenBatch([[1, 2, 3]], padding: 0)
    let error = #expect(throws: TorchError.self) { try model.hiddenStates(batch, cache: cache) }
    #expect(error?.kind == .autograd)
    _ = try noGrad { try model.hiddenStates(batch, cache: cache) }
  }
}
