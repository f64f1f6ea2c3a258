import Foundation
import TestSupport
import Testing

@testable import Torch

@Suite("zip")
struct ZipArchiveTests {
  @Test("lists and reads stored and deflated members", arguments: ["stored.npz", "deflated.npz"])
  func members(file: String) throws {
    let archive = try ZipArchive(NumPyFixtures.url(file))
    #expect(archive.entries.map(\.name) == ["x.npy", "y.npy"])
    #expect(try archive.content(of: archive.entries[0]) == NumPyFixtures.bytes("float32.npy"))
    #expect(try archive.content(of: archive.entries[1]) == NumPyFixtures.bytes("int64.npy"))
  }

  @Test("no archive, or one without its end, is an error")
  func noArchive() throws {
    for bytes in [
      [], Array("plain text that is long enough".utf8),
      Array(try NumPyFixtures.bytes("stored.npz").dropLast()),
    ] {
      let error = #expect(throws: FileError.self) { try ZipArchive(Data(bytes), file: "a.zip") }
      #expect(error?.kind == .format)
    }
    let missing = #expect(throws: FileError.self) { try ZipArchive(URL(fileURLWithPath: "/nowhere/a.zip")) }
    #expect(missing?.kind == .missing)
  }

  @Test("a wrong checksum names the member")
  func checksum() throws {
    var bytes = try NumPyFixtures.bytes("stored.npz")
    let place = try #require(bytes.firstRange(of: Array("NUMPY".utf8))).lowerBound + 100
    bytes[place] ^= 1
    let archive = try ZipArchive(Data(bytes), file: "a.zip")
    let error = #expect(throws: FileError.self) { try archive.content(of: archive.entries[0]) }
    #expect(error?.kind == .corrupt)
    #expect(error?.description.hasPrefix("a.zip/x.npy: checksum ") == true)
  }

  @Test("offsets and sizes beyond the archive are errors and not memory")
  func lyingDirectory() throws {
    let original = try NumPyFixtures.bytes("deflated.npz")
    let directory = try #require(original.firstRange(of: [0x50, 0x4b, 1, 2])).lowerBound
    for (offset, count) in [(20, 4), (24, 4), (42, 4), (28, 2), (30, 2)] {
      var bytes = original
      for index in 0..<count { bytes[directory + offset + index] = index == count - 1 ? 0x7f : 0xff }
      #expect(throws: FileError.self) {
        let archive = try ZipArchive(Data(bytes), file: "a.zip")
        for entry in archive.entries { _ = try archive.content(of: entry) }
      }
    }
  }

  @Test("a damaged archive gives an error or the true members", arguments: ["stored.npz", "deflated.npz"])
  func fuzz(file: String) throws {
    let original = try NumPyFixtures.bytes(file)
    let contents = [try NumPyFixtures.bytes("float32.npy"), try NumPyFixtures.bytes("int64.npy")]
    var errors = 0
    for bytes in FileMutations(of: original, count: 800) {
      do {
        let archive = try ZipArchive(Data(bytes), file: file)
        for entry in archive.entries { #expect(contents.contains(try archive.content(of: entry))) }
      } catch is FileError {
        errors += 1
      }
    }
    #expect(errors > 300)
  }
}
