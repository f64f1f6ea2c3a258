import Foundation
import Testing

@testable import PerennialTokenizers

/// Mistakes that other libraries made, and traps of Swift's own strings.
@Suite struct RegressionTests {
  /// One expression with a group for each added token takes quadratic time (swift-transformers #383).
  @Test func manyAddedTokensDoNotSlowEncodingDown() throws {
    func seconds(_ count: Int) throws -> Double {
      let tokens = (0..<count).map {
        #"{"id": \#($0 + 2), "content": "<unused\#($0)>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true}"#
      }
      let tokenizer = try TokenizerFixtures.tokenizer(
        document:
          #"{"added_tokens": [\#(tokens.joined(separator: ","))], "model": {"type": "BPE", "unk_token": "?", "vocab": {"?": 0, "a": 1}, "merges": []}}"#
      )
      let text = String(repeating: "a\n<unused1>", count: 2000)
      #expect(tokenizer.encode(text).ids.prefix(6) == [1, 0, 3, 1, 0, 3])
      let clock = ContinuousClock()
      let times = (0..<3).map { _ in clock.measure { _ = tokenizer.encode(text) } }
      return times.map { Double($0.components.seconds) + Double($0.components.attoseconds) * 1e-18 }.min()
        ?? 0
    }
    let (few, many) = (try seconds(4), try seconds(6000))
    #expect(many < few * 40 + 0.05, "\(few) s with 4 added tokens, \(many) s with 6000")
  }

  /// `legacy: false` in tokenizer_config.json says nothing about the normalizer (swift-transformers #96).
  @Test func normalizerIsAppliedWhateverLegacySays() throws {
    let document = try String(contentsOf: TokenizerFixtures.url("llama2.json"), encoding: .utf8)
    let expected = try TokenizerFixtures.tokenizer("llama2").encode(" Hi").ids
    for legacy in [true, false] {
      let folder = try TokenizerFixtures.folder([
        "tokenizer.json": document,
        "tokenizer_config.json":
          #"{"legacy": \#(legacy), "tokenizer_class": "LlamaTokenizer", "bos_token": "<s>"}"#,
      ])
      defer { try? FileManager.default.removeItem(at: folder) }
      #expect(try Tokenizer(folder: folder).encode(" Hi").ids == expected)
    }
  }

