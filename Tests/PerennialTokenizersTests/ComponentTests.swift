import Foundation
import Testing

@testable import PerennialTokenizers

/// Normalizers, pre-tokenizers and decoders one by one, against Hugging Face's.
@Suite struct ComponentTests {
  let root: JSONNode
  let texts: [String]

  init() throws {
    let url = try TokenizerFixtures.url("components.json")
    root = JSONNode(
      value: try JSONParser.parse(Data(contentsOf: url), file: "components"), file: "components", key: "")
    texts = try root.required("texts").elements().map { try $0.string() }
  }

  private func text(_ string: String) -> AlignedText {
    Array(string.utf8).withUnsafeBufferPointer { AlignedText($0, start: 0, isTracked: true) }
  }

  @Test func normalizers() throws {
    let cases = try root.required("normalizers").elements()
    #expect(cases.count == 23)
    for one in cases {
      let parts = try one.elements()
      let normalizer = try Normalizer(parts[0])
      for (source, expected) in zip(texts, try parts[1].elements()) {
        var aligned = text(source)
        normalizer.apply(to: &aligned)
        #expect(aligned.bytes == Array(try expected.string().utf8), "\(one.key) \(source.debugDescription)")
        #expect(aligned.origins.count == aligned.bytes.count)
        #expect(aligned.origins.allSatisfy { $0.lowerBound >= 0 && $0.upperBound <= source.utf8.count })
      }
    }
  }

  @Test func preTokenizers() throws {
    let cases = try root.required("pre_tokenizers").elements()
    #expect(cases.count == 83)
    for one in cases {
      let parts = try one.elements()
      let preTokenizer = try PreTokenizer(parts[0])
      for (source, expected) in zip(texts, try parts[1].elements()) {
        var pieces = Pieces(text: text(source), isFirst: true)
        preTokenizer.apply(to: &pieces)
        let words = pieces.words.map { Array(pieces.text.bytes[$0]) }
        let wanted = try expected.elements().map { Array(try $0.string().utf8) }
        #expect(words == wanted, "\(one.key) \(source.debugDescription)")
      }
    }
  }

  @Test func decoders() throws {
    let chains = try root.required("chains").elements().map {
      try $0.elements().map { Array(try $0.string().utf8) }
    }
    for one in try root.required("decoders").elements() {
      let parts = try one.elements()
      let decoder = try Decoder(parts[0])
      for (chain, expected) in zip(chains, try parts[1].elements()) {
        #expect(Array(decoder.apply(to: chain).joined()) == Array(try expected.string().utf8), "\(one.key)")
      }
    }
  }

  /// The tables come from Foundation scalar by scalar; whole strings must agree with it too.
  @Test func normalizationFormsAgreeWithFoundation() throws {
    for source in texts {
      for (form, expected) in [
        (UnicodeNormalization.nfc, source.precomposedStringWithCanonicalMapping),
        (.nfd, source.decomposedStringWithCanonicalMapping),
        (.nfkc, source.precomposedStringWithCompatibilityMapping),
        (.nfkd, source.decomposedStringWithCompatibilityMapping),
      ] {
        var aligned = text(source)
        form.apply(to: &aligned)
        #expect(aligned.bytes == Array(expected.utf8), "\(source.debugDescription)")
      }
    }
  }
}
