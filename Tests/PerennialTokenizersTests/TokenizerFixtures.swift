import Foundation
import Testing

@testable import PerennialTokenizers

/// The golden files (see Scripts/golden/tokenizer_files.py) and the text sets that `PERENNIAL_DATA` names.
enum TokenizerFixtures {
  static let names = ["bert", "gpt2", "llama2", "llama3", "qwen2", "t5"]

  static let data = ProcessInfo.processInfo.environment["PERENNIAL_DATA"].map { URL(fileURLWithPath: $0) }
  static let miniLM = ProcessInfo.processInfo.environment["PERENNIAL_MINILM"].map { URL(fileURLWithPath: $0) }

  static func url(_ name: String) throws -> URL {
    try #require(Bundle.module.resourceURL).appendingPathComponent("Golden").appendingPathComponent(name)
  }

  static func decode<Value: Decodable>(_ name: String, as type: Value.Type = Value.self) throws -> Value {
    try JSONDecoder().decode(type, from: Data(contentsOf: url(name)))
  }

  static func tokenizer(_ name: String) throws -> Tokenizer { try Tokenizer(file: url("\(name).json")) }

  static func texts() throws -> [String] { try decode("texts.json") }

  /// A tokenizer of a document that is written in place.
  static func tokenizer(document: String) throws -> Tokenizer {
    try Tokenizer(document: Data(document.utf8), file: "tokenizer.json")
  }

  /// A fresh folder with these files.
  static func folder(_ files: [String: String]) throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for (name, text) in files { try Data(text.utf8).write(to: folder.appendingPathComponent(name)) }
    return folder
  }
}

/// The text sets, line by line, as the golden script reads them.
struct Corpora {
  let root: URL

  static let names = [
    "banking77/test.csv", "banking77/train.csv", "clinc150", "multi30k/cs", "multi30k/de", "multi30k/en",
    "multi30k/fr", "nltk-corpora/genesis.zip", "nltk-corpora/inaugural.zip", "nltk-corpora/state_union.zip",
    "tinyshakespeare", "wikitext-2/test.txt", "wikitext-2/valid.txt",
  ]

  private static let lock = NSLock()
  nonisolated(unsafe) private static var read: [String: [String]] = [:]

  /// Every step-th line of a text set, kept for the next test.
  func lines(_ name: String, step: Int) throws -> [String] {
    try Self.lock.withLock {
      let key = "\(root.path) \(name) \(step)"
      if let found = Self.read[key] { return found }
      let all = try bytes(name)
      let lines = stride(from: 0, to: all.count, by: step).map { String(decoding: all[$0], as: UTF8.self) }
      Self.read[key] = lines
      return lines
    }
  }

  private func bytes(_ name: String) throws -> [ArraySlice<UInt8>] {
    let parts = name.split(separator: "/").map(String.init)
    switch parts[0] {
    case "clinc150":
      // Every entry is a text and its intent.
      let file = root.appendingPathComponent("clinc150/data/data_full.json")
      let splits = try JSONDecoder().decode([String: [[String]]].self, from: Data(contentsOf: file))
      return splits.sorted { $0.key < $1.key }.flatMap { $0.value.map { Array($0[0].utf8)[...] } }
    case "banking77": return try lines(root.appendingPathComponent("banking77/banking_data/\(parts[1])"))
    case "multi30k":
      let folder = root.appendingPathComponent("multi30k/data/task1/raw")
      return try FileManager.default.contentsOfDirectory(atPath: folder.path)
        .filter { $0.hasSuffix(".\(parts[1]).gz") }.sorted()
        .flatMap { try Self.lines(Self.run("gzip", "-dc", folder.appendingPathComponent($0).path)) }
    case "nltk-corpora":
      let archive = root.appendingPathComponent(name).path
      return try Self.lines(Self.run("unzip", "-Z1", archive)).map { String(decoding: $0, as: UTF8.self) }
        .filter { $0.hasSuffix(".txt") }.sorted()
        .flatMap { try Self.lines(Self.run("unzip", "-p", archive, $0)) }
    case "tinyshakespeare": return try lines(root.appendingPathComponent("tinyshakespeare/input.txt"))
    default: return try lines(root.appendingPathComponent(name))
    }
  }

  private func lines(_ file: URL) throws -> [ArraySlice<UInt8>] { Self.lines(try Data(contentsOf: file)) }

  /// Cut at line feeds only, before decoding: Swift's characters would keep a carriage return and a line feed together.
  private static func lines(_ data: Data) -> [ArraySlice<UInt8>] {
    let bytes = [UInt8](data)
    var lines: [ArraySlice<UInt8>] = []
    var start = 0
    while let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
      lines.append(bytes[start..<end])
      start = end + 1
    }
    lines.append(bytes[start...])
    return lines
  }

  private static func run(_ command: String...) throws -> Data {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "\(command) failed")
    return data
  }
}
