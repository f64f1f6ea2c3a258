import Foundation

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// Why a file did not arrive.
public enum DownloadError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The server cannot be reached at all.
  case offline(url: URL, destination: String, reason: String)
  /// The server answered, and not with the file.
  case status(url: URL, code: Int)
  /// The transfer broke off more often than it was tried again; what arrived is kept for the next try.
  case interrupted(url: URL, received: Int, attempts: Int, reason: String)
  /// The file is whole and is another one.
  case checksum(url: URL, expected: String, found: String)
  /// The file cannot be written.
  case disk(path: String, reason: String)

  public var description: String {
    switch self {
    case .offline(let url, let destination, let reason):
      "\(url.host ?? url.absoluteString) cannot be reached (\(reason)): this machine seems to be offline. On one that is "
        + "not, download \(url.absoluteString), and copy it to \(destination)"
    case .status(let url, let code):
      "\(url.absoluteString): the server answers \(code) \(HTTPURLResponse.localizedString(forStatusCode: code))"
    case .interrupted(let url, let received, let attempts, let reason):
      "\(url.absoluteString): broke off \(attempts) times, at last after \(received) bytes (\(reason)); "
        + "what arrived is kept, and the next try goes on from there"
    case .checksum(let url, let expected, let found):
      "\(url.absoluteString): the file has the checksum \(found) instead of \(expected), and was thrown away"
    case .disk(let path, let reason): "\(path): \(reason)"
    }
  }

  /// Whether another try at once can help.
  var isTemporary: Bool {
    switch self {
    case .interrupted: true
    case .status(_, let code): code == 408 || code == 429 || code >= 500
    case .offline, .checksum, .disk: false
    }
  }
}
