import Foundation

/// The digest of some bytes.
///
/// Two are compared to the end, in a time that does not depend on where they differ.
package struct Digest: Hashable, Sendable {
  /// 32 bytes of SHA-256, 16 of MD5.
  package let bytes: [UInt8]

  init(bytes: [UInt8]) { self.bytes = bytes }

  /// SHA-256 of bytes that are all there.
  ///
  /// - Throws: ``DigestError``.
  package init(sha256 bytes: some ContiguousBytes) throws {
    let digester = try Digester.sha256()
    try digester.update(bytes)
    self = try digester.finish()
  }

  /// In lower-case hexadecimal.
  package var hex: String { bytes.hex }

  package static func == (a: Digest, b: Digest) -> Bool {
    a.bytes.count == b.bytes.count && zip(a.bytes, b.bytes).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
  }
}

extension Sequence<UInt8> {
  /// Two lower-case hexadecimal digits for each byte.
  package var hex: String { map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() }
}
