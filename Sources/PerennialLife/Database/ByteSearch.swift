import Foundation

/// Looks for bytes in the file of a database that this process has open.
///
/// Closing any descriptor of a file drops all locks that the process has on it (POSIX.1, `fcntl`), those of SQLite included:
/// so descriptors are opened once for a file, and stay open.
struct ByteSearch {
  private let descriptor: Int32
  private static let files = OpenFiles()
  private static let pieceSize = 4 << 20

  private final class OpenFiles: @unchecked Sendable {
    private struct Identity: Hashable {
      let device: UInt64
      let number: UInt64
    }

    private let lock = NSLock()
    private var descriptors: [Identity: Int32] = [:]

    func descriptor(of url: URL) throws -> Int32 {
      try lock.withLock {
        var status = stat()
        guard stat(url.path, &status) == 0 else { throw Self.failure(url) }
        let identity = Identity(device: UInt64(status.st_dev), number: UInt64(status.st_ino))
        if let known = descriptors[identity] { return known }
        let descriptor = open(url.path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.failure(url) }
        descriptors[identity] = descriptor
        return descriptor
      }
    }

    private static func failure(_ url: URL) -> LifeError {
      .damagedDatabase(path: url.path, reason: String(cString: strerror(errno)))
    }
  }

  /// - Throws: `LifeError.damagedDatabase` for a file that cannot be read.
  init(_ url: URL) throws { descriptor = try Self.files.descriptor(of: url) }

  /// Whether any of these is somewhere in the file; nothing is in no file.
  func finds(anyOf needles: [Data]) -> Bool {
    let needles = needles.filter { !$0.isEmpty }
    guard let longest = needles.map(\.count).max() else { return false }
    // Pieces overlap, so that whatever lies across their border is in one of them.
    var piece = [UInt8](repeating: 0, count: Self.pieceSize + longest)
    var place = 0
    while true {
      let count = piece.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, off_t(place)) }
      // What cannot be read may hold anything.
      guard count >= 0 else { return true }
      guard count > 0 else { return false }
      let isThere = piece.withUnsafeBytes { bytes in
        needles.contains { Self.finds($0, in: UnsafeRawBufferPointer(rebasing: bytes[..<count])) }
      }
      if isThere { return true }
      guard count > longest else { return false }
      place += count - longest + 1
    }
  }

  private static func finds(_ needle: Data, in hay: UnsafeRawBufferPointer) -> Bool {
    needle.withUnsafeBytes { wanted in
      guard let start = hay.baseAddress, let first = wanted.first, let bytes = wanted.baseAddress else {
        return false
      }
      var place = 0
      while place + wanted.count <= hay.count {
        let rest = hay.count - wanted.count + 1 - place
        guard let hit = memchr(start + place, Int32(first), rest) else { return false }
        if memcmp(hit, bytes, wanted.count) == 0 { return true }
        place = UnsafeRawPointer(hit) - start + 1
      }
      return false
    }
  }
}
