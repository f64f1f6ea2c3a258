import Foundation
import Testing

@testable import PerennialServe

/// Streams, and how a server stops.
@Suite(.serialized) struct ConnectionTests {
  @Test func whatWasAcceptedIsAnsweredBeforeTheServerStops() async throws {
    try await serving(RemainderSource(.init(seconds: 1))) { asking async throws in
      let answers = (0..<3).map { number in Task { try await asking.predict([number]) } }
      let batcher = await asking.server.deployment.current.predict
      try await asking.eventually("all were accepted") { await batcher.lastBatch + batcher.waiting >= 3 }
      await asking.stop()
      for (number, answer) in answers.enumerated() {
        #expect(try await answer.value.predictions[0].label == "label \(number)")
      }
      try await asking.eventually("nobody is let in") {
        (try? await asking.get("/livez")) == nil
      }
    }
  }

  @Test func aConnectionServesManyRequests() async throws {
    try await serving(RemainderSource()) { asking async throws in
      let count = try await asking.blocking {
        let connection = try Loopback(port: asking.port)
        var found = 0
        for number in 0..<50 {
          let body = "{\"inputs\": [[\(number), 0]]}"
          connection.send(
            "POST /v1/predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
              + "content-length: \(body.utf8.count)\r\n\r\n\(body)")
          if String(decoding: try connection.receive(), as: UTF8.self).contains(
            "\"label\":\"label \(number % 10)\"")
          {
            found += 1
          }
        }
        return found
      }
      #expect(count == 50)
    }
  }

  @Test func thePageIsToldOfChanges() async throws {
    let source = RemainderSource()
    try await serving(source, .learning()) { asking async throws in
      let stream = Task {
        try await asking.blocking {
          let connection = try Loopback(port: asking.port)
          connection.send("GET /v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n")
          var text = ""
          let began = ContinuousClock.now
          while !text.contains("\"version\":2"), ContinuousClock.now - began < .seconds(60) {
            text += String(decoding: try connection.receive(), as: UTF8.self)
          }
          return text
        }
      }
      try await Task.sleep(for: .milliseconds(300))
      #expect(try await asking.post("/v1/learn", "{}").status == 202)
      let text = try await stream.value
      #expect(text.lowercased().contains("content-type: text/event-stream"))
      #expect(text.contains("event: overview\ndata: {"))
      #expect(text.components(separatedBy: "event: history\n").count >= 3, "at first, and after the update")
    }
  }

  @Test func followersAreBounded() async throws {
    try await serving(RemainderSource(), .with { $0.limits.eventStreams = 2 }) { asking async throws in
      let open = try await asking.blocking {
        try (0..<2).map { _ in
          let connection = try Loopback(port: asking.port)
          connection.send("GET /v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n")
          _ = try connection.receive()
          return connection
        }
      }
      #expect(try await asking.get("/v1/events").status == 429)
      withExtendedLifetime(open) {}
    }
  }

  @Test func connectionsAreBounded() async throws {
    try await serving(RemainderSource(), .with { $0.limits.connections = 3 }) { asking async throws in
      let live = "GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n"
      var open = try await asking.blocking {
        try (0..<3).map { _ in
          let connection = try Loopback(port: asking.port)
          connection.send(live)
          _ = try connection.receive()
          return connection
        }
      }
      // One more waits in front of the door, and is let in once somebody has gone.
      let waiting = try await asking.blocking { try Loopback(port: asking.port, seconds: 1) }
      waiting.send(live)
      await #expect(throws: Loopback.Failure.silent) {
        try await asking.blocking { _ = try waiting.receive() }
      }
      open.removeLast()
      try await asking.eventually("it is answered") {
        (try? await asking.blocking { try waiting.receive() })?.isEmpty == false
      }
      withExtendedLifetime(open) {}
    }
  }

  /// Who follows does not keep a server from stopping.
  @Test func followersDoNotHoldAServer() async throws {
    let began = ContinuousClock.now
    try await serving(RemainderSource()) { asking async throws in
      let connection = try await asking.blocking {
        let connection = try Loopback(port: asking.port)
        connection.send("GET /v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n")
        _ = try connection.receive()
        return connection
      }
      await asking.stop()
      try await asking.blocking { _ = try connection.receiveAll() }
    }
    #expect(ContinuousClock.now - began < .seconds(60))
  }
}
