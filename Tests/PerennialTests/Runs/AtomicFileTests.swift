import Foundation
import Testing

@testable import Perennial

@Suite struct AtomicFileTests {
  static func temporaryFolder() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "perennial-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
  }

  func names(in folder: URL) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path)
  }

  @Test func createsAndReplaces() throws {
    let folder = try Self.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent("a.bin")
    try AtomicFile.write(Data("one".utf8), to: file)
    #expect(try Data(contentsOf: file) == Data("one".utf8))
    let large = Data((0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 7) })
    try AtomicFile.write(large, to: file)
    #expect(try Data(contentsOf: file) == large)
    try AtomicFile.write(Data(), to: file)
    #expect(try Data(contentsOf: file).isEmpty)
    #expect(try names(in: folder) == ["a.bin"], "no temporary file may stay behind")
  }

  @Test func aFailureKeepsTheOldFileAndLeavesNothingBehind() throws {
    struct Stop: Error {}
    let folder = try Self.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent("a.bin")
    try AtomicFile.write(Data("old".utf8), to: file)
    #expect(throws: Stop.self) {
      try AtomicFile.write(to: file) { writer in
        try writer.write(Data("half of the ne".utf8))
        throw Stop()
      }
    }
    #expect(try Data(contentsOf: file) == Data("old".utf8))
    #expect(try names(in: folder) == ["a.bin"])
  }

  @Test func manyFilesComeTogether() throws {
    let folder = try Self.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    func file(_ number: Int) -> URL { folder.appendingPathComponent("\(number).bin") }
    try AtomicFile.write(Data("old".utf8), to: file(7))
    try AtomicFile.write((0..<300).map { (Data("file \($0)".utf8), file($0)) })
    for number in 0..<300 { #expect(try Data(contentsOf: file(number)) == Data("file \(number)".utf8)) }
    #expect(try names(in: folder).count == 300)
    // One that cannot be written leaves the others as they were.
    let nowhere = folder.appendingPathComponent("nowhere").appendingPathComponent("a.bin")
    #expect(throws: AtomicFileError.self) {
      try AtomicFile.write([(Data("new".utf8), file(7)), (Data(), nowhere)])
    }
    #expect(try Data(contentsOf: file(7)) == Data("file 7".utf8))
    #expect(try names(in: folder).count == 300, "no temporary file may stay behind")
    try AtomicFile.write([])
  }

  @Test func aMissingFolderIsNamed() throws {
    let file = URL(fileURLWithPath: "/nowhere/at/all/results.json")
    let error = #expect(throws: AtomicFileError.self) { try AtomicFile.write(Data(), to: file) }
    #expect(error?.code == ENOENT)
    #expect(error?.description.contains("/nowhere/at/all") == true)
    #expect(error?.description.contains("does not exist") == true)
  }

  @Test func aFileWhereAFolderShouldBeIsRefused() throws {
    let folder = try Self.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent("a.bin")
    try AtomicFile.write(Data(), to: file)
    let error = #expect(throws: AtomicFileError.self) {
      try AtomicFile.write(Data(), to: file.appendingPathComponent("b.bin"))
    }
    #expect(error?.code == ENOTDIR)
  }

  @Test func aFolderIsNotReplacedByAFile() throws {
    let folder = try Self.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let inner = folder.appendingPathComponent("inner")
    try FileManager.default.createDirectory(at: inner, withIntermediateDirectories: true)
    #expect(throws: AtomicFileError.self) { try AtomicFile.write(Data(), to: inner) }
    #expect(try names(in: folder) == ["inner"])
  }

  #if os(Linux)
    @Test func aFullDiskSaysSo() throws {
      let descriptor = open("/dev/full", O_WRONLY)
      try #require(descriptor >= 0)
      defer { close(descriptor) }
      let writer = AtomicFile.Writer(descriptor: descriptor, path: "/runs/results.json")
      let error = #expect(throws: AtomicFileError.self) { try writer.write(Data([1, 2, 3])) }
      #expect(error?.code == ENOSPC)
      #expect(error?.description.contains("/runs/results.json") == true)
      #expect(error?.description.contains("free some space") == true)
    }
  #endif
}
