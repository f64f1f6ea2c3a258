import Digests
import Foundation
import Torch

/// Checksums of files, read in pieces.
enum Checksum {
  /// The MD5 sum in lower-case hexadecimal: no protection from malice, and what data sets publish.
  static func md5(_ url: URL) throws -> String { try digest(url, Digester.md5()) }

  /// The SHA-256 sum in lower-case hexadecimal.
  static func sha256(_ url: URL) throws -> String { try digest(url, Digester.sha256()) }

  static func sha256(_ bytes: [UInt8]) throws -> String { try Digest(sha256: bytes).hex }

  private static func digest(_ url: URL, _ digester: Digester) throws -> String {
    guard let handle = try? FileHandle(forReadingFrom: url) else {
      throw FileError(.missing, url.path, "no such file, or not readable")
    }
    defer { try? handle.close() }
    do {
      while let piece = try handle.read(upToCount: 1 << 20), !piece.isEmpty { try digester.update(piece) }
    } catch let error as DigestError {
      throw error
    } catch {
      throw FileError(.unreadable, url.path, "cannot be read: \(error.localizedDescription)")
    }
    return try digester.finish().hex
  }
}
