import Foundation
import TestSupport
import Testing
import Torch

@Suite("gzip")
struct InflateTests {
  /// What `members.gz` holds.
  private let content = [UInt8]((0..<40).flatMap { _ in UInt8.min...UInt8.max })

  private func file() throws -> [UInt8] { try NumPyFixtures.bytes("members.gz") }

  @Test("reads all members, and zeros after them")
  func members() throws {
    #expect(try Inflate.gzip(Data(file()), file: "members.gz") == content)
  }

  @Test("names file and offset of other formats, cut files and damage")
  func errors() throws {
    func failure(_ bytes: [UInt8], maximum: Int = 1 << 20) -> FileError? {
      #expect(throws: FileError.self) { try Inflate.gzip(Data(bytes), file: "a.gz", maximum: maximum) }
    }
    let bytes = try file()
    #expect(failure([])?.kind == .format)
    #expect(failure(Array("PK\u{3}\u{4}".utf8))?.kind == .format)
    let cut = try #require(failure(Array(bytes.prefix(200))))
    #expect(cut.kind == .truncated)
    #expect(cut.description == "a.gz, at byte 200: the compressed data ends too early")
    var damaged = bytes
    damaged[60] ^= 0x10
    #expect(failure(damaged)?.kind == .corrupt)
    #expect(failure(bytes, maximum: content.count - 1)?.kind == .range)
    #expect(try Inflate.gzip(Data(bytes), file: "a.gz", maximum: content.count) == content)
    #expect(failure(Array(bytes.prefix(bytes.count - 100)) + [7])?.kind == .corrupt)
  }

  @Test("a damaged file gives an error or the true content, never another one")
  func fuzz() throws {
    var errors = 0
    for bytes in FileMutations(of: Array(try file().dropLast(100)), count: 600) {
      do {
        let result = try Inflate.gzip(Data(bytes), file: "a.gz", maximum: 1 << 20)
        // A cut exactly between the members leaves a whole file.
        #expect(result == content || result == Array(content.prefix(5000)))
      } catch let error as FileError {
        #expect(!error.message.isEmpty)
        errors += 1
      }
    }
    #expect(errors > 400)
  }
}
