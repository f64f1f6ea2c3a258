import Foundation
import Testing

@testable import PerennialServe

@Suite struct AdminTests {
  private let paths = ["promote", "rollback", "forget", "pause", "snapshot"]

  @Test func withoutATokenTheRoutesAreNotThere() async throws {
    try await serving(RemainderSource()) { asking async throws in
      for path in paths {
        #expect(try await asking.post("/v1/admin/\(path)", "{}", token: "").status == 404)
      }
    }
  }

  @Test(arguments: [nil, "", "wrong", "secre", "secrets", "Secret"])
  func onlyTheTokenOpens(_ token: String?) async throws {
    try await serving(RemainderSource(), .learning()) { asking async throws in
      for path in paths {
        let answer = try await asking.post("/v1/admin/\(path)", #"{"paused": true}"#, token: token)
        #expect(answer.status == 401)
        #expect(answer.headers["www-authenticate"] == "Bearer")
      }
      #expect(await !asking.server.deployment.isPaused)
    }
  }

  @Test func versionsComeAndGo() async throws {
    let source = RemainderSource()
    try await serving(source, .learning { $0.watch = 0 }) { asking async throws in
      #expect(try await asking.post("/v1/learn", "{}").status == 202)
      try await asking.eventually("version 2 is in use") {
        await asking.server.deployment.current.number == 2
      }
      let back = try await asking.post("/v1/admin/rollback", #"{"reason": "it was a test"}"#, token: "secret")
      #expect(back.status == 200, "\(back.text)")
      #expect(back.text == #"{"version":1}"#)
      #expect(try await asking.predict([1]).version == 1)
      let again = try await asking.post("/v1/admin/promote", #"{"version": 2}"#, token: "secret")
      #expect(again.status == 200, "\(again.text)")
      #expect(try await asking.predict([1]).version == 2)
      #expect(try await asking.post("/v1/admin/promote", #"{"version": 2}"#, token: "secret").status == 409)
      #expect(try await asking.post("/v1/admin/promote", #"{"version": 9}"#, token: "secret").status == 404)
      #expect(
        try await asking.post("/v1/admin/promote", #"{"version": "../2"}"#, token: "secret").status == 400)
      #expect(try await asking.predict([1]).version == 2)
      #expect(try await asking.post("/v1/admin/rollback", #"{"version": 1}"#, token: "secret").status == 200)
      #expect(try await asking.post("/v1/admin/rollback", "{}", token: "secret").status == 409, "the first")
    }
  }

  @Test func whatIsForgottenIsGone() async throws {
    let source = RemainderSource()
    try await serving(source, .learning()) { asking async throws in
      let ids = try await asking.predict([1, 2]).predictions.map(\.id)
      try await asking.label([(ids[0], "label 1")])
      let answer = try await asking.post(
        "/v1/admin/forget", "{\"ids\": [\"\(ids[0])\", \"\(ids[1])\", \"nobody\"]}", token: "secret")
      let receipt = try answer.decode(ErasureReport.self)
      #expect(receipt.erased == ids)
      #expect(receipt.unknown == ["nobody"])
      #expect(await source.recorded.isEmpty)
      #expect(try await asking.label([(ids[1], "label 2")]).feedback[0].result == "unknown")
    }
  }

  @Test func whatItsWeightsStillKnowIsNotForgotten() async throws {
    let source = RemainderSource()
    await source.forgets(with: .refused)
    try await serving(source, .learning()) { asking async throws in
      let kept = try await asking.post("/v1/admin/forget", #"{"ids": ["a"]}"#, token: "secret")
      #expect(kept.status == 409 && kept.code == "still_learned")
      let unknown = try await asking.post(
        "/v1/admin/forget", #"{"ids": ["a"], "policy": "somehow"}"#, token: "secret")
      #expect(unknown.status == 400 && unknown.place == "policy")
    }
  }

  @Test func aPauseStopsLearning() async throws {
    let source = RemainderSource()
    try await serving(source, .learning { $0.labels = 3 }) { asking async throws in
      #expect(try await asking.post("/v1/admin/pause", #"{"paused": true}"#, token: "secret").status == 200)
      #expect(try await asking.post("/v1/learn", "{}").status == 409)
      for id in try await asking.predict([1, 2, 3, 4]).predictions.map(\.id) {
        try await asking.label([(id, "label 1")])
      }
      try await Task.sleep(for: .milliseconds(100))
      #expect(await source.learned.isEmpty)
      #expect(try await asking.post("/v1/admin/pause", #"{"paused": false}"#, token: "secret").status == 200)
      try await asking.eventually("it learned") { await source.learned == ["4 new labels"] }
      #expect(
        try await asking.post("/v1/admin/snapshot", "{}", token: "secret").text
          == #"{"snapshot":"snapshot-1"}"#)
    }
  }

  @Test func aTokenOfTheServerGuardsTheRest() async throws {
    let options = ServeOptions.with { $0.token = "open" }
    try await serving(RemainderSource(), options) { asking async throws in
      #expect(try await asking.post("/v1/predict", #"{"inputs": [[1, 2]]}"#).status == 401)
      #expect(try await asking.post("/v1/predict", #"{"inputs": [[1, 2]]}"#, token: "open").status == 200)
      #expect(try await asking.get("/v1/history").status == 401)
      #expect(try await asking.get("/v1/models", token: "open").status == 200)
      #expect(try await asking.get("/livez").status == 200)
    }
  }
}
