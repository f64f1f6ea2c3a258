import Foundation

/// A folder of its own below the system's temporary one.
struct TemporaryPlace {
  let url: URL

  init() {
    url = FileManager.default.temporaryDirectory.appendingPathComponent("perennial-\(UUID().uuidString)")
    try? FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  func remove() { try? FileManager.default.removeItem(at: url) }
}
