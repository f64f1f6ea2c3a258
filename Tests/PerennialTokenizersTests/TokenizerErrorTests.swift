import Foundation
import Testing

@testable import PerennialTokenizers

/// Every way in which a file can be wrong has an error that names the place.
@Suite struct TokenizerErrorTests {
  private func document(
    _ model: String =
      #"{"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "@@", "max_input_chars_per_word": 100, "vocab": {"[UNK]": 0, "a": 1}}"#,
    _ more: String = ""
  ) -> String {
    #"{"version": "1.0", \#(more) "model": \#(model)}"#
  }

  private func error(_ document: String) -> TokenizerError? {
    #expect(throws: TokenizerError.self) { try TokenizerFixtures.tokenizer(document: document) }
  }

  private func bpe(_ merges: String, _ more: String = "") -> String {
    document(#"{"type": "BPE", \#(more) "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": \#(merges)}"#)
  }

  let file = "tokenizer.json"

  @Test func soundDocumentsAreRead() throws {
    #expect(try TokenizerFixtures.tokenizer(document: document()).encode("a").ids == [1])
    #expect(try TokenizerFixtures.tokenizer(document: bpe(#"["a b"]"#)).encode("ab").ids == [2])
    #expect(try TokenizerFixtures.tokenizer(document: bpe(#"[["a", "b"]]"#)).encode("abc").ids == [2])
  }

  @Test func componentsOfUnknownTypes() {
    for key in ["normalizer", "pre_tokenizer", "post_processor", "decoder"] {
      guard
        case .unknownComponent(file, key, "Magic", let allowed)? = error(
          document(#"{}"#, #""\#(key)": {"type": "Magic"},"#).replacingOccurrences(
            of: "{}", with: #"{"type": "BPE", "vocab": {}, "merges": []}"#))
      else {
        Issue.record("\(key)")
        continue
      }
      #expect(allowed.contains("Sequence"))
    }
    guard case .unknownComponent(file, "model", "Magic", _)? = error(document(#"{"type": "Magic"}"#)) else {
      Issue.record("model")
      return
    }
    let nested = #""normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "X"}]},"#
    guard
      case .unknownComponent(_, "normalizer.normalizers[1]", "X", _)? = error(
        document(#"{"type": "BPE", "vocab": {}, "merges": []}"#, nested))
    else {
      Issue.record("nested")
      return
    }
  }

  @Test func missingKeysAndWrongTypes() {
    #expect(error("{}") == .missingKey(file: file, key: "model"))
    #expect(error(document(#"{"type": "BPE", "merges": []}"#)) == .missingKey(file: file, key: "model.vocab"))
    #expect(error("[1]") == .wrongType(file: file, key: "", expected: "an object", found: "an array"))
    #expect(
      error(document(#"{"type": "BPE", "vocab": {"a": "x"}, "merges": []}"#))
        == .wrongType(file: file, key: "model.vocab.a", expected: "a whole number", found: "\"x\""))
    #expect(
      error(#"{"version": "2.0"}"#)
        == .invalidValue(file: file, key: "version", value: "\"2.0\"", allowed: "1.0"))
    #expect(
      error(document(#"{"type": "Unigram", "vocab": [["a", 0]]}"#))
        == .missingKey(file: file, key: "model.unk_id"))
  }

  @Test func mergesAndIDs() {
    #expect(error(bpe(#"["a b", "b c"]"#)) == .unknownMergeToken(file: file, merge: 1, token: "c"))
    #expect(error(bpe(#"["b a"]"#)) == .unknownMergeToken(file: file, merge: 0, token: "ba"))
    for merges in [#"["a"]"#, #"["a b c"]"#, #"[["a"]]"#, #"[3]"#, #"[["a", 1]]"#] {
      guard case .invalidValue(file, "model.merges[0]", _, _)? = error(bpe(merges)) else {
        Issue.record("\(merges)")
        continue
      }
    }
    #expect(
      error(bpe("[]", #""unk_token": "?","#)) == .unknownToken(file: file, key: "model.unk_token", token: "?")
    )
    for id in [-1, 1 << 30] {
      #expect(
        error(document(#"{"type": "BPE", "vocab": {"a": \#(id)}, "merges": []}"#))
          == .idOutOfRange(file: file, key: "model.vocab.a", id: id, allowed: 0...1 << 24))
    }
    #expect(
      error(document(#"{"type": "BPE", "vocab": {"a": 1, "b": 1}, "merges": []}"#))
        == .conflictingID(file: file, key: "model.vocab", token: "b", id: 1))
    #expect(
      error(document(#"{"type": "Unigram", "unk_id": 5, "vocab": [["a", 0]]}"#))
        == .idOutOfRange(file: file, key: "model.unk_id", id: 5, allowed: 0...0))
  }

  @Test func addedTokens() {
    func added(_ content: String, _ id: Int) -> String {
      document(
        #"{"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": []}"#,
        #""added_tokens": [{"id": \#(id), "content": "\#(content)", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true}],"#
      )
    }
    #expect(error(added("a", 1)) == .conflictingID(file: file, key: "added_tokens[0]", token: "a", id: 1))
    #expect(error(added("<s>", 1)) == .conflictingID(file: file, key: "added_tokens[0]", token: "<s>", id: 1))
    #expect(throws: Never.self) { try TokenizerFixtures.tokenizer(document: added("<s>", 2)) }
  }

  @Test func patternsThatDoNotCompile() {
    let split =
      #""pre_tokenizer": {"type": "Split", "pattern": {"Regex": "("}, "behavior": "Isolated", "invert": false},"#
    guard
      case .invalidPattern(file, "pre_tokenizer.pattern.Regex", "(", _)? = error(
        document(#"{"type": "BPE", "vocab": {}, "merges": []}"#, split))
    else {
      Issue.record("no such error")
      return
    }
    let behavior = split.replacingOccurrences(of: "Isolated", with: "Sideways").replacingOccurrences(
      of: "(", with: "a")
    guard
      case .invalidValue(_, "pre_tokenizer.behavior", _, _)? = error(
        document(#"{"type": "BPE", "vocab": {}, "merges": []}"#, behavior))
    else {
      Issue.record("no such error")
      return
    }
  }

  @Test func brokenJSON() {
    let cases: [(String, Int, Int)] = [
      ("", 1, 1), ("{", 1, 2), ("{\n  \"a\": tru }", 2, 8), ("[1,]", 1, 4), ("{\"a\" 1}", 1, 6),
      ("{} x", 1, 4),
      ("\"\\ud800\"", 1, 8), ("\"\\x\"", 1, 4), ("01", 1, 3), ("1e", 1, 3), ("-", 1, 2), ("\"a\nb\"", 1, 3),
      ("1e999", 1, 6), ("\"open", 1, 6),
    ]
    for (text, line, column) in cases {
      guard case .invalidJSON(file, let foundLine, let foundColumn, _)? = error(text) else {
        Issue.record("\(text)")
        continue
      }
      #expect(foundLine == line && foundColumn == column, "\(text): \(foundLine):\(foundColumn)")
    }
    let deep = String(repeating: "[", count: 100_000)
    guard case .invalidJSON? = error(deep) else {
      Issue.record("deep nesting")
      return
    }
    #expect(throws: TokenizerError.invalidUTF8(file: file)) {
      try Tokenizer(document: Data([0x7b, 0xff, 0x7d]), file: file)
    }
  }

  @Test func everyErrorNamesItsPlace() {
    let errors: [TokenizerError] = [
      .missingFile(path: "f"), .unreadable(file: "f", reason: "r"), .invalidUTF8(file: "f"),
      .invalidJSON(file: "f", line: 1, column: 2, problem: "p"), .missingKey(file: "f", key: "k"),
      .wrongType(file: "f", key: "k", expected: "e", found: "x"),
      .invalidValue(file: "f", key: "k", value: "v", allowed: "a"),
      .unknownComponent(file: "f", key: "k", type: "t", allowed: ["a"]),
      .unknownMergeToken(file: "f", merge: 3, token: "t"), .unknownToken(file: "f", key: "k", token: "t"),
      .idOutOfRange(file: "f", key: "k", id: 1, allowed: 0...0),
      .conflictingID(file: "f", key: "k", token: "t", id: 1),
      .invalidPattern(file: "f", key: "k", pattern: "p", reason: "r"),
      .unknownChatTemplate(file: "f", template: "t", known: ["k"]), .noChatFormat(file: "f"),
      .notWritten(path: "f", reason: "r"),
    ]
    for error in errors { #expect(error.description.contains("f")) }
    #expect(TokenizerError.vocabularyTooSmall(asked: 1, needed: 2).description.contains("2"))
    #expect(
      TokenizerError.unsupportedRole(role: "r", format: "x", allowed: ["user"]).description.contains("user"))
  }
}
