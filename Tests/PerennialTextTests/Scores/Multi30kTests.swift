import Foundation
import Testing

@testable import PerennialText

/// On captions that are not ours to give away: only their scores are kept.
@Suite struct Multi30kTests {
  struct Golden: Decodable {
    struct Case: Decodable {
      let path: String
      let lines: Int
      let bleu: [String: [Double]]
      let chrf: [String: [Double]]
      let rouge: [String: Double]
      let answers: [Double]
    }
    let cases: [Case]
  }

  /// The data root where it has the captions.
  static let root: URL? = ProcessInfo.processInfo.environment["PERENNIAL_DATA"].flatMap { root in
    let url = URL(fileURLWithPath: root)
    return FileManager.default.fileExists(atPath: url.appending(path: "multi30k/data/task1/raw").path)
      ? url : nil
  }

  static func lines(_ path: String) throws -> [String] {
    let (program, output) = (Process(), Pipe())
    program.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    program.arguments = ["gzip", "-dc", try #require(root).appending(path: path).path]
    program.standardOutput = output
    try program.run()
    let data = try #require(try output.fileHandleForReading.readToEnd())
    program.waitUntilExit()
    var lines = String(decoding: data, as: UTF8.self).unicodeScalars.split(
      separator: "\n", omittingEmptySubsequences: false
    )
    .map { String($0) }
    while lines.last?.isEmpty == true { lines.removeLast() }
    return lines
  }

  /// As in the script.
  static func hypothesis(_ lines: [String], _ index: Int) -> String {
    let words = lines[index].split(separator: " ", omittingEmptySubsequences: false)
    let place = index * 31 % words.count
    let changed: ArraySlice<Substring>
    switch index % 7 {
    case 0: return lines[index]
    case 1: changed = words[..<place] + words[(place + 1)...]
    case 2: changed = words[place...] + words[..<place]
    case 3: changed = words[..<place] + ["Hund"] + words[(place + 1)...]
    case 4: return lines[(index + 1) % lines.count]
    case 5: return index % 3 == 0 ? "" : lines[index].lowercased()
    default: changed = words.reversed()[...]
    }
    return changed.joined(separator: " ")
  }

  @Test(.enabled(if: Multi30kTests.root != nil, "set PERENNIAL_DATA to a folder with multi30k"))
  func captionsScoreAsInPython() throws {
    let golden: Golden = try ScoreGolden.load("text_scores_multi30k")
    #expect(golden.cases.count == 4)
    for item in golden.cases {
      let lines = try Self.lines(item.path)
      #expect(lines.count == item.lines)
      let texts = lines.indices.map { Self.hypothesis(lines, $0) }
      let one = lines.map { [$0] }
      let both = lines.indices.map { [lines[$0], lines[($0 + 2) % lines.count]] }

      for (key, expected) in item.bleu {
        let parts = key.split(separator: "/")
        let tokenizer = try #require(BLEUTokenizer(rawValue: String(parts[0])))
        let settings = try BLEU(tokenizer: tokenizer, ignoresCase: parts.count > 1)
        var (single, double) = (settings, settings)
        try single.add(texts, references: one)
        try double.add(texts, references: both)
        let sentences = try zip(texts, one).map { try settings.sentence($0, references: $1).value }
        let found = [single.score?.value, double.score?.value, sentences.reduce(0, +) / Double(texts.count)]
        for (ours, theirs) in zip(found, expected) {
          #expect(isClose(try #require(ours), theirs), "\(item.path), \(key): \(ours as Any), not \(theirs)")
        }
      }
      for (key, expected) in item.chrf {
        let settings = try ChrF(wordOrder: try #require(Int(key)))
        var (single, double) = (settings, settings)
        try single.add(texts, references: one)
        try double.add(texts, references: both)
        let sentences = try zip(texts, one).map { try settings.sentence($0, references: $1) }
        let found = [single.score, double.score, sentences.reduce(0, +) / Double(texts.count)]
        for (ours, theirs) in zip(found, expected) {
          #expect(
            isClose(try #require(ours), theirs), "\(item.path), chrF \(key): \(ours as Any), not \(theirs)")
        }
      }
      for stems in [false, true] {
        var rouge = try ROUGE(stems: stems)
        try rouge.add(texts, references: both)
        for variant in rouge.variants {
          let expected = try #require(item.rouge[variant.description + (stems ? "/stems" : "")])
          #expect(isClose(try #require(rouge.score(variant)).fMeasure, expected), "\(item.path), \(variant)")
        }
      }
      var match = AnswerMatch()
      try match.add(texts, references: one)
      #expect(isClose(try #require(match.exactMatch), item.answers[0]))
      #expect(isClose(try #require(match.f1), item.answers[1]))
    }
  }
}
