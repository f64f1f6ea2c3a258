import Foundation

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// How far a transfer is.
public struct TransferProgress: Sendable, Equatable {
  /// The name of the file under way.
  public let file: String

  /// Bytes that are there, those of an earlier try included.
  public let received: Int

  /// Bytes in all, where the server says so.
  public let total: Int?

  public init(file: String, received: Int, total: Int?) {
    (self.file, self.received, self.total) = (file, received, total)
  }
}

/// Downloads files over HTTP: goes on where a transfer broke off, verifies, and only then gives a file its name.
///
/// What has arrived is kept beside the destination as `NAME.partial`, with the server's mark of the version in
/// `NAME.partial.version`. The next try asks for the rest on condition that the version is still the same.
public struct Downloader: Sendable {
  /// How often a file is tried from each address.
  public var attempts = 5

  /// The pause before the second try; it doubles with each one.
  public var pause: Duration = .seconds(1)

  /// How long a transfer may stand still.
  public var timeout: TimeInterval = 60

  /// Five tries with pauses from one second.
  public init() {}

  /// Downloads a file to `destination`, from the first of its addresses that gives it.
  ///
  /// - Parameter progress: called with every piece, on a queue of the system's.
  /// - Throws: `DownloadError` of the last address, or `CancellationError`.
  public func download(
    _ file: RemoteFile, to destination: URL,
    progress: @escaping @Sendable (TransferProgress) -> Void = { _ in }
  ) async throws {
    do {
      try FileManager.default.createDirectory(
        at: destination.deletingLastPathComponent(), withIntermediateDirectories: true)
    } catch {
      throw DownloadError.disk(path: destination.path, reason: error.localizedDescription)
    }
    var failure: any Error = DownloadError.disk(path: destination.path, reason: "the file has no address")
    for url in file.urls {
      do {
        return try await download(file, from: url, to: destination, progress)
      } catch let error as DownloadError {
        if case .disk = error { throw error }
        failure = error
      }
    }
    throw failure
  }

  private func download(
    _ file: RemoteFile, from url: URL, to destination: URL,
    _ progress: @escaping @Sendable (TransferProgress) -> Void
  ) async throws {
    let partial = PartialFile(destination)
    var delay = pause
    for attempt in 1...max(attempts, 1) {
      do {
        try await Transfer(url: url, partial: partial, timeout: timeout, progress: progress).run()
        break
      } catch let error as DownloadError {
        guard error.isTemporary, attempt < attempts else {
          if case .interrupted(_, let received, _, let reason) = error {
            throw DownloadError.interrupted(url: url, received: received, attempts: attempt, reason: reason)
          }
          throw error
        }
        try await Task.sleep(for: delay)
        delay *= 2
      }
    }
    let found = try Checksum.md5(partial.url)
    guard found == file.md5 else {
      partial.remove()
      throw DownloadError.checksum(url: url, expected: file.md5, found: found)
    }
    try partial.finish()
  }
}
