import Foundation

/// A web server on this machine that serves one file, and misbehaves as it is told.
final class TestServer: @unchecked Sendable {
  /// What the server does with one request.
  enum Behaviour: Equatable {
    case whole
    /// Sends so many bytes of what was asked for, and hangs up.
    case breakOff(after: Int)
    /// Sends so many bytes of what was asked for, and nothing more until the other side hangs up.
    case stall(after: Int)
    case status(Int)
    /// Answers as if ranges did not exist.
    case ignoreRange
    /// Sends a part that was not asked for.
    case wrongRange
  }

  let port: UInt16
  private let socket: Int32
  private let lock = NSLock()
  private var content: [UInt8]
  private var version: String?
  private var behaviours: [Behaviour] = []
  private var seen: [[String: String]] = []

  /// The header fields of the requests so far, names in lower case.
  var requests: [[String: String]] { lock.withLock { seen } }

  var url: URL? { URL(string: "http://127.0.0.1:\(port)/file") }

  init(content: [UInt8], version: String? = "\"v1\"", behaviours: [Behaviour] = []) throws {
    self.content = content
    self.version = version
    self.behaviours = behaviours
    #if canImport(Glibc)
      let stream = Int32(SOCK_STREAM.rawValue)
    #else
      let stream = SOCK_STREAM
    #endif
    socket = Foundation.socket(AF_INET, stream, 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let descriptor = socket
    let status = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
        bind(descriptor, raw, length) == 0 && listen(descriptor, 16) == 0
          && getsockname(descriptor, raw, &length) == 0
      }
    }
    guard status else { throw POSIXError(.EADDRNOTAVAIL) }
    port = UInt16(bigEndian: address.sin_port)
    let thread = Thread { [weak self] in
      while true {
        let connection = accept(descriptor, nil, nil)
        guard connection >= 0 else { return }
        self?.serve(connection)
        close(connection)
      }
    }
    thread.start()
  }

  deinit { stop() }

  /// Refuses connections from now on.
  func stop() { shutdown(socket, Int32(2)) }

  /// Puts another version of the file in place.
  func replace(content: [UInt8], version: String) {
    lock.withLock {
      self.content = content
      self.version = version
    }
  }

  private func serve(_ connection: Int32) {
    var text = ""
    var buffer = [UInt8](repeating: 0, count: 4096)
    while !text.contains("\r\n\r\n") {
      let count = read(connection, &buffer, buffer.count)
      guard count > 0 else { return }
      text += String(decoding: buffer.prefix(count), as: UTF8.self)
    }
    let fields = text.split(separator: "\r\n").dropFirst().map { $0.split(separator: ":", maxSplits: 1) }
    let request = Dictionary(
      fields.filter { $0.count == 2 }.map {
        ($0[0].lowercased(), $0[1].trimmingCharacters(in: .whitespaces))
      }, uniquingKeysWith: { first, _ in first })
    let (behaviour, content, version) = lock.withLock {
      seen.append(request)
      return (behaviours.isEmpty ? .whole : behaviours.removeFirst(), self.content, self.version)
    }
    send(answer(request, behaviour, content, version), to: connection)
    if case .stall = behaviour { while read(connection, &buffer, buffer.count) > 0 {} }
  }

  private func answer(
    _ request: [String: String], _ behaviour: Behaviour, _ content: [UInt8], _ version: String?
  ) -> [UInt8] {
    if case .status(let code) = behaviour {
      return Array("HTTP/1.1 \(code) No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".utf8)
    }
    var start = 0
    if let range = request["range"], behaviour != .ignoreRange, request["if-range"] == version {
      start = Int(range.dropFirst(6).dropLast()) ?? 0
    }
    guard start < content.count else {
      return Array("HTTP/1.1 416 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".utf8)
    }
    if behaviour == .wrongRange { start += 1 }
    var head = start > 0 ? "HTTP/1.1 206 Partial Content\r\n" : "HTTP/1.1 200 OK\r\n"
    if start > 0 { head += "Content-Range: bytes \(start)-\(content.count - 1)/\(content.count)\r\n" }
    head += "Content-Length: \(content.count - start)\r\nConnection: close\r\n"
    if let version { head += "ETag: \(version)\r\n" }
    var body = content[start...]
    switch behaviour {
    case .breakOff(let count), .stall(let count): body = body.prefix(count)
    default: break
    }
    return Array("\(head)\r\n".utf8) + body
  }

  private func send(_ bytes: [UInt8], to connection: Int32) {
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes {
        #if canImport(Glibc)
          Foundation.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        #else
          write(connection, $0.baseAddress, $0.count)
        #endif
      }
      guard count > 0 else { return }
      sent += count
    }
  }
}
