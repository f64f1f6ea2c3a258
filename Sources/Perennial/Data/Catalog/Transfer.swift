import Foundation

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// One try at a file. Its callbacks come one after the other on the session's serial queue, which owns the state.
final class Transfer: NSObject, URLSessionDataDelegate, @unchecked Sendable {
  private let url: URL
  private let partial: PartialFile
  private let timeout: TimeInterval
  private let progress: @Sendable (TransferProgress) -> Void
  private var continuation: CheckedContinuation<Void, any Error>?
  private var handle: FileHandle?
  private var received = 0
  private var total: Int?
  private var failure: (any Error)?
  /// How the transfer ended, where it did before anyone waited for it.
  private var outcome: Result<Void, any Error>?

  init(
    url: URL, partial: PartialFile, timeout: TimeInterval,
    progress: @escaping @Sendable (TransferProgress) -> Void
  ) {
    self.url = url
    self.partial = partial
    self.timeout = timeout
    self.progress = progress
  }

  /// Transfers what is missing of the file.
  func run() async throws {
    let queue = OperationQueue()
    queue.maxConcurrentOperationCount = 1
    let configuration = URLSessionConfiguration.ephemeral
    configuration.timeoutIntervalForRequest = timeout
    let session = URLSession(configuration: configuration, delegate: self, delegateQueue: queue)
    defer { session.finishTasksAndInvalidate() }
    let task = session.dataTask(with: request())
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        queue.addOperation {
          // A task that is cancelled at once may be over already.
          if let outcome = self.outcome { return continuation.resume(with: outcome) }
          self.continuation = continuation
          task.resume()
        }
      }
    } onCancel: {
      task.cancel()
    }
  }

  private func request() -> URLRequest {
    var request = URLRequest(url: url)
    // The bytes of the file itself: a server's own compression would move every offset.
    request.setValue("identity", forHTTPHeaderField: "Accept-Encoding")
    if let version = partial.version, partial.size > 0 {
      request.setValue("bytes=\(partial.size)-", forHTTPHeaderField: "Range")
      request.setValue(version, forHTTPHeaderField: "If-Range")
    }
    return request
  }

  func urlSession(
    _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
    completionHandler: @escaping @Sendable (URLSession.ResponseDisposition) -> Void
  ) {
    do {
      try begin(response)
      completionHandler(.allow)
    } catch {
      failure = error
      completionHandler(.cancel)
    }
  }

  private func begin(_ response: URLResponse) throws {
    guard let response = response as? HTTPURLResponse else {
      throw DownloadError.status(url: url, code: 0)
    }
    let length = response.value(forHTTPHeaderField: "Content-Length").flatMap { Int($0) }
    let version =
      response.value(forHTTPHeaderField: "ETag").flatMap { $0.hasPrefix("W/") ? nil : $0 }
      ?? response.value(forHTTPHeaderField: "Last-Modified")
    switch response.statusCode {
    case 200:
      received = 0
      handle = try partial.open(restarts: true, version: version)
    case 206 where start(of: response) == partial.size:
      received = partial.size
      handle = try partial.open(restarts: false, version: version ?? partial.version)
    case 206, 416:
      // The rest does not follow what is here: begin again.
      partial.remove()
      throw DownloadError.interrupted(
        url: url, received: 0, attempts: 1, reason: "the server sent another part")
    default:
      throw DownloadError.status(url: url, code: response.statusCode)
    }
    total = length.map { received + $0 }
  }

  /// The first byte of `Content-Range: bytes 500-999/1000`.
  private func start(of response: HTTPURLResponse) -> Int? {
    response.value(forHTTPHeaderField: "Content-Range")?
      .split(separator: " ").last?.split(separator: "-").first.flatMap { Int($0) }
  }

  func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
    guard failure == nil, let handle else { return }
    do {
      try handle.write(contentsOf: data)
    } catch {
      failure = DownloadError.disk(path: partial.url.path, reason: error.localizedDescription)
      dataTask.cancel()
      return
    }
    received += data.count
    progress(TransferProgress(file: partial.destination.lastPathComponent, received: received, total: total))
  }

  func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
    try? handle?.close()
    let result: Result<Void, any Error> =
      (failure ?? error.map(translate) ?? shortfall()).map { .failure($0) } ?? .success(())
    outcome = result
    continuation?.resume(with: result)
    continuation = nil
  }

  private func shortfall() -> (any Error)? {
    guard let total, received < total else { return nil }
    return interrupted("\(total - received) bytes are missing")
  }

  private func interrupted(_ reason: String) -> DownloadError {
    .interrupted(url: url, received: received, attempts: 1, reason: reason)
  }

  private func translate(_ error: any Error) -> any Error {
    guard let error = error as? URLError else { return interrupted(error.localizedDescription) }
    switch error.code {
    case .cancelled: return CancellationError()
    case .cannotFindHost, .dnsLookupFailed, .notConnectedToInternet, .cannotConnectToHost:
      return DownloadError.offline(
        url: url, destination: partial.destination.path, reason: error.localizedDescription)
    case .unsupportedURL, .badURL:
      return DownloadError.status(url: url, code: 0)
    default: return interrupted(error.localizedDescription)
    }
  }
}
