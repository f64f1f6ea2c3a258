import Foundation
import Testing

@testable import PerennialTokenizers

/// What Hugging Face's library makes of strings chosen to be difficult.
@Suite struct GoldenTests {
  struct Golden: Decodable {
    struct Cut: Decodable {
      let length: Int
      let direction: Truncation.Direction
      let strategy: Truncation.Strategy
      let ids: [Int32]

      init(from decoder: any Swift.Decoder) throws {
        var values = try decoder.unkeyedContainer()
        length = try values.decode(Int.self)
        direction = try values.decode(String.self) == "left" ? .left : .right
        strategy = try values.decode(String.self) == "only_first" ? .onlyFirst : .longestFirst
        ids = try values.decode([Int32].self)
      }
    }

    let ids: [[Int32]]
    let offsets: [[[Int]]?]
    let decoded: [String]
    let decodedSpecial: [String]
    let pairs: [[[Int32]]]
    let truncated: [Cut]

    enum CodingKeys: String, CodingKey {
      case ids, offsets, decoded, pairs, truncated
      case decodedSpecial = "decoded_special"
    }
  }

  let texts: [String]
  let golden: [String: Golden]

  init() throws {
    texts = try TokenizerFixtures.texts()
    golden = try TokenizerFixtures.decode("nasty.json")
  }

  @Test(arguments: TokenizerFixtures.names)
  func ids(_ name: String) throws {
    let tokenizer = try TokenizerFixtures.tokenizer(name)
    let golden = try #require(golden[name])
    for (text, expected) in zip(texts, golden.ids) {
      #expect(tokenizer.encode(text).ids == expected, "\(text.debugDescription)")
    }
    #expect(tokenizer.encode(batch: texts).map(\.ids) == golden.ids)
  }

  @Test(arguments: TokenizerFixtures.names)
  func offsets(_ name: String) throws {
    let tokenizer = try TokenizerFixtures.tokenizer(name)
    let golden = try #require(golden[name])
    for (text, expected) in zip(texts, golden.offsets) {
      let encoding = tokenizer.encode(text, withOffsets: true)
      #expect(encoding.offsets?.count == encoding.count)
      // A composed character comes from all of its parts here, and only from the first there; there, spaces that an
      // added token took along are cut off it again by GPT-2's post-processor.
      guard let expected, !normalizes(tokenizer, text), !text.contains("<left>"), !text.contains("<right>")
      else { continue }
      #expect(
        encoding.offsets?.map { [$0.lowerBound, $0.upperBound] } == expected, "\(text.debugDescription)")
    }
  }

  /// Whether the tokenizer composes or replaces characters of a text.
  private func normalizes(_ tokenizer: Tokenizer, _ text: String) -> Bool {
    var text = text
    var aligned = text.withUTF8 { AlignedText($0, start: 0, isTracked: false) }
    switch tokenizer.normalizer {
    case .form, .precompiled: tokenizer.normalizer?.apply(to: &aligned)
    default: return false
    }
    return aligned.bytes != Array(text.utf8)
  }

  @Test(arguments: TokenizerFixtures.names)
  func decoded(_ name: String) throws {
    let tokenizer = try TokenizerFixtures.tokenizer(name)
    let golden = try #require(golden[name])
    for (index, ids) in golden.ids.enumerated() {
      // Compared as bytes: equality of strings passes over differences of normalization.
      #expect(Array(tokenizer.decode(ids).utf8) == Array(golden.decoded[index].utf8))
      #expect(
        Array(tokenizer.decode(ids, skipSpecialTokens: false).utf8)
          == Array(golden.decodedSpecial[index].utf8))
    }
  }

  @Test(arguments: TokenizerFixtures.names)
  func streamedTextIsTheDecodedText(_ name: String) throws {
    let tokenizer = try TokenizerFixtures.tokenizer(name)
    for text in texts {
      let ids = tokenizer.encode(text).ids
      var decoder = tokenizer.streamDecoder()
      var streamed: [UInt8] = []
      for id in ids {
        let new = decoder.append(id)
        #expect(!new.unicodeScalars.contains("\u{fffd}") || text.unicodeScalars.contains("\u{fffd}"))
        streamed += new.utf8
      }
      streamed += decoder.finish().utf8
      #expect(streamed == Array(tokenizer.decode(ids).utf8), "\(text.debugDescription)")
    }
  }

  @Test(arguments: TokenizerFixtures.names)
  func pairs(_ name: String) throws {
    let tokenizer = try TokenizerFixtures.tokenizer(name)
    let golden = try #require(golden[name])
    #expect(golden.pairs.count == 28)
    for (index, expected) in golden.pairs.enumerated() {
      let encoding = tokenizer.encode(texts[12 + index], pair: texts[30 + index])
      #expect(encoding.ids == expected[0])
      #expect(encoding.typeIDs == expected[1])
      #expect(encoding.specialTokensMask == expected[2])
      #expect(encoding.attentionMask == [Int32](repeating: 1, count: encoding.count))
    }
  }

  @Test(arguments: TokenizerFixtures.names)
  func truncated(_ name: String) throws {
    let tokenizer = try TokenizerFixtures.tokenizer(name)
    let golden = try #require(golden[name])
    #expect(golden.truncated.count >= 10)
    for cut in golden.truncated {
      let truncation = Truncation(length: cut.length, direction: cut.direction, strategy: cut.strategy)
      let encoding = tokenizer.encode(texts[14], pair: texts[53], truncation: truncation)
      #expect(encoding.ids == cut.ids, "\(truncation)")
    }
  }

  @Test func truncationAndPaddingOfTheFileAreAppliedWhenAsked() throws {
    let tokenizer = try TokenizerFixtures.tokenizer("bert")
    #expect(tokenizer.truncation == Truncation(length: 24))
    #expect(tokenizer.padding == Padding(id: 0))
    let batch = ["a", String(repeating: "word ", count: 60)]
    #expect(tokenizer.encode(batch[1]).count > 24)
    let encodings = tokenizer.encode(
      batch: batch, withOffsets: true, truncation: tokenizer.truncation, padding: tokenizer.padding)
    #expect(encodings.map(\.count) == [24, 24])
    #expect(encodings[0].attentionMask == [1, 1, 1] + [Int32](repeating: 0, count: 21))
    #expect(encodings[0].specialTokensMask == [1, 0, 1] + [Int32](repeating: 1, count: 21))
    #expect(encodings[0].offsets?.count == 24)
    let left = Padding(length: .fixed(5), direction: .left, multiple: 4, id: 7, typeID: 1)
    let padded = try #require(tokenizer.encode(batch: ["a"], padding: left).first)
    #expect(padded.ids.prefix(5) == [7, 7, 7, 7, 7] && padded.count == 8)
    #expect(padded.typeIDs == [1, 1, 1, 1, 1, 0, 0, 0])
  }
}
