import Foundation

/// Files that are either the old one or the new one, never half of either, whenever the machine stops.
public enum AtomicFile {
  private static let temporarySuffix = ".tmp"

  /// Replaces the file at `url` by `data`, or creates it.
  ///
  /// Writes to a temporary file in the same folder, forces it to disk, renames it over `url` and forces the folder
  /// to disk. When anything fails the old file is untouched and the temporary one is gone.
  /// - Throws: `AtomicFileError` naming the step, the path and the system's reason: no such folder, no permission,
  ///   no space left.
  public static func write(_ data: some DataProtocol, to url: URL) throws {
    try write(to: url) { try $0.write(data) }
  }

  /// Replaces the file at `url` by what `body` writes piece by piece, as `write(_:to:)` does for data at hand.
  public static func write(to url: URL, _ body: (Writer) throws -> Void) throws {
    let file = try Temporary(for: url, body)
    defer { file.discard() }
    try file.force()
    try file.show()
    try synchronize(folder: file.folder)
  }

  /// Replaces or creates many files, each as `write(_:to:)` does, in a fraction of the time: they are forced to disk together
  /// before the first of them has its name, and each folder once. Stopped in between, some are there and others are not.
  public static func write(_ files: [(data: Data, url: URL)]) throws {
    for start in stride(from: 0, to: files.count, by: together) {
      var written: [Temporary] = []
      defer { for file in written { file.discard() } }
      for (data, url) in files[start..<min(start + together, files.count)] {
        written.append(try Temporary(for: url) { try $0.write(data) })
      }
      // The first makes the system write the others too.
      for file in written { try file.force() }
      for file in written { try file.show() }
      for folder in Set(written.map(\.folder)) { try synchronize(folder: folder) }
    }
  }

  /// So many files are open at a time.
  private static let together = 128

  /// A file beside the one that it will replace.
  private final class Temporary {
    let folder: String
    private let path: String
    private let temporary: String
    private var descriptor: Int32
    private var isShown = false

    init(for url: URL, _ body: (Writer) throws -> Void) throws {
      path = url.path
      folder = url.deletingLastPathComponent().path
      let suffix = String(UInt64.random(in: .min ... .max), radix: 36)
      temporary = "\(folder)/.\(url.lastPathComponent).\(suffix)\(temporarySuffix)"
      descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
      guard descriptor >= 0 else { throw AtomicFileError("create a file in", folder) }
      do {
        try body(Writer(descriptor: descriptor, path: path))
      } catch {
        discard()
        throw error
      }
    }

    func force() throws {
      guard fsync(descriptor) == 0 else { throw AtomicFileError("force to disk", path) }
      defer { descriptor = -1 }
      guard close(descriptor) == 0 else { throw AtomicFileError("close", path) }
    }

    func show() throws {
      guard rename(temporary, path) == 0 else { throw AtomicFileError("replace", path) }
      isShown = true
    }

    /// Leaves nothing of a file that has not its name yet.
    func discard() {
      if descriptor >= 0 { close(descriptor) }
      descriptor = -1
      if !isShown { unlink(temporary) }
    }
  }

  /// Takes the bytes of a file being written.
  public struct Writer {
    let descriptor: Int32
    let path: String

    /// Appends all of `bytes`.
    /// - Throws: `AtomicFileError`, among others when the disk is full.
    public func write(_ bytes: UnsafeRawBufferPointer) throws {
      var rest = bytes[...]
      while !rest.isEmpty {
        let count = platformWrite(descriptor, UnsafeRawBufferPointer(rebasing: rest))
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { throw AtomicFileError("write", path) }
        rest = rest.dropFirst(count)
      }
    }

    /// Appends all of `data`.
    public func write(_ data: some DataProtocol) throws {
      for region in data.regions { try region.withUnsafeBytes { try write($0) } }
    }
  }

  /// Removes what processes that were killed while writing have left in a folder that nobody else writes to.
  public static func removeLeftovers(in folder: URL) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    for name in names where name.hasPrefix(".") && name.hasSuffix(temporarySuffix) {
      unlink(folder.appendingPathComponent(name).path)
    }
  }

  private static func synchronize(folder: String) throws {
    let descriptor = open(folder, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw AtomicFileError("open the folder", folder) }
    defer { close(descriptor) }
    // Some network file systems cannot force a folder to disk; the rename itself has succeeded by now.
    guard fsync(descriptor) == 0 || errno == EINVAL || errno == ENOTSUP else {
      throw AtomicFileError("force to disk the folder", folder)
    }
  }
}

private func platformWrite(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
  write(descriptor, bytes.baseAddress, bytes.count)
}

/// Why a file could not be written.
public struct AtomicFileError: Error, Equatable, CustomStringConvertible {
  /// What was being done, such as "write".
  public let operation: String
  /// The file or folder it was done to.
  public let path: String
  /// The system's error number.
  public let code: Int32

  init(_ operation: String, _ path: String, code: Int32 = errno) {
    self.operation = operation
    self.path = path
    self.code = code
  }

  public var description: String {
    let advice =
      switch code {
      case ENOSPC, EDQUOT: "; free some space or choose another folder"
      case EACCES, EROFS, EPERM: "; choose a folder that you may write to"
      case ENOENT: "; the folder does not exist"
      default: ""
      }
    return "cannot \(operation) \(path): \(String(cString: strerror(code)))\(advice)"
  }
}
