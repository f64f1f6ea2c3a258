import Foundation
import Testing

@testable import Perennial
@testable import PerennialVision

/// A folder that is gone when the test is over.
final class TestFolder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent("perennial-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  var root: DataRoot { DataRoot(url.path, environment: [:]) }

  @discardableResult
  func write(_ path: String, _ bytes: some Sequence<UInt8>) throws -> URL {
    let file = url.appendingPathComponent(path)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: file)
    return file
  }

  /// The MD5 sum of some bytes.
  func md5(_ bytes: [UInt8]) throws -> String {
    let file = try write("md5-\(UUID().uuidString)", bytes)
    defer { try? FileManager.default.removeItem(at: file) }
    return try Checksum.md5(file)
  }
}

/// Files beside the tests.
enum Fixture {
  static func url(_ path: String) throws -> URL {
    try #require(Bundle.module.resourceURL).appendingPathComponent("Fixtures/\(path)")
  }

  static func bytes(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: url(path))) }
}
