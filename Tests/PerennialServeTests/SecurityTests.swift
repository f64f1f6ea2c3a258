import Foundation
import Testing

@testable import PerennialServe

/// Requests that nobody should send. Whatever comes, the server goes on, and says 5xx only where it means 503.
@Suite(.serialized) struct SecurityTests {
  /// Waits for answers must end well before the limits of tests do.
  private func options() -> ServeOptions {
    var options = ServeOptions.learning()
    options.limits.bodySeconds = 1
    options.limits.idleSeconds = 1
    return options
  }

  private func isCalm(_ status: Int) -> Bool { (200..<500).contains(status) || status == 503 }

  private func isAlive(_ asking: Asking) async throws {
    #expect(try await asking.predict([7]).predictions[0].label == "label 7")
  }

  private static let routes = [
    "/v1/predict", "/v1/feedback", "/v1/learn", "/v1/embeddings", "/v1/completions", "/v1/chat/completions",
    "/v1/admin/promote", "/v1/admin/rollback", "/v1/admin/forget", "/v1/admin/pause", "/v1/admin/snapshot",
  ]

  // MARK: - Bodies

  private static let bodies: [String] = [
    "", "null", "0", "\"\"", "[]", "{}", "{", "}", "{\"inputs\":", "\u{0}", "{\"inputs\": NaN}",
    "{\"inputs\": [Infinity]}",
    String(repeating: "[", count: 100_000), String(repeating: "{\"a\":", count: 50_000),
    "{\"inputs\": \(String(repeating: "[", count: 400))1\(String(repeating: "]", count: 400))}",
    "{\"inputs\": [[1e999, -1e999]]}", "{\"inputs\": [[\(String(repeating: "9", count: 5000)), 0]]}",
    "{\"inputs\": [[1e38, 1e39]]}", "{\"inputs\": [[1, 2]], \"top\": 99999999999999999999}",
    "{\"inputs\": [[1, 2]], \"top\": -1}", "{\"inputs\": {\"0\": [1, 2]}}", "{\"inputs\": [true, false]}",
    "{\"inputs\": [\"\\ud800\"]}", "{\"inputs\": [\"../../etc/passwd\"]}",
    "{\"input\": \"a\", \"encoding_format\": 3}",
    "{\"version\": 9223372036854775807}", "{\"version\": -9223372036854775808}", "{\"version\": 1e400}",
    "{\"version\": \"1; DROP TABLE versions\"}",
    "{\"ids\": [\"../../../etc/passwd\", \"%2e%2e\", \"' OR 1=1 --\"]}",
    "{\"ids\": [\(String(repeating: "\"a\",", count: 3000))\"b\"]}", "{\"paused\": \"yes\"}",
    "{\"feedback\": 1}",
    "{\"feedback\": [{\"id\": \"x\", \"label\": \"y\"}]}", "{\"feedback\": [{\"id\": 1, \"label\": {}}]}",
    "{\"examples\": [{\"input\": [1, 2], \"label\": \"../x\", \"id\": \"/etc/passwd\"}]}", "{\"now\": 1}",
    "{\"prompt\": [], \"max_tokens\": -1}", "{\"prompt\": \"a\", \"max_tokens\": 1e18, \"temperature\": -1}",
    "{\"messages\": [{\"role\": \"root\", \"content\": \"\"}]}",
    "{\"messages\": \(String(repeating: "[", count: 1000))}",
    "{\"inputs\": [[1, 2]], \"inputs\": \"twice\"}", "\u{feff}{\"inputs\": [[1, 2]]}",
  ]

  @Test(arguments: routes) func everyBodyHasAnAnswer(_ route: String) async throws {
    try await serving(RemainderSource(), options()) { asking async throws in
      for body in Self.bodies {
        let answer = try await asking.post(route, body, token: "secret")
        #expect(isCalm(answer.status), "\(route) \(body.prefix(60)): \(answer.status)")
        if answer.status >= 400 {
          #expect(answer.code != nil || answer.text.contains("\"feedback\""), "\(answer.text)")
          #expect(!answer.text.contains("passwd") && !answer.text.contains("DROP"))
        }
      }
      try await isAlive(asking)
    }
  }

  /// Requests that are right but for some bytes.
  @Test func damagedBodiesHaveAnswers() async throws {
    let good =
      #"{"inputs": [[1, 2], [3, 4]], "top": 3, "feedback": [{"id": "abc", "label": "x"}], "version": 1}"#
    try await serving(RemainderSource(), options()) { asking async throws in
      var random = SplitMix(state: 11)
      for number in 0..<300 {
        var bytes = Array(good.utf8)
        for _ in 0...random.below(4) {
          let place = random.below(bytes.count)
          switch random.below(3) {
          case 0: bytes[place] = UInt8(random.below(256))
          case 1: bytes.remove(at: place)
          default: bytes.insert(UInt8(random.below(256)), at: place)
          }
        }
        let route = Self.routes[number % Self.routes.count]
        let body = bytes
        let answer = try await asking.blocking {
          let connection = try Loopback(port: asking.port)
          connection.send(
            "POST \(route) HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer secret\r\n"
              + "content-type: application/json\r\ncontent-length: \(body.count)\r\n\r\n")
          connection.send(body)
          return try connection.answer()
        }
        #expect(isCalm(answer.status), "\(String(decoding: bytes, as: UTF8.self)): \(answer.status)")
      }
      try await isAlive(asking)
    }
  }

  // MARK: - Paths and heads

  @Test(arguments: [
    "/../../etc/passwd", "/v1/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd",
    "/v1/admin/..%2f..%2f",
    "/v1/models/../../x", "/openapi.json/..", "/\u{0}", "/%00", "/?\(String(repeating: "a", count: 5000))",
    "/v1/predict%00.json", "/.git/config", "*", "http://elsewhere.example/v1/models",
  ])
  func pathsLeadNowhere(_ path: String) async throws {
    try await serving(RemainderSource(), options()) { asking async throws in
      let answer = try? await asking.get(path)
      if let answer {
        #expect(isCalm(answer.status))
        #expect(!answer.text.contains("root:"))
      }
      try await isAlive(asking)
    }
  }

  @Test(arguments: ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "HEAD", "BREW"])
  func otherMethodsAreNotThere(_ method: String) async throws {
    try await serving(RemainderSource(), options()) { asking async throws in
      let answer = try? await asking.send(method, "/v1/predict", "", [:])
      if let answer { #expect((400..<500).contains(answer.status) || answer.status == 501) }
      try await isAlive(asking)
    }
  }

  private static let heads: [String] = [
    (0..<5000).map { "x-\($0): y\r\n" }.joined(), "x: \(String(repeating: "y", count: 1 << 20))\r\n",
    "content-length: -1\r\n", "content-length: 99999999999999999999\r\n",
    "content-length: 4\r\ncontent-length: 5\r\n", "content-length: 4\r\ntransfer-encoding: chunked\r\n",
    "transfer-encoding: chunked, chunked\r\n", "x\u{0}y: z\r\n", "no colon at all\r\n", ": nameless\r\n",
    "host: a\r\nhost: b\r\n", "authorization: Bearer \(String(repeating: "s", count: 12_000))\r\n",
  ]

  @Test(arguments: heads.indices) func headsDoNotHurt(_ index: Int) async throws {
    try await serving(RemainderSource(), options()) { asking async throws in
      let head = Self.heads[index]
      let status = try await asking.blocking {
        let connection = try Loopback(port: asking.port)
        connection.send("POST /v1/predict HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\(head)\r\n{}")
        return (try? connection.answer().status) ?? 0
      }
      #expect(status == 0 || (400..<500).contains(status) || status == 503, "\(head.prefix(40)): \(status)")
      try await isAlive(asking)
    }
  }

  @Test func whatIsNoHTTPIsClosed() async throws {
    try await serving(RemainderSource(), options()) { asking async throws in
      for text in [
        "\u{16}\u{3}\u{1}\u{2}\u{0}", "SSH-2.0-x\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
        "\r\n\r\n\r\n",
      ] {
        let bytes = try await asking.blocking {
          let connection = try Loopback(port: asking.port, seconds: 10)
          connection.send(text)
          return try connection.receiveAll()
        }
        #expect(bytes.isEmpty || String(decoding: bytes, as: UTF8.self).contains(" 400 "))
      }
      try await isAlive(asking)
    }
  }

  @Test func bodiesBeyondTheLimitAreNotRead() async throws {
    var options = options()
    options.limits.bodyBytes = 10_000
    try await serving(RemainderSource(), options) { asking async throws in
      // Announced, and in chunks that announce nothing.
      let announced = try await asking.raw(
        "POST /v1/predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 1000000000\r\n\r\n{"
      )
      #expect(announced.status == 413)
      let status = try await asking.blocking {
        let connection = try Loopback(port: asking.port, seconds: 10)
        connection.send(
          "POST /v1/predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        let chunk = "1000\r\n\(String(repeating: " ", count: 4096))\r\n"
        for _ in 0..<20 where !connection.send(chunk) { break }
        return (try? connection.answer().status) ?? 413
      }
      #expect(status == 413)
      try await isAlive(asking)
    }
  }

  // MARK: - Slow clients

  @Test func aBodyThatDripsIsNotWaitedFor() async throws {
    try await serving(RemainderSource(), options()) { asking async throws in
      let began = ContinuousClock.now
      let answer = try await asking.blocking {
        let connection = try Loopback(port: asking.port)
        connection.send(
          "POST /v1/predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n"
        )
        for _ in 0..<100 {
          guard connection.send(" ") else { break }
          Thread.sleep(forTimeInterval: 0.05)
          if ContinuousClock.now - began > .seconds(3) { break }
        }
        return try? connection.answer()
      }
      #expect(answer.map { $0.status == 408 } ?? true)
      #expect(ContinuousClock.now - began < .seconds(60))
      try await isAlive(asking)
    }
  }

  @Test func aHeadThatDripsIsNotWaitedFor() async throws {
    try await serving(RemainderSource(), options()) { asking async throws in
      let closed = try await asking.blocking {
        let connection = try Loopback(port: asking.port)
        connection.send("GET /livez HTTP/1.1\r\n")
        let began = ContinuousClock.now
        while ContinuousClock.now - began < .seconds(60) {
          guard connection.send("x-a: b\r\n") else { return true }
          Thread.sleep(forTimeInterval: 0.1)
        }
        return false
      }
      #expect(closed)
      try await isAlive(asking)
    }
  }

  @Test func silentConnectionsAreClosed() async throws {
    try await serving(RemainderSource(), options()) { asking async throws in
      let bytes = try await asking.blocking { try Loopback(port: asking.port, seconds: 15).receiveAll() }
      #expect(bytes.isEmpty)
      try await isAlive(asking)
    }
  }

  /// Many that say nothing do not keep out one who does.
  @Test func manySilentOnesKeepNobodyOut() async throws {
    try await serving(RemainderSource(), options()) { asking async throws in
      let silent = try (0..<100).map { _ in try Loopback(port: asking.port) }
      try await isAlive(asking)
      withExtendedLifetime(silent) {}
    }
  }

  // MARK: - What is told

  @Test func logsAndEventsHoldNothingOfUsers() async throws {
    try await serving(RemainderSource(), options()) { asking async throws in
      let id = try await asking.predict([7]).predictions[0].id
      try await asking.label([(id, "my secret label")])
      _ = try await asking.post("/v1/predict", #"{"inputs": ["my secret text"]}"#)
      _ = try await asking.post("/v1/learn", "{}")
      try await asking.eventually("it learned") { await asking.server.deployment.current.number == 2 }
      let events = await asking.server.deployment.events.map(\.text).joined()
      #expect(!events.contains("secret"))
      #expect(try await !asking.get("/metrics").text.contains("secret"))
    }
  }
}

/// SplitMix64: the same numbers every time.
private struct SplitMix {
  var state: UInt64

  mutating func below(_ bound: Int) -> Int {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
    return Int((value ^ (value >> 31)) % UInt64(bound))
  }
}
