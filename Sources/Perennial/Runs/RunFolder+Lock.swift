import Foundation

/// An exclusive lock on a run folder. The system drops it when the process ends, even by `kill -9`.
final class RunLock {
  private let descriptor: Int32

  init(_ folder: URL) throws {
    let path = folder.appendingPathComponent(".lock").path
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw RunFolderError(folder, code: errno) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let code = errno
      let holder = (try? String(contentsOfFile: path, encoding: .utf8)).flatMap(Self.process)
      close(descriptor)
      guard code == EWOULDBLOCK else { throw RunFolderError(folder, code: code) }
      throw RunFolderError.inUse(path: folder.path, process: holder)
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
