import Foundation
import Testing

@testable import Perennial
@testable import PerennialVision

@Suite("Downloads")
struct DownloaderTests {
  private let folder: TestFolder
  private let content = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 * 7 + $0 / 251) }

  init() throws { folder = try TestFolder() }

  private var destination: URL { folder.url.appendingPathComponent("sub/file.bin") }
  private var partial: URL { folder.url.appendingPathComponent("sub/file.bin.partial") }

  private func downloader(attempts: Int = 5) -> Downloader {
    var downloader = Downloader()
    downloader.attempts = attempts
    downloader.pause = .milliseconds(1)
    downloader.timeout = 10
    return downloader
  }

  private func file(_ servers: TestServer..., md5: String? = nil) throws -> RemoteFile {
    RemoteFile(
      "file.bin", servers.compactMap { $0.url?.absoluteString }, size: content.count,
      md5: try md5 ?? folder.md5(content))
  }

  private func leftovers() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: destination.deletingLastPathComponent().path).sorted()
  }

  @Test("a file arrives whole, and progress ends at its size")
  func whole() async throws {
    let server = try TestServer(content: content)
    let last = Last()
    try await downloader().download(file(server), to: destination) { last.set($0) }
    #expect([UInt8](try Data(contentsOf: destination)) == content)
    #expect(last.value == TransferProgress(file: "file.bin", received: content.count, total: content.count))
    #expect(try leftovers() == ["file.bin"])
    #expect(server.requests.count == 1)
    #expect(server.requests[0]["range"] == nil)
    #expect(server.requests[0]["accept-encoding"] == "identity")
  }

  @Test("a transfer that breaks off goes on where it stopped")
  func resume() async throws {
    let server = try TestServer(
      content: content, behaviours: [.breakOff(after: 100_000), .status(503), .breakOff(after: 50_000)])
    try await downloader().download(file(server), to: destination)
    #expect([UInt8](try Data(contentsOf: destination)) == content)
    let ranges = server.requests.map { $0["range"] }
    #expect(ranges == [nil, "bytes=100000-", "bytes=100000-", "bytes=150000-"])
    #expect(server.requests[1]["if-range"] == "\"v1\"")
    #expect(try leftovers() == ["file.bin"])
  }

  @Test("what arrived survives the program, and the next try goes on")
  func resumeLater() async throws {
    let server = try TestServer(
      content: content, behaviours: [.breakOff(after: 1000), .breakOff(after: 2000)])
    let error = await #expect(throws: DownloadError.self) {
      try await downloader(attempts: 2).download(file(server), to: destination)
    }
    guard case .interrupted(_, 3000, 2, _)? = error else {
      Issue.record("not \(String(describing: error))")
      return
    }
    #expect(error?.description.contains("goes on from there") == true)
    #expect(try leftovers() == ["file.bin.partial", "file.bin.partial.version"])
    try await downloader().download(file(server), to: destination)
    #expect(server.requests.last?["range"] == "bytes=3000-")
    #expect([UInt8](try Data(contentsOf: destination)) == content)
  }

  @Test("another version of the file is not glued to the old beginning")
  func changed() async throws {
    let server = try TestServer(
      content: [UInt8](repeating: 9, count: 5000), behaviours: [.breakOff(after: 1000)])
    await #expect(throws: DownloadError.self) {
      try await downloader(attempts: 1).download(file(server), to: destination)
    }
    server.replace(content: content, version: "\"v2\"")
    try await downloader().download(file(server), to: destination)
    #expect([UInt8](try Data(contentsOf: destination)) == content)
  }

  @Test(
    "servers without ranges, without versions or with wrong ranges cost time and not truth",
    arguments: [TestServer.Behaviour.ignoreRange, .wrongRange])
  func ranges(behaviour: TestServer.Behaviour) async throws {
    for version in ["\"v1\"", nil] {
      let server = try TestServer(
        content: content, version: version, behaviours: [.breakOff(after: 1000), behaviour, .whole])
      try await downloader().download(file(server), to: destination)
      #expect([UInt8](try Data(contentsOf: destination)) == content)
      try FileManager.default.removeItem(at: destination)
    }
  }

  @Test("a partial file that is already whole is recognised")
  func complete() async throws {
    let server = try TestServer(content: content)
    try FileManager.default.createDirectory(
      at: partial.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(content).write(to: partial)
    try "\"v1\"".write(to: partial.appendingPathExtension("version"), atomically: true, encoding: .utf8)
    try await downloader().download(file(server), to: destination)
    #expect([UInt8](try Data(contentsOf: destination)) == content)
  }

  @Test("a wrong checksum throws the file away and leaves an older one alone")
  func checksum() async throws {
    let server = try TestServer(content: content)
    try folder.write("sub/file.bin", [1, 2, 3])
    let expected = String(repeating: "0", count: 32)
    let error = await #expect(throws: DownloadError.self) {
      try await downloader().download(file(server, md5: expected), to: destination)
    }
    let found = try folder.md5(content)
    #expect(error == server.url.map { .checksum(url: $0, expected: expected, found: found) })
    #expect(try Data(contentsOf: destination) == Data([1, 2, 3]))
    #expect(try leftovers() == ["file.bin"])
  }

  @Test("the next address is tried where one refuses, and refusals are not repeated")
  func mirrors() async throws {
    let first = try TestServer(content: content, behaviours: [.status(404), .status(404)])
    let second = try TestServer(content: content)
    try await downloader().download(file(first, second), to: destination)
    #expect(first.requests.count == 1)
    #expect(second.requests.count == 1)
    let error = await #expect(throws: DownloadError.self) {
      try await downloader().download(file(first), to: destination)
    }
    #expect(error == first.url.map { .status(url: $0, code: 404) })
    #expect(error?.description.contains("404") == true)
  }

  @Test("no server means offline, with what to do instead")
  func offline() async throws {
    let server = try TestServer(content: content)
    server.stop()
    let urls = ["http://127.0.0.1:\(server.port)/file", "http://perennial.invalid/file"]
    for url in urls {
      let remote = RemoteFile("file.bin", [url], size: 1, md5: "")
      let error = await #expect(throws: DownloadError.self) {
        try await downloader().download(remote, to: destination)
      }
      guard case .offline? = error else {
        Issue.record("not \(String(describing: error))")
        return
      }
      let text = error?.description ?? ""
      #expect(text.contains("offline") && text.contains(url) && text.contains(destination.path))
    }
  }

  @Test("cancelling ends the transfer, at once or in its midst", arguments: [true, false])
  func cancel(atOnce: Bool) async throws {
    let server = try TestServer(content: content, behaviours: [.stall(after: 1000)])
    let remote = try file(server)
    let (downloader, destination) = (downloader(), destination)
    let (pieces, continuation) = AsyncStream.makeStream(of: TransferProgress.self)
    let task = Task {
      if atOnce { withUnsafeCurrentTask { $0?.cancel() } }
      try await downloader.download(remote, to: destination) { continuation.yield($0) }
    }
    if !atOnce { for await piece in pieces where piece.received == 1000 { break } }
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(!FileManager.default.fileExists(atPath: destination.path))
    #expect(atOnce || FileManager.default.fileExists(atPath: partial.path))
  }

  @Test("a destination that cannot be written is said so")
  func disk() async throws {
    let server = try TestServer(content: content)
    try folder.write("blocked", [])
    let error = await #expect(throws: DownloadError.self) {
      try await downloader().download(file(server), to: folder.url.appendingPathComponent("blocked/file.bin"))
    }
    guard case .disk? = error else {
      Issue.record("not \(String(describing: error))")
      return
    }
  }
}

/// The last progress reported.
private final class Last: @unchecked Sendable {
  private let lock = NSLock()
  private var progress: TransferProgress?

  var value: TransferProgress? { lock.withLock { progress } }

  func set(_ value: TransferProgress) { lock.withLock { progress = value } }
}
