/// The digest of some bytes.
///
/// Two are compared to the end, in a time that does not depend on where they differ.
public struct Digest: Hashable, Sendable {
  /// 32 bytes of SHA-256, 16 of MD5.
  public let bytes: [UInt8]

  init(bytes: [UInt8]) { self.bytes = bytes }

  /// In lower-case hexadecimal.
  public var hex: String { bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() }

  public static func == (a: Digest, b: Digest) -> Bool {
    a.bytes.count == b.bytes.count && zip(a.bytes, b.bytes).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
  }
}
