import Foundation

/// What has arrived of a file, and of which version it is.
struct PartialFile: Sendable {
  let destination: URL

  init(_ destination: URL) { self.destination = destination }

  var url: URL { destination.appendingPathExtension("partial") }
  private var versionURL: URL { url.appendingPathExtension("version") }

  /// Bytes that are there.
  var size: Int {
    (try? FileManager.default.attributesOfItem(atPath: url.path)[.size] as? Int) ?? 0
  }

  /// The server's mark of the version to which the bytes belong.
  var version: String? {
    guard let text = try? String(contentsOf: versionURL, encoding: .utf8), !text.isEmpty else { return nil }
    return text
  }

  /// Opens the file for writing at its end, emptied first where it `restarts`.
  func open(restarts: Bool, version: String?) throws -> FileHandle {
    do {
      if restarts || !FileManager.default.fileExists(atPath: url.path) { try Data().write(to: url) }
      try (version ?? "").write(to: versionURL, atomically: true, encoding: .utf8)
      let handle = try FileHandle(forWritingTo: url)
      try handle.seekToEnd()
      return handle
    } catch {
      throw DownloadError.disk(path: url.path, reason: error.localizedDescription)
    }
  }

  func remove() {
    try? FileManager.default.removeItem(at: url)
    try? FileManager.default.removeItem(at: versionURL)
  }

  /// Gives the file its name, in place of an older one, after all bytes have reached the disk.
  func finish() throws {
    do {
      let handle = try FileHandle(forUpdating: url)
      try handle.synchronize()
      try handle.close()
    } catch {
      throw DownloadError.disk(path: url.path, reason: error.localizedDescription)
    }
    guard rename(url.path, destination.path) == 0 else {
      throw DownloadError.disk(path: destination.path, reason: String(cString: strerror(errno)))
    }
    try? FileManager.default.removeItem(at: versionURL)
  }
}
