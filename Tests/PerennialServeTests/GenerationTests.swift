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

    /// - Parameter chat: says how conversations are written, as ChatML.
    init(chat: Bool = false) throws {
      url = FileManager.default.temporaryDirectory.appendingPathComponent("serve-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
      var c = GPT2Configuration()
      (c.layers, c.heads, c.width, c.vocabularySize, c.maximumLength) = (1, 2, 16, 270, 128)
      (c.beginToken, c.endTokens) = (0, [0])
      try ModelFolder(url).save(GPT2(c, Generator(seed: 5), dropout: Generator(seed: 6)))
      let text = "the cat sat on the mat and the dog sat on the log"
      try Tokenizer.trainByteLevelBPE(on: [text], size: 270).save(to: url)
      guard chat else { return }
      try Data("<|im_start|>".utf8).write(to: url.appendingPathComponent("chat_template.jinja"))
    }

    deinit { try? FileManager.default.removeItem(at: url) }
  }

  private struct Reply: Decodable {
    struct Choice: Decodable {
      struct Message: Decodable { let role, content: String? }
      let index: Int
      let text: String?
      let message: Message?
      let delta: Message?
      let finish_reason: String?
    }
    struct Usage: Decodable { let prompt_tokens, completion_tokens, total_tokens: Int }
    let id, object, model: String
    let choices: [Choice]
    let usage: Usage?
  }

  /// What the library itself says, and how many tokens it reads and writes for that.
  private func direct(_ folder: URL, _ prompt: GenerationRequest.Prompt, tokens: Int) throws -> (
    text: String, read: Int, written: Int
  ) {
    let tokenizer = try Tokenizer(folder: folder)
    var options = GenerationOptions()
    options.maximumNewTokens = tokens
    let ids =
      switch prompt {
      case .text(let text): tokenizer.encode(text).ids
      case .chat(let messages): try tokenizer.encode(chat: messages).ids
      }
    let answer = try ModelFolder(folder).loadLanguageModel().generate([ids.map(Int.init)], options)
    var decoder = tokenizer.streamDecoder()
    let pieces = answer[0].tokens.map { decoder.append(Int32($0)) }
    return (pieces.joined() + decoder.finish(), ids.count, answer[0].tokens.count)
  }

  /// The pieces of a stream, which ends as streams end.
  private func pieces(_ answer: Asking.Answer) throws -> [Reply] {
    #expect(answer.headers["content-type"]?.hasPrefix("text/event-stream") == true, "\(answer.text)")
    let events = answer.text.components(separatedBy: "\n\n").filter { !$0.isEmpty }
    #expect(events.last == "data: [DONE]")
    return try events.dropLast().map {
      try JSONDecoder().decode(Reply.self, from: Data($0.dropFirst("data: ".count).utf8))
    }
  }

  @Test func theServerSaysWhatTheLibrarySays() async throws {
    let folder = try Folder()
    let expected = try ["the cat", "the dog"].map { try direct(folder.url, .text($0), tokens: 12) }
    try await serving(FolderSource(folder.url)) { asking async throws in
      let json = #"{"prompt": ["the cat", "the dog"], "max_tokens": 12, "temperature": 0}"#
      let answer = try await asking.post("/v1/completions", json)
      #expect(answer.status == 200, "\(answer.text)")
      let reply = try answer.decode(Reply.self)
      #expect(reply.object == "text_completion")
      #expect(reply.choices.map(\.index) == [0, 1])
      #expect(reply.id.hasPrefix("cmpl-") && reply.model == folder.url.lastPathComponent)
      #expect(reply.choices.map(\.text) == expected.map(\.text))
      #expect(reply.choices.allSatisfy { $0.finish_reason == "length" })
      try expect(reply.usage, reads: expected.map(\.read), writes: expected.map(\.written))
      #expect(try await asking.post("/v1/predict", #"{"inputs": ["a"]}"#).code == "unsupported_by_model")
      #expect(try await asking.post("/v1/embeddings", #"{"input": "a"}"#).code == "unsupported_by_model")
    }
  }

  private func expect(_ usage: Reply.Usage?, reads: [Int], writes: [Int]) throws {
    let usage = try #require(usage)
    #expect(usage.prompt_tokens == reads.reduce(0, +) && usage.completion_tokens == writes.reduce(0, +))
    #expect(usage.total_tokens == usage.prompt_tokens + usage.completion_tokens)
  }

  @Test func piecesMakeTheWhole() async throws {
    let folder = try Folder()
    let expected = try ["the cat", "the dog"].map { try direct(folder.url, .text($0), tokens: 12) }
    try await serving(FolderSource(folder.url)) { asking async throws in
      let json = """
        {"prompt": ["the cat", "the dog"], "max_tokens": 12, "temperature": 0, "stream": true,
         "stream_options": {"include_usage": true}}
        """
      let all = try pieces(try await asking.post("/v1/completions", json))
      #expect(Set(all.map(\.id)).count == 1 && all.allSatisfy { $0.object == "text_completion" })
      for (index, expected) in expected.enumerated() {
        let own = all.compactMap { $0.choices.first }.filter { $0.index == index }
        #expect(own.compactMap(\.text).joined() == expected.text)
        #expect(own.last?.finish_reason == "length")
        #expect(own.dropLast().allSatisfy { $0.finish_reason == nil })
      }
      #expect(all.last?.choices.isEmpty == true && all.dropLast().allSatisfy { $0.usage == nil })
      try expect(all.last?.usage, reads: expected.map(\.read), writes: expected.map(\.written))
    }
  }

  // MARK: - Conversations

  private static let messages =
    #"[{"role": "system", "content": "be brief"}, {"role": "user", "content": "the cat"}]"#

  @Test func aConversationIsAnswered() async throws {
    let folder = try Folder(chat: true)
    let expected = try direct(
      folder.url, .chat([ChatMessage(.system, "be brief"), ChatMessage(.user, "the cat")]), tokens: 9)
    try #require(expected.text.count > 3)
    try await serving(FolderSource(folder.url)) { asking async throws in
      let json =
        #"{"messages": \#(Self.messages), "max_completion_tokens": 9, "max_tokens": 3, "temperature": 0}"#
      let answer = try await asking.post("/v1/chat/completions", json)
      #expect(answer.status == 200, "\(answer.text)")
      let reply = try answer.decode(Reply.self)
      #expect(reply.id.hasPrefix("chatcmpl-") && reply.object == "chat.completion")
      #expect(reply.choices.count == 1 && reply.choices[0].index == 0 && reply.choices[0].text == nil)
      #expect(reply.choices[0].message?.role == "assistant")
      #expect(reply.choices[0].message?.content == expected.text)
      #expect(reply.choices[0].finish_reason == "length")
      try expect(reply.usage, reads: [expected.read], writes: [expected.written])
    }
  }

  @Test func aConversationIsAnsweredInPieces() async throws {
    let folder = try Folder(chat: true)
    let expected = try direct(
      folder.url, .chat([ChatMessage(.system, "be brief"), ChatMessage(.user, "the cat")]), tokens: 9)
    try await serving(FolderSource(folder.url)) { asking async throws in
      let json = #"{"messages": \#(Self.messages), "max_tokens": 9, "temperature": 0, "stream": true}"#
      let all = try pieces(try await asking.post("/v1/chat/completions", json))
      #expect(Set(all.map(\.id)).count == 1 && all.allSatisfy { $0.object == "chat.completion.chunk" })
      #expect(all.count > 2, "piece by piece")
      #expect(all.compactMap { $0.choices.first?.delta?.content }.joined() == expected.text)
      #expect(all.map { $0.choices.first?.delta?.role } == ["assistant"] + all.dropFirst().map { _ in nil })
      #expect(all.last?.choices.first?.finish_reason == "length")
      #expect(all.dropLast().allSatisfy { $0.choices.first?.finish_reason == nil })
      #expect(all.allSatisfy { $0.usage == nil && $0.choices.first?.message == nil })
      let wrong = try await asking.post(
        "/v1/chat/completions", #"{"messages": [{"role": "tool", "content": "a"}], "stream": true}"#)
      #expect(wrong.status == 400 && wrong.place == "messages[0].role")
    }
  }

  // MARK: - Where answers end

  /// Whole or in pieces: up to the stop text, and not a letter of it, wherever tokens part it.
  @Test func stopTextsEndAnAnswer() async throws {
    let folder = try Folder()
    let whole = try direct(folder.url, .text("the cat"), tokens: 30).text
    try #require(whole.count > 12)
    let start = whole.index(whole.startIndex, offsetBy: 5)
    let stop = String(whole[start...].prefix(3))
    let expected = String(whole[..<(try #require(whole.range(of: stop)).lowerBound)])
    let quoted = String(decoding: try JSONEncoder().encode(["nowhere", stop]), as: UTF8.self)
    try await serving(FolderSource(folder.url)) { asking async throws in
      let json = #"{"prompt": "the cat", "max_tokens": 30, "temperature": 0, "stop": \#(quoted)"#
      let reply = try await asking.post("/v1/completions", json + "}").decode(Reply.self)
      #expect(reply.choices[0].text == expected && reply.choices[0].finish_reason == "stop")
      #expect(try #require(reply.usage).completion_tokens < 30)
      let all = try pieces(try await asking.post("/v1/completions", json + #", "stream": true}"#))
      #expect(all.compactMap { $0.choices.first?.text }.joined() == expected)
      #expect(all.last?.choices.first?.finish_reason == "stop")
    }
  }

  @Test func answersHaveNoMoreTokensThanAllowed() async throws {
    let folder = try Folder()
    let room = try 128 - direct(folder.url, .text("the cat"), tokens: 0).read
    let options = ServeOptions.with { $0.limits.newTokens = 200 }
    try await serving(FolderSource(folder.url), options) { asking async throws in
      func written(_ tokens: String) async throws -> Int? {
        let answer = try await asking.post(
          "/v1/completions", #"{"prompt": "the cat", "temperature": 0\#(tokens)}"#)
        return try answer.decode(Reply.self).usage?.completion_tokens
      }
      #expect(try await written(#", "max_tokens": 1"#) == 1)
      #expect(try await written(#", "max_tokens": 200"#) == room, "as much as the model has room for")
      #expect(try await written("") == room)
      for key in ["max_tokens", "max_completion_tokens"] {
        let refused = try await asking.post("/v1/completions", #"{"prompt": "the cat", "\#(key)": 201}"#)
        #expect(refused.status == 400 && refused.place == key)
      }
    }
  }

  @Test func theSameSeedDrawsTheSameAnswer() async throws {
    let folder = try Folder()
    try await serving(FolderSource(folder.url)) { asking async throws in
      func drawn(_ seed: Int) async throws -> String? {
        try await asking.post("/v1/completions", #"{"prompt": "a", "max_tokens": 20, "seed": \#(seed)}"#)
          .decode(Reply.self).choices[0].text
      }
      let first = try await drawn(7)
      #expect(try await drawn(7) == first)
      #expect(try await drawn(8) != first)
    }
  }

  @Test func whatCannotBeGeneratedIsNamed() async throws {
    let folder = try Folder()
    try await serving(FolderSource(folder.url)) { asking async throws in
      let long = String(repeating: "z", count: 200)
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