  /// Llama's class puts `bos_token` first where tokenizer.json does not, but never twice (swift-transformers #161).
  @Test func beginningTokenIsPutOnce() throws {
    let document = try String(contentsOf: TokenizerFixtures.url("llama2.json"), encoding: .utf8)
    let bare = document.replacingOccurrences(
      of: #""post_processor":{"type":"TemplateProcessing""#, with: #""ignored":{"type":"TemplateProcessing""#)
    #expect(bare != document)
    for (text, adds, expected) in [
      (document, true, [1, 1]), (document, false, [1, 1]), (bare, true, [1, 1]), (bare, false, [0, 0]),
    ] {
      let folder = try TokenizerFixtures.folder([
        "tokenizer.json": text,
        "tokenizer_config.json":
          #"{"add_bos_token": \#(adds), "tokenizer_class": "LlamaTokenizerFast", "bos_token": {"content": "<s>"}}"#,
      ])
      defer { try? FileManager.default.removeItem(at: folder) }
      let tokenizer = try Tokenizer(folder: folder)
      #expect(tokenizer.specialTokens.begin == 1)
      #expect(tokenizer.encode("Hi").ids.count { $0 == 1 } == expected[0])
      #expect(tokenizer.encode("Hi", addSpecialTokens: false).ids.count { $0 == 1 } == 0)
      // A conversation writes its own.
      let chat = try tokenizer.encode(chat: [ChatMessage(.user, "Hi")], format: .llama2)
      #expect(chat.ids.count { $0 == 1 } == 1)
    }
  }

  /// The error names the file that is missing (swift-transformers #165).
  @Test func missingTokenizerFile() throws {
    let folder = try TokenizerFixtures.folder(["tokenizer_config.json": "{}"])
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appendingPathComponent("tokenizer.json").path
    #expect(throws: TokenizerError.missingFile(path: path)) { try Tokenizer(folder: folder) }
  }

  /// The template is recognised once, when files are read, and not at every call (swift-transformers #217).
  @Test func chatTemplateIsReadOnce() throws {
    let document = try String(contentsOf: TokenizerFixtures.url("qwen2.json"), encoding: .utf8)
    let folder = try TokenizerFixtures.folder([
      "tokenizer.json": document,
      "tokenizer_config.json":
        #"{"chat_template": [{"name": "tool", "template": "?"}, {"name": "default", "template": "<|im_start|>"}], "eos_token": "<|im_end|>", "pad_token": null}"#,
    ])
    let tokenizer = try Tokenizer(folder: folder)
    try Data("no known marks".utf8).write(to: folder.appendingPathComponent("chat_template.jinja"))
    // A template that is unknown is no reason not to read texts.
    let stranger = try Tokenizer(folder: folder)
    #expect(stranger.chatFormat == nil && stranger.encode("Hi").count > 0)
    let error = #expect(throws: TokenizerError.self) { try stranger.encode(chat: [ChatMessage(.user, "Hi")]) }
    #expect("\(try #require(error))".contains("chat_template.jinja"))
    #expect(try stranger.encode(chat: [ChatMessage(.user, "Hi")], format: .plain).count > 2)
    #expect(try Tokenizer(folder: folder, chatFormat: .plain).chatFormat == .plain)
    try FileManager.default.removeItem(at: folder)
    #expect(tokenizer.chatFormat == .chatML())
    #expect(tokenizer.specialTokens.end == tokenizer.id(of: "<|im_end|>"))
    #expect(try tokenizer.encode(chat: [ChatMessage(.user, "Hi")]).count > 5)
  }

  @Test func specialTokensThatDoNotExist() throws {
    let document = try String(contentsOf: TokenizerFixtures.url("qwen2.json"), encoding: .utf8)
    let folder = try TokenizerFixtures.folder([
      "tokenizer.json": document, "tokenizer_config.json": #"{"eos_token": "<nope>"}"#,
    ])
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent("tokenizer_config.json").path
    #expect(throws: TokenizerError.unknownToken(file: file, key: "eos_token", token: "<nope>")) {
      try Tokenizer(folder: folder)
    }
  }

  /// Swift's strings compare by canonical equivalence; tokens do not.
  @Test func tokensThatLookAlikeAreDifferent() throws {
    let tokenizer = try TokenizerFixtures.tokenizer(
      document:
        "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"\u{e9}\": 0, \"e\u{301}\": 1, \"e\": 2, \"\u{301}\": 3}, \"merges\": [\"e \u{301}\"]}}"
    )
    #expect(tokenizer.vocabularyCount == 4)
    #expect(tokenizer.encode("\u{e9}").ids == [0])
    #expect(tokenizer.encode("e\u{301}").ids == [1])
    #expect(tokenizer.id(of: "e\u{301}") == 1 && tokenizer.id(of: "\u{e9}") == 0)
  }

  /// A word of a hundred thousand characters without a space.
  @Test func longWordsDoNotTakeQuadraticTime() throws {
    for name in TokenizerFixtures.names {
      let tokenizer = try TokenizerFixtures.tokenizer(name)
      let word = String(repeating: "thequickbrownfox", count: 3000)
      let clock = ContinuousClock()
      let time = clock.measure { #expect(tokenizer.encode(word).count > 0) }
      #expect(time < .seconds(20), "\(name)")
    }
  }

  @Test func threadsShareATokenizer() async throws {
    let tokenizer = try TokenizerFixtures.tokenizer("gpt2")
    let texts = try TokenizerFixtures.texts()
    let expected = texts.map { tokenizer.encode($0) }
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<4 { group.addTask { texts.map { tokenizer.encode($0) } == expected } }
      for await isEqual in group { #expect(isEqual) }
    }
  }
}
