import Foundation

/// An exclusive lock on a folder. The system drops it when the process ends, even by `kill -9`.
public final class FolderLock: Sendable {
  /// Why a folder is not locked.
  public enum Failure: Error, Equatable {
    /// Another process has the lock; its number where it can be told.
    case held(by: Int32?)
    /// The system's error number.
    case system(Int32)
  }

  private let descriptor: Int32

  /// - Throws: ``Failure``.
  public init(_ folder: URL) throws {
    let path = folder.appendingPathComponent(".lock").path
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw Failure.system(errno) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let code = errno
      let holder = (try? String(contentsOfFile: path, encoding: .utf8)).flatMap(Self.process)
      // The descriptor is closed by `deinit`, which runs where a whole object throws.
      throw code == EWOULDBLOCK ? Failure.held(by: holder) : Failure.system(code)
    }
    let text = Array("\(getpid())\n".utf8)
    // Only the message of somebody else's error needs the number.
    if ftruncate(descriptor, 0) == 0 { _ = pwrite(descriptor, text, text.count, 0) }
  }

  private static func process(_ text: String) -> Int32? {
    Int32(text.trimmingCharacters(in: .whitespacesAndNewlines))
  }

  deinit { close(descriptor) }
}
