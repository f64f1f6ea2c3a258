import Foundation
import Perennial

/// The file `AUDIT`: where the audit log ends, told outside of the database, so that entries are missed that somebody
/// removes at its end.
///
/// It follows each transaction that adds an entry. Killed in between, the log is the longer one, which is no fault; the next
/// writer tells its end. A file that tells of entries that are not there is left as it is.
final class AuditSeal: @unchecked Sendable {
  static let fileName = "AUDIT"

  private let url: URL
  private let lock = NSLock()
  private var told: Int?
  private var isContradicted = false

  /// - Parameter folder: of the database.
  init(in folder: URL) { url = folder.appendingPathComponent(Self.fileName) }

  /// What the file tells; nil where there is none, or none that can be read.
  static func read(in folder: URL) -> VersionManifest.AuditEnd? {
    let file = folder.appendingPathComponent(fileName)
    let words = (try? String(contentsOf: file, encoding: .utf8))?.split { $0.isWhitespace } ?? []
    guard words.count == 2, let sequence = Int(words[0]) else { return nil }
    return VersionManifest.AuditEnd(sequence: sequence, digest: String(words[1]))
  }

  /// Tells of a new end. Where the file cannot be written, the next end is told: what was decided is on disk.
  ///
  /// - Parameter holds: whether the log has such an entry.
  func follow(_ end: VersionManifest.AuditEnd, holds: (VersionManifest.AuditEnd) -> Bool) {
    lock.withLock {
      if told == nil {
        let before = Self.read(in: url.deletingLastPathComponent())
        if let before, !holds(before) { isContradicted = true }
        told = before?.sequence ?? 0
      }
      guard !isContradicted, end.sequence > told ?? 0 else { return }
      let line = Data("\(end.sequence) \(end.digest)\n".utf8)
      if (try? AtomicFile.write(line, to: url)) != nil { told = end.sequence }
    }
  }
}
