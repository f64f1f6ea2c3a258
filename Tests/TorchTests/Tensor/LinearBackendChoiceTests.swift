import Foundation
import Testing

@testable import Torch

@Suite("The choice of a matrix library", .serialized)
struct LinearBackendChoiceTests {
  private let folder: TemporaryFolder
  private var file: URL { folder.url.appendingPathComponent("deep/linear.json") }

  init() throws { folder = try TemporaryFolder() }

  private func choice() -> LinearBackendChoice {
    let choice = LinearBackendChoice(file: file)
    choice.forced = nil
    return choice
  }

  @Test("small layers take BLAS without being timed")
  func small() {
    let choice = choice()
    #expect(choice.backend(rows: 10, inputs: 100, outputs: 100) == .blas)
    #expect(choice.backend(rows: 0, inputs: 4096, outputs: 4096) == .blas)
    #expect(choice.decisions.isEmpty)
    #expect(!FileManager.default.fileExists(atPath: file.path))
  }

  @Test("a large one is timed once for all rows that round to the same power of two, and kept in a file")
  func large() throws {
    guard Runtime.hasOneDNN else { return }
    let choice = choice()
    let answer = choice.backend(rows: 120, inputs: 200, outputs: 100)
    #expect(choice.decisions == ["128x200x100": answer])
    #expect(choice.backend(rows: 128, inputs: 200, outputs: 100) == answer)
    #expect(choice.decisions.count == 1)
    let kept = try JSONDecoder().decode([String: LinearBackend].self, from: Data(contentsOf: file))
    #expect(kept == choice.decisions)
  }

  @Test("answers in the file are believed, never measured again", arguments: LinearBackend.allCases)
  func kept(_ answer: LinearBackend) throws {
    guard Runtime.hasOneDNN else { return }
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data("{\"64x1024x1024\":\"\(answer.rawValue)\"}".utf8).write(to: file)
    #expect(choice().backend(rows: 50, inputs: 1024, outputs: 1024) == answer)
  }

  @Test(
    "a run that goes on brings its answers, which nothing measures again", arguments: LinearBackend.allCases)
  func adopted(_ answer: LinearBackend) throws {
    guard Runtime.hasOneDNN else { return }
    let choice = choice()
    choice.adopt(["64x1024x1024": answer])
    #expect(choice.backend(rows: 64, inputs: 1024, outputs: 1024) == answer)
    #expect(!FileManager.default.fileExists(atPath: file.path))
    choice.adopt(["64x1024x1024": answer == .blas ? .oneDNN : .blas])
    #expect(choice.backend(rows: 64, inputs: 1024, outputs: 1024) != answer)
  }

  @Test("force overrules the file and the measurement", arguments: LinearBackend.allCases)
  func forced(_ answer: LinearBackend) {
    let choice = choice()
    choice.forced = answer
    #expect(choice.backend(rows: 1, inputs: 1, outputs: 1) == answer)
    #expect(choice.backend(rows: 512, inputs: 512, outputs: 512) == answer)
    #expect(choice.decisions.isEmpty)
  }

  @Test(
    "a damaged file counts for nothing and is replaced",
    arguments: ["", "{", "[1]", "{\"64x1024x1024\":\"abacus\"}"])
  func damaged(_ text: String) throws {
    guard Runtime.hasOneDNN else { return }
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: file)
    let choice = choice()
    #expect(choice.decisions.isEmpty)
    let answer = choice.backend(rows: 128, inputs: 200, outputs: 100)
    let again = LinearBackendChoice(file: file)
    #expect(again.decisions == ["128x200x100": answer])
  }

  @Test("a folder that cannot be written does not stop the choice")
  func unwritable() throws {
    guard Runtime.hasOneDNN else { return }
    try Data().write(to: folder.url.appendingPathComponent("deep"))
    let choice = choice()
    let answer = choice.backend(rows: 128, inputs: 200, outputs: 100)
    #expect(choice.decisions == ["128x200x100": answer])
  }
}
