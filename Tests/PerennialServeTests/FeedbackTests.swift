import Foundation
import Testing

@testable import PerennialServe

@Suite struct FeedbackTests {
  @Test func whatWasServedIsScored() async throws {
    let source = RemainderSource()
    try await serving(source) { asking async throws in
      let ids = try await asking.predict([1, 2, 3, 4]).predictions.map(\.id)
      let reply = try await asking.label([
        (ids[0], "label 1"), (ids[1], "another"), (ids[2], "label 3"), ("nobody", "label 1"),
      ])
      #expect(reply.feedback.map(\.result) == ["accepted", "accepted", "accepted", "unknown"])
      #expect(reply.feedback.map(\.correct) == [true, false, true, nil])
      #expect(reply.feedback.map(\.version) == [1, 1, 1, nil])
      let recorded = await source.recorded
      #expect(recorded.map(\.label) == ["label 1", "another", "label 3"])
      let inputs = recorded.map { example -> ServedInput? in
        if case .served(let record, _, _) = example { record.input } else { nil }
      }
      #expect(inputs == [.values([1, 0]), .values([2, 0]), .values([3, 0])])
      #expect(recorded.map(\.id) == Array(ids.prefix(3)))
      let overview = await asking.server.deployment.overview()
      #expect(overview.labels == 3)
      #expect(abs((overview.accuracy ?? 0) - 2.0 / 3) < 1e-12)
      #expect(
        try await asking.get("/metrics").text.contains(#"perennial_feedback_total{result="accepted"} 3"#))
    }
  }

  @Test func anIdIsUsedUp() async throws {
    let source = RemainderSource()
    try await serving(source) { asking async throws in
      let id = try await asking.predict([1]).predictions[0].id
      let first = try await asking.post("/v1/feedback", "{\"id\": \"\(id)\", \"label\": \"label 1\"}")
      #expect(first.status == 200)
      let second = try await asking.post("/v1/feedback", "{\"id\": \"\(id)\", \"label\": \"label 2\"}")
      #expect(second.status == 409)
      #expect(try second.decode(FeedbackReply.self).feedback.map(\.result) == ["used"])
      #expect(try await asking.post("/v1/feedback", #"{"id": "no", "label": "x"}"#).status == 404)
      #expect(await source.recorded.count == 1)
    }
  }

  /// The same id from many at once: one of them is heard.
  @Test func aLabelCountsOnce() async throws {
    let source = RemainderSource()
    try await serving(source) { asking async throws in
      let id = try await asking.predict([1]).predictions[0].id
      let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<20 {
          group.addTask {
            try await asking.post("/v1/feedback", "{\"id\": \"\(id)\", \"label\": \"a\"}").status
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(statuses.count { $0 == 200 } == 1)
      #expect(statuses.count { $0 == 409 } == 19)
      #expect(await source.recorded.count == 1)
    }
  }

  @Test func whatCouldNotBeKeptCanBeToldAgain() async throws {
    let source = RemainderSource()
    await source.failRecording(1)
    try await serving(source) { asking async throws in
      let id = try await asking.predict([1]).predictions[0].id
      let json = "{\"id\": \"\(id)\", \"label\": \"label 1\"}"
      let failed = try await asking.post("/v1/feedback", json)
      #expect(failed.status == 503)
      #expect(failed.code == "not_kept")
      #expect(await asking.server.deployment.overview().labels == 0, "nothing was scored")
      #expect(try await asking.post("/v1/feedback", json).status == 200)
      #expect(await source.recorded.count == 1)
    }
  }

  @Test(arguments: [
    #""""#, #""a\u0000b""#, #""a\nb""#, "3", "null", "\"\(String(repeating: "x", count: 300))\"",
  ])
  func labelsAreNames(_ label: String) async throws {
    try await serving(RemainderSource()) { asking async throws in
      let id = try await asking.predict([1]).predictions[0].id
      let answer = try await asking.post(
        "/v1/feedback", "{\"feedback\": [{\"id\": \"\(id)\", \"label\": \(label)}]}")
      #expect(answer.status == 400, "\(answer.text)")
      #expect(answer.place == "feedback[0].label", "\(answer.text)")
    }
  }

  @Test func aServerThatDoesNotLearnSaysSo() async throws {
    try await serving(RemainderSource()) { asking async throws in
      let answer = try await asking.post("/v1/learn", "{}")
      #expect(answer.status == 409)
      #expect(answer.code == "not_learning")
    }
  }
}
