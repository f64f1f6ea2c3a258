import Foundation
import Testing

@testable import PerennialText

/// What `Scripts/golden/text_scores.py` wrote.
struct ScoreGolden: Decodable {
  struct Item: Decodable {
    let text: String
    let references: [String]
  }
  struct BLEUCase: Decodable {
    struct Settings: Decodable {
      let tokenize: BLEUTokenizer
      let lowercase: Bool?
      let smooth_method: String?
      let smooth_value: Double?
      let effective_order: Bool?
      let max_ngram_order: Int?
    }
    struct Corpus: Decodable {
      let part: String
      let references: Int
      let score: Double
      let precisions: [Double]
      let brevity_penalty: Double
      let matches: [Int]
      let totals: [Int]
      let lengths: [Int]
      let signature: String
    }
    let settings: Settings
    let corpora: [Corpus]
    let sentences: [Double]
  }
  struct ChrFCase: Decodable {
    struct Settings: Decodable {
      let char_order: Int?
      let word_order: Int?
      let beta: Int?
      let whitespace: Bool?
      let lowercase: Bool?
      let eps_smoothing: Bool?
    }
    struct Corpus: Decodable {
      let part: String
      let references: Int
      let score: Double
      let name: String
      let signature: String
    }
    let settings: Settings
    let corpora: [Corpus]
    let sentences: [Double]
  }
  struct ROUGECase: Decodable {
    let variant: String
    let stems: Bool
    let mean: [Double]
    let f: [Double]
  }
  struct Answers: Decodable {
    let exact: [Int]
    let f1: [Double]
    let means: [Double]
  }
  let strings: [String]
  let tokens: [String: [[String]]]
  let items: [Item]
  let bleu: [BLEUCase]
  let chrf: [ChrFCase]
  let rouge: [ROUGECase]
  let answers: Answers

  static func load() throws -> ScoreGolden { try load("text_scores") }

  static func load<Golden: Decodable>(_ name: String) throws -> Golden {
    let url = try #require(
      Bundle.module.url(forResource: name, withExtension: "json", subdirectory: "Golden"))
    return try JSONDecoder().decode(Golden.self, from: Data(contentsOf: url))
  }

  /// The items of a part of the corpus with the first references of each.
  func items(_ part: String, references: Int) -> [Item] {
    let chosen =
      switch part {
      case "ascii": items.filter { ([$0.text] + $0.references).joined().unicodeScalars.allSatisfy(\.isASCII) }
      case "empty": items.filter { $0.text.unicodeScalars.allSatisfy(\.isSpace) }
      case "few": [items[4], items[6]]
      default: items
      }
    return chosen.map { Item(text: $0.text, references: Array($0.references.prefix(references))) }
  }
}

extension ReferenceScore {
  mutating func add(_ items: [ScoreGolden.Item]) throws {
    try add(items.map(\.text), references: items.map(\.references))
  }
}

extension BLEU {
  init(_ settings: ScoreGolden.BLEUCase.Settings) throws {
    let smoothing: BLEUSmoothing =
      switch settings.smooth_method {
      case "none": .unsmoothed
      case "floor": .floor(settings.smooth_value ?? 0.1)
      case "add-k": .addK(settings.smooth_value ?? 1)
      default: .exponential
      }
    try self.init(
      tokenizer: settings.tokenize, smoothing: smoothing, ignoresCase: settings.lowercase ?? false,
      usesEffectiveOrder: settings.effective_order ?? false, maximumOrder: settings.max_ngram_order ?? 4)
  }
}

extension ChrF {
  init(_ settings: ScoreGolden.ChrFCase.Settings) throws {
    try self.init(
      characterOrder: settings.char_order ?? 6, wordOrder: settings.word_order ?? 0, beta: settings.beta ?? 2,
      ignoresCase: settings.lowercase ?? false, keepsWhitespace: settings.whitespace ?? false,
      smoothsWithEpsilon: settings.eps_smoothing ?? false)
  }
}

/// Near enough to be the same sum in another order.
func isClose(_ one: Double, _ other: Double, tolerance: Double = 1e-9) -> Bool {
  abs(one - other) <= tolerance * max(1, abs(other))
}
