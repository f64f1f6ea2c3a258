import Digests
import Foundation
import Testing

@Suite("Digests")
struct DigestTests {
  @Test("SHA-256 gives the examples of FIPS 180-4")
  func sha256() throws {
    #expect(
      try Digest(sha256: Data()).hex == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    #expect(
      try Digest(sha256: Data("abc".utf8)).hex
        == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(
      try Digest(sha256: Data("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8)).hex
        == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
  }

  @Test("MD5 gives the examples of RFC 1321")
  func md5() throws {
    let examples = [
      "": "d41d8cd98f00b204e9800998ecf8427e", "abc": "900150983cd24fb0d6963f7d28e17f72",
      "message digest": "f96b697d7cb7938d525a2f31aaf161d0",
    ]
    for (text, sum) in examples {
      let digester = try Digester.md5()
      try digester.update(Data(text.utf8))
      #expect(try digester.finish().hex == sum)
    }
  }

  @Test("Pieces give what the whole gives: a million times a, in pieces of every size up to 1,999 bytes")
  func pieces() throws {
    let digester = try Digester.sha256()
    var (left, size) = (1_000_000, 0)
    while left > 0 {
      let piece = min(size, left)
      try digester.update([UInt8](repeating: 97, count: piece))
      (left, size) = (left - piece, (size + 1) % 2000)
    }
    #expect(
      try digester.finish().hex == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
  }

  @Test("Digests are equal if all of their bytes are")
  func equality() throws {
    let one = try Digest(sha256: Data("one".utf8))
    #expect(try one == Digest(sha256: [UInt8]("one".utf8)))
    #expect(try one != Digest(sha256: Data("two".utf8)))
    let short = try Digester.md5()
    try short.update(Data("one".utf8))
    #expect(try short.finish() != one)
  }

  @Test("What was finished takes no more and gives nothing again, with an error that says so")
  func finished() throws {
    let digester = try Digester.sha256()
    _ = try digester.finish()
    #expect(throws: DigestError.over("SHA-256")) { try digester.update(Data("more".utf8)) }
    #expect(throws: DigestError.over("SHA-256")) { try digester.finish() }
    #expect("\(DigestError.refused("MD5"))" == "the system's cryptographic library does not compute MD5")
  }
}
