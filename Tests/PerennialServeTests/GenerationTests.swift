import Foundation
import PerennialText
import PerennialTokenizers
import Testing
import Torch

@testable import PerennialServe

/// A tiny language model with random weights, asked through the server and directly.
@Suite(.serialized) struct GenerationTests {
  private final class Folder: Sendable {
    let url: URL

    init() throws {
      url = FileManager.default.temporaryDirectory.appendingPathComponent("serve-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
      var c = GPT2Configuration()
      (c.layers, c.heads, c.width, c.vocabularySize, c.maximumLength) = (1, 2, 16, 270, 64)
      (c.beginToken, c.endTokens) = (0, [0])
      try ModelFolder(url).save(GPT2(c, Generator(seed: 5), dropout: Generator(seed: 6)))
      let text = "the cat sat on the mat and the dog sat on the log"
      try Tokenizer.trainByteLevelBPE(on: [text], size: 270).save(to: url)
    }

    deinit { try? FileManager.default.removeItem(at: url) }
  }

  private struct Reply: Decodable {
    struct Choice: Decodable {
      struct Message: Decodable { let content: String? }
      let index: Int
      let text: String?
      let message: Message?
      let delta: Message?
      let finish_reason: String?
    }
    struct Usage: Decodable { let prompt_tokens, completion_tokens, total_tokens: Int }
    let object: String
    let choices: [Choice]
    let usage: Usage?
  }

  /// What the library itself says.
  private func direct(_ folder: URL, _ prompt: String, tokens: Int) throws -> (text: String, prompt: Int) {
    let tokenizer = try Tokenizer(folder: folder)
    var options = GenerationOptions()
    options.maximumNewTokens = tokens
    let ids = tokenizer.encode(prompt).ids
    let answer = try ModelFolder(folder).loadLanguageModel().generate([ids.map(Int.init)], options)
    var decoder = tokenizer.streamDecoder()
    let pieces = answer[0].tokens.map { decoder.append(Int32($0)) }
    return (pieces.joined() + decoder.finish(), ids.count)
  }

  @Test func theServerSaysWhatTheLibrarySays() async throws {
    let folder = try Folder()
    let expected = try direct(folder.url, "the cat", tokens: 12)
    try await serving(FolderSource(folder.url)) { asking async throws in
      let json = #"{"prompt": ["the cat", "the dog"], "max_tokens": 12, "temperature": 0}"#
      let answer = try await asking.post("/v1/completions", json)
      #expect(answer.status == 200, "\(answer.text)")
      let reply = try answer.decode(Reply.self)
      #expect(reply.object == "text_completion")
      #expect(reply.choices.map(\.index) == [0, 1])
      #expect(reply.choices[0].text == expected.text)
      #expect(reply.usage.map { $0.prompt_tokens + $0.completion_tokens == $0.total_tokens } == true)
      #expect(try await asking.post("/v1/predict", #"{"inputs": ["a"]}"#).code == "unsupported_by_model")
      #expect(try await asking.post("/v1/embeddings", #"{"input": "a"}"#).code == "unsupported_by_model")
    }
  }

  @Test func piecesMakeTheWhole() async throws {
    let folder = try Folder()
    let expected = try direct(folder.url, "the cat", tokens: 12)
    try await serving(FolderSource(folder.url)) { asking async throws in
      let json = #"{"prompt": "the cat", "max_tokens": 12, "temperature": 0, "stream": true}"#
      let answer = try await asking.post("/v1/completions", json)
      #expect(answer.headers["content-type"]?.hasPrefix("text/event-stream") == true)
      let events = answer.text.components(separatedBy: "\n\n").filter { !$0.isEmpty }
      #expect(events.last == "data: [DONE]")
      let pieces = try events.dropLast().map {
        try JSONDecoder().decode(Reply.self, from: Data($0.dropFirst("data: ".count).utf8))
      }
      #expect(pieces.compactMap { $0.choices.first?.text }.joined() == expected.text)
      #expect(pieces.last?.choices[0].finish_reason != nil)
      #expect(pieces.dropLast().allSatisfy { $0.choices[0].finish_reason == nil })
    }
  }

  @Test func whatCannotBeGeneratedIsNamed() async throws {
    let folder = try Folder()
    try await serving(FolderSource(folder.url)) { asking async throws in
      let long = String(repeating: "z", count: 100)
      for (json, place) in [
        ("{\"prompt\": \"\(long)\"}", "prompt"), (#"{"prompt": "a", "max_tokens": 0}"#, "max_tokens"),
        (#"{"prompt": "a", "temperature": -1}"#, "temperature"), (#"{"prompt": "a", "top_p": 0}"#, "top_p"),
        (#"{"prompt": "a", "n": 2}"#, "n"), (#"{"prompt": "a", "stop": ["", "b"]}"#, "stop"),
        ("{\"prompt\": \"\(long)\", \"stream\": true}", "prompt"),
      ] {
        let answer = try await asking.post("/v1/completions", json)
        #expect(answer.status == 400, "\(json): \(answer.text)")
        #expect(answer.place == place)
      }
      let chat = try await asking.post(
        "/v1/chat/completions", #"{"messages": [{"role": "user", "content": "a"}]}"#)
      #expect(chat.status == 400, "the folder does not say how conversations are written: \(chat.text)")
      #expect(try await asking.post("/v1/learn", "{}").code == "not_learning")
    }
  }
}
