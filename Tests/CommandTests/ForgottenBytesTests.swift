import Foundation
import TestSupport
import Testing

/// What is forgotten is in no file of a model directory, whatever kind of input it was.
@Suite struct ForgottenBytesTests {
  private let folder: TestFolder
  private var model: String { folder.url("model").path }

  init() throws { folder = try TestFolder() }

  private func run(_ arguments: String...) throws { try run(arguments) }

  private func run(_ arguments: [String]) throws {
    let ending = try Program.run(arguments)
    try #require(ending.status == 0, "\(ending)")
  }

  /// The files below the directory that hold some bytes.
  private func files(holding wanted: Data) throws -> [String] {
    let all = FileManager.default.enumerator(atPath: model)?.compactMap { $0 as? String } ?? []
    return try all.filter { path in
      var isFolder: ObjCBool = false
      let file = folder.url("model/" + path)
      guard FileManager.default.fileExists(atPath: file.path, isDirectory: &isFolder), !isFolder.boolValue
      else {
        return false
      }
      return try Data(contentsOf: file, options: .mappedIfSafe).range(of: wanted) != nil
    }.sorted()
  }

  @Test func noPixelOfAPictureStays() throws {
    try run(
      "init", model, "--model", "{mlp: {hidden: [8]}}", "--inputs", "{images: {size: 16, channels: 1}}",
      "--set",
      "training.epochs=2", "--set", "holdout=0")
    func pixels(_ index: Int) -> [UInt8] {
      (0..<256).map { UInt8(truncatingIfNeeded: ($0 &* 197 &+ index &* 101) ^ ($0 >> 3 &* (index + 7))) }
    }
    for index in 0..<40 {
      let label = index % 2 == 0 ? "even" : "odd"
      try folder.write(GreyPicture(width: 16, pixels(index)).png, "pictures/\(label)/\(index).png")
    }
    try run("learn", model, folder.url("pictures").path, "--force", "a test")
    let row = Data(pixels(12)[32..<48])
    let all = Data(pixels(12))
    #expect(try files(holding: row).contains { $0.hasPrefix("life.sqlite") }, "the test would not notice")
    #expect(
      try files(holding: all).contains { $0.hasPrefix("blobs/") }, "the memory holds what it is made of")
    try folder.write(GreyPicture(width: 16, pixels(12)).png, "gone/even/picture.png")
    try run("forget", model, "--like", folder.url("gone").path, "--policy", "erase")
    #expect(try files(holding: row).isEmpty && files(holding: all).isEmpty)
    #expect(try !files(holding: Data(pixels(14)[32..<48])).isEmpty, "others stay")
  }

  @Test(
    .enabled(
      if: ProcessInfo.processInfo.environment["PERENNIAL_MINILM"] != nil,
      "PERENNIAL_MINILM does not name a folder of all-MiniLM-L6-v2"))
  func noWordOfATextStays() throws {
    let encoder = try #require(ProcessInfo.processInfo.environment["PERENNIAL_MINILM"])
    try run("init", model, "--model", encoder, "--inputs", "{text: {length: 16}}", "--set", "holdout=0")
    let lines = (0..<20).map { index in
      #"{"text": "where is card quuxbar\#(index)zyx", "label": "card", "id": "ticket-\#(index)-wvut"}"#
    }
    try run(
      "learn", model, folder.write(lines.joined(separator: "\n"), "monday.jsonl").path, "--force", "a test")
    for trace in ["quuxbar7zyx", "ticket-7-wvut"] {
      #expect(try !files(holding: Data(trace.utf8)).isEmpty, "the test would not notice")
    }
    try run("forget", model, "--id", "ticket-7-wvut")
    for trace in ["quuxbar7zyx", "ticket-7-wvut"] {
      #expect(try files(holding: Data(trace.utf8)).isEmpty, "\(trace)")
    }
    #expect(try !files(holding: Data("quuxbar8zyx".utf8)).isEmpty)
  }
}
