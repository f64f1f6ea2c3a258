import Foundation
import Perennial
import PerennialTokenizers
import Testing
import Torch

@testable import PerennialText

/// Texts with classes from files, and what is wrong with them.
@Suite struct TextDataTests {
  static func file(_ name: String, _ bytes: [UInt8]) throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("texts-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let url = folder.appendingPathComponent(name)
    try Data(bytes).write(to: url)
    return url
  }

  static func file(_ name: String, _ text: String) throws -> URL { try file(name, Array(text.utf8)) }

  @Test func jsonLines() throws {
    let url = try Self.file(
      "a.jsonl",
      """
      {"text": "one 👍", "label": "up"}\r
      \n{"text": "two", "label": 7, "task": "b"}
      {"text": "three", "label": "up", "time": 2024, "more": [1]}
      """)
    let records = try TextRecordFile(url).records
    #expect(
      records == [
        LabeledText("one 👍", label: "up"), LabeledText("two", label: "7", group: "b"),
        LabeledText("three", label: "up", group: TextGroup("2024", isTime: true)),
      ])
  }

  /// Test texts of times at which nothing was learned belong to what was learned last by then.
  @Test func timesFindTheirPlace() throws {
    let order = TextGroup.Order(TextGroup.ordered(["9", "10", "30"].map { TextGroup($0, isTime: true) }))
    for (time, place) in [("9", 0), ("9.5", 0), ("10", 1), ("29", 1), ("30", 2), ("31", 2), ("1", 0)] {
      #expect(order.place(of: TextGroup(time, isTime: true)) == place, "\(time)")
    }
    #expect(order.place(of: "a task") == nil && order.place(of: nil) == nil)
    #expect(TextGroup.Order(["a", "b"]).place(of: TextGroup("5", isTime: true)) == nil)
    let train = ["2024-01-01", "2024-02-01"].flatMap { time in
      ["x", "y"].map { LabeledText("\($0) \(time)", label: $0, group: TextGroup(time, isTime: true)) }
    }
    let test = [LabeledText("x", label: "x", group: TextGroup("2024-01-20T10:00", isTime: true))]
    let data = try TextDataset("a", train: train, test: test)
    let source = try data.source(.trainWordPiece(on: train.map(\.text), size: 60), length: 8, padding: 0)
    #expect(try #require(source.groups).test == [0] && source.groups?.isTimeline == true)
  }

  /// Marks of a file are not running text.
  @Test(arguments: ["a.jsonl", "a.JSONL"]) func recordsAreNoRunningText(name: String) throws {
    let error = #expect(throws: TextDataError.self) {
      try Corpus.runningText(Self.file(name, "{\"text\": \"a\"}"))
    }
    #expect("\(try #require(error))".contains("`records`"))
  }

  @Test func commaSeparatedValues() throws {
    let url = try Self.file("a.csv", "text,category\n\"one, and\nmore\",a\ntwo,b\n")
    let records = try TextRecordFile(url).records
    #expect(records == [LabeledText("one, and\nmore", label: "a"), LabeledText("two", label: "b")])
  }

  @Test(arguments: [
    ("{\"text\": \"a\", \"label\": \"x\"}\n{\"text\": ", 2, "not a JSON object"),
    ("{\"label\": \"x\"}", 1, "`text` is missing or no text"),
    ("\n{\"text\": \"a\"}", 2, "`label` is missing"),
    ("{\"text\": \"  \", \"label\": \"x\"}", 1, "the text is empty"),
    ("{\"text\": \"a\", \"label\": \"\"}", 1, "the label is empty"),
    ("[1]", 1, "not a JSON object"),
  ])
  func badLinesAreNamedOrSkipped(text: String, line: Int, problem: String) throws {
    let url = try Self.file("a.jsonl", text + "\n{\"text\": \"good\", \"label\": \"x\"}\n")
    let error = #expect(throws: TextDataError.self) { try TextRecordFile(url) }
    #expect(error?.line == line && error?.problem == problem)
    let read = try TextRecordFile(url, bad: .skip)
    #expect(read.records.last == LabeledText("good", label: "x"))
    #expect(read.skipped == [try #require(error)])
  }

  @Test func bytesThatAreNoText() throws {
    let good = Array("{\"text\": \"a\", \"label\": \"x\"}\n".utf8)
    let lines = try Self.file("a.jsonl", good + [0xff, 0xfe, 0x0a] + good)
    #expect(throws: TextDataError(lines.relativePath, line: 2, "not UTF-8")) { try TextRecordFile(lines) }
    #expect(try TextRecordFile(lines, bad: .skip).records.count == 2)
    let table = try Self.file("a.csv", Array("text,label\n".utf8) + [0xff, 0x0a])
    #expect(throws: TextDataError(table.relativePath, line: 2, "not UTF-8")) { try TextRecordFile(table) }
  }

  @Test func filesThatCannotServe() throws {
    #expect(throws: TextDataError.self) { try TextRecordFile(URL(fileURLWithPath: "/nowhere/a.jsonl")) }
    for (name, text) in [("a.csv", "one,two\n1,2\n"), ("a.jsonl", "\n\n"), ("b.csv", "text,label\n")] {
      let url = try Self.file(name, text)
      #expect(throws: TextDataError.self, "\(text)") { try TextRecordFile(url) }
    }
    let train = try Self.file("train.csv", "text,label\na,x\n")
    let test = try Self.file("test.csv", "text,label\na,y\n")
    let error = #expect(throws: TextDataError.self) { try TextDataset.files(train: train, test: test) }
    #expect(error?.problem == "the label `y` of a test text is never learned")
  }

  /// The mistake of testing on what was learned is told beside every number.
  @Test func testTextsAmongTheTrainingTextsAreCounted() throws {
    let texts = [LabeledText("a", label: "x"), LabeledText("b", label: "x")]
    let set = try TextDataset("set", train: texts, test: [texts[0], LabeledText("c", label: "x")])
    #expect(set.note == "1 of the test texts are among those that are learned.")
  }

  @Test func blocksOfCorpora() throws {
    let corpora = [Corpus("a", text: "abcdefghij"), Corpus("b", text: "klmnopqrstuvwxyz")]
    let source = try DataSource.blocks(of: corpora, name: "letters", block: 3, test: 0.4) {
      $0.utf8.map { Int($0) - 97 }
    }
    #expect(try source.train.inputs.integers() == [0, 1, 2, 10, 11, 12, 13, 14, 15, 16, 17, 18])
    #expect(try source.train.targets.integers() == [1, 2, 3, 11, 12, 13, 14, 15, 16, 17, 18, 19])
    #expect(try source.test.inputs.integers() == [6, 7, 8, 20, 21, 22])
    #expect(source.groups == DataGroups(names: ["a", "b"], train: [0, 1, 1, 1], test: [0, 1]))
    let dense = try DataSource.blocks(of: [corpora[0]], name: "letters", block: 3, stride: 1, test: 0.4) {
      $0.utf8.map { Int($0) - 97 }
    }
    #expect(try dense.train.inputs.integers() == [0, 1, 2, 1, 2, 3, 2, 3, 4])
    #expect(try dense.train.targets.integers() == [1, 2, 3, 2, 3, 4, 3, 4, 5])
    #expect(try dense.test.inputs.integers() == [6, 7, 8])
    #expect(throws: TextDataError.self) {
      try DataSource.blocks(of: corpora, name: "letters", block: 8, test: 0.4) { $0.utf8.map(Int.init) }
    }
  }

  /// A file that is read piece by piece gives the same blocks, and its tokens take no memory of this process's own.
  @Test func textsNeedNotFitIntoMemory() throws {
    let lines = (0..<4000).map { "line \($0) of a text\($0 % 7 == 0 ? "\n\n  indented" : "") with ünïcode" }
    let text = lines.joined(separator: "\n") + "\n\n"
    let url = try Self.file("long.txt", text)
    var pieces: [String] = []
    try TextPieces.read(url, size: 1000) { pieces.append($0) }
    #expect(pieces.joined() == text && pieces.count > 100)
    for (piece, next) in zip(pieces, pieces.dropFirst()) {
      #expect(piece.hasSuffix("\n") && !piece.hasSuffix("\n\n") && next.first?.isWhitespace == false)
    }
    // The same tokens as of the whole, whitespace that runs over lines included.
    let tokenizer = try Tokenizer.trainByteLevelBPE(on: lines, size: 400)
    let alphabet = Alphabet.tokenizer(tokenizer)
    #expect(pieces.flatMap(alphabet.encode) == alphabet.encode(text))
    let whole = try DataSource.blocks(
      of: [Corpus("long", text: text)], name: "whole", block: 16, stride: 5, tokens: alphabet.encode)
    let read = try DataSource.blocks(
      of: [Corpus.file(url)], name: "read", block: 16, stride: 5, tokens: alphabet.encode)
    for (one, other) in [(whole.train, read.train), (whole.test, read.test)] {
      #expect(try one.inputs.integers() == other.inputs.integers())
      #expect(try one.targets.integers() == other.targets.integers())
    }
  }

  @Test func aLineWithoutAnEndIsCutBetweenWords() throws {
    let text = String(repeating: "word ünd ", count: 3000)
    var pieces: [String] = []
    try TextPieces.read(Self.file("one.txt", text), size: 500) { pieces.append($0) }
    #expect(pieces.joined() == text && pieces.count > 2)
    #expect(pieces.allSatisfy { $0.unicodeScalars.count < 500 * 17 })
  }

  @Test func badBytesOfALaterPieceAreNamedByTheirLine() throws {
    let good = Array(String(repeating: "a line\n", count: 500).utf8)
    let url = try Self.file("bad.txt", good + [0xff, 0x0a] + good)
    let error = #expect(throws: TextDataError.self) { try TextPieces.read(url, size: 100) { _ in } }
    #expect(error?.line == 501 && error?.problem == "not UTF-8")
    let blank = try Self.file("blank.txt", String(repeating: " \n", count: 400))
    #expect(throws: TextDataError(blank.relativePath, "the file is empty")) {
      try TextPieces.read(blank, size: 100) { _ in }
    }
  }

  @Test func filesOfTokensGoWithTheirUse() throws {
    let folder = try Self.file("x", "").deletingLastPathComponent()
    func tokens() throws -> Tensor {
      let file = try TokenFile(in: folder)
      for start in 0..<300 { try file.append(Array(start * 1000..<(start + 1) * 1000)) }
      return try file.tensor()
    }
    let all = try tokens()
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["x"])
    #expect(all.dtype == .int32 && all.count == 300_000)
    #expect(try all[299_998..<300_000].integers() == [299_998, 299_999])
  }

  @Test func aFullDiskIsNamed() throws {
    let folder = URL(fileURLWithPath: "/nowhere/at/all")
    let error = #expect(throws: TextDataError.self) { try TokenFile(in: folder) }
    #expect(error?.problem.contains("set TMPDIR to another folder") == true)
  }

  @Test func alphabetsGiveTheTextBack() throws {
    let text = "Ünïcode 👩‍👩‍👧 and\ttabs"
    for alphabet in [Alphabet.bytes, try .characters(of: [Corpus("text", text: text)])] {
      let tokens = alphabet.encode(text)
      #expect(alphabet.decode(tokens) == text)
      #expect(tokens.allSatisfy { (0..<alphabet.count).contains($0) })
    }
  }
}
