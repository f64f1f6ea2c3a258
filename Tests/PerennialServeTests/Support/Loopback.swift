import Foundation

/// A connection to a server on this machine, by plain sockets: whatever bytes a test wants to send.
final class Loopback: @unchecked Sendable {
  /// Why there is no answer.
  enum Failure: Error { case connect, closed, silent, malformed }

  /// An answer as it came.
  struct Answer: Sendable {
    var status = 0
    var headers: [String: String] = [:]
    var text = ""
  }

  private let socket: Int32

  /// - Parameter seconds: after which reading gives up.
  init(port: Int, seconds: Int = 90) throws {
    #if os(Linux)
      socket = Foundation.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    #else
      socket = Foundation.socket(AF_INET, SOCK_STREAM, 0)
    #endif
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var patience = timeval(tv_sec: seconds, tv_usec: 0)
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    let socket = socket
    let connected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard connected == 0 else { throw Failure.connect }
  }

  deinit { close(socket) }

  /// Sends bytes; says whether the other side took them.
  @discardableResult
  func send(_ text: String) -> Bool { send(Array(text.utf8)) }

  @discardableResult
  func send(_ bytes: [UInt8]) -> Bool {
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes {
        Foundation.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return false }
      sent += count
    }
    return true
  }

  /// What came, up to `limit` bytes; empty when the other side has closed.
  func receive(_ limit: Int = 65536) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: limit)
    let count = recv(socket, &bytes, limit, 0)
    // A reset is the other side's way to close on what it did not read.
    guard count >= 0 || errno == ECONNRESET else { throw Failure.silent }
    return Array(bytes.prefix(max(count, 0)))
  }

  /// Everything until the other side closes.
  func receiveAll() throws -> [UInt8] {
    var all: [UInt8] = []
    while true {
      let bytes = try receive()
      guard !bytes.isEmpty else { return all }
      all += bytes
    }
  }

  /// The answer to a request after which the server closes.
  func answer() throws -> Answer {
    let bytes = try receiveAll()
    guard !bytes.isEmpty else { throw Failure.closed }
    return try Self.parse(bytes)
  }

  static func parse(_ bytes: [UInt8]) throws -> Answer {
    guard let end = Data(bytes).range(of: Data("\r\n\r\n".utf8)) else { throw Failure.malformed }
    let head = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
    let words = head[0].split(separator: " ")
    guard words.count >= 2, let status = Int(words[1]) else { throw Failure.malformed }
    var answer = Answer(status: status)
    for line in head.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
      if parts.count == 2 { answer.headers[parts[0].lowercased()] = parts[1] }
    }
    let body = Array(bytes[end.upperBound...])
    let isChunked = answer.headers["transfer-encoding"]?.contains("chunked") == true
    answer.text = String(decoding: isChunked ? try unchunked(body) : body, as: UTF8.self)
    return answer
  }

  private static func unchunked(_ body: [UInt8]) throws -> [UInt8] {
    var rest = body[...]
    var all: [UInt8] = []
    while let end = rest.firstIndex(of: 0x0a) {
      let size = String(decoding: rest[..<end], as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
      guard let count = Int(size, radix: 16), rest.count >= end + 1 - rest.startIndex + count else {
        throw Failure.malformed
      }
      guard count > 0 else { return all }
      all += rest[(end + 1)..<(end + 1 + count)]
      rest = rest[(end + 1 + count)...].dropFirst(2)
    }
    return all
  }
}
