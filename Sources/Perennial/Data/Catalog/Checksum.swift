import Crypto
import Foundation
import Torch

/// Checksums of files, read in pieces.
enum Checksum {
  /// The MD5 sum in lower-case hexadecimal: no protection from malice, and what data sets publish.
  static func md5(_ url: URL) throws -> String { try digest(url, Insecure.MD5()) }

  /// The SHA-256 sum in lower-case hexadecimal.
  static func sha256(_ url: URL) throws -> String { try digest(url, SHA256()) }

  static func sha256(_ bytes: [UInt8]) -> String { hex(SHA256.hash(data: bytes)) }

  private static func digest<Hash: HashFunction>(_ url: URL, _ hash: Hash) throws -> String {
    var hash = hash
    guard let handle = try? FileHandle(forReadingFrom: url) else {
      throw FileError(.missing, url.path, "no such file, or not readable")
    }
    defer { try? handle.close() }
    do {
      while let piece = try handle.read(upToCount: 1 << 20), !piece.isEmpty { hash.update(data: piece) }
    } catch {
      throw FileError(.unreadable, url.path, "cannot be read: \(error.localizedDescription)")
    }
    return hex(hash.finalize())
  }

  private static func hex(_ digest: some Digest) -> String {
    digest.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
  }
}
