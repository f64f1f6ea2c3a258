import Foundation
import Testing

@testable import PerennialServe

/// When a server learns, and how versions come and go. Version v of a `RemainderSource` answers
/// x mod `moduli[v - 1]`.
@Suite(.serialized) struct LearningTests {
  /// Predicts numbers and labels them by `x mod 10`: what a version of modulus 10 gets right.
  private func live(_ asking: Asking, _ numbers: some Sequence<Int>) async throws {
    for number in numbers {
      let id = try await asking.predict([number]).predictions[0].id
      try await asking.label([(id, "label \(number % 10)")])
    }
  }

  private func version(_ asking: Asking) async -> Int { await asking.server.deployment.current.number }

  @Test func itLearnsWhenThereIsEnough() async throws {
    let source = RemainderSource()
    try await serving(source, .learning { $0.labels = 20 }) { asking async throws in
      try await live(asking, 0..<19)
      #expect(await source.learned.isEmpty)
      try await live(asking, 19..<20)
      try await asking.eventually("version 2 is in use") { await version(asking) == 2 }
      #expect(await source.learned == ["20 new labels"])
      #expect(await source.history().current == 2)
      #expect(try await asking.predict([5]).version == 2)
      #expect(try await asking.get("/metrics").text.contains("perennial_model_version 2"))
    }
  }

  @Test func aRequestMakesItLearn() async throws {
    let source = RemainderSource()
    try await serving(source, .learning()) { asking async throws in
      let json =
        #"{"examples": [{"input": [1, 2], "label": "new", "id": "ticket-1"}, {"input": [3, 4], "label": "b"}]}"#
      let recorded = try await asking.post("/v1/learn", json)
      #expect(recorded.status == 202)
      #expect(await source.recorded.map(\.label) == ["new", "b"])
      #expect(await source.recorded.first?.id == "ticket-1")
      #expect(await source.learned.isEmpty)
      #expect(try await asking.post("/v1/learn", "{}").status == 202)
      try await asking.eventually("version 2 is in use") { await version(asking) == 2 }
      #expect(
        try await asking.post("/v1/learn", #"{"examples": [{"input": "text", "label": "b"}]}"#).status == 400)
    }
  }

  @Test func whatWasSetAsideIsTakenInAgainOnceItIsAskedFor() async throws {
    let source = RemainderSource()
    try await serving(source, .learning { $0.labels = 1 }) { asking async throws in
      #expect(try await asking.post("/v1/learn", #"{"retry": true}"#).status == 202)
      try await asking.eventually("version 2") { await version(asking) == 2 }
      #expect(await source.retries == 1)
      try await live(asking, 0..<1)
      try await asking.eventually("version 3") { await version(asking) == 3 }
      #expect(await source.retries == 1)
    }
  }

  @Test func aDriftMakesItLearnEarlier() async throws {
    let source = RemainderSource()
    try await serving(
      source,
      .learning {
        $0.labels = 100_000
        $0.labelsAfterDrift = 10
      }
    ) { asking async throws in
      try await live(asking, 0..<100)
      #expect(await source.learned.isEmpty)
      for number in 0..<80 {
        let id = try await asking.predict([number]).predictions[0].id
        try await asking.label([(id, "changed")])
      }
      try await asking.eventually("it learned") { await !source.learned.isEmpty }
      #expect(await source.learned[0].hasPrefix("drift, and "))
      let overview = await asking.server.deployment.overview()
      #expect(overview.drifts.first?.isWorse == true)
    }
  }

  @Test func whatDoesNotPassItsGateIsNotUsed() async throws {
    let source = RemainderSource(.init(passes: false))
    try await serving(source, .learning { $0.labels = 5 }) { asking async throws in
      try await live(asking, 0..<5)
      try await asking.eventually("the candidate was refused") {
        await asking.server.deployment.events.contains { $0.kind == .refused }
      }
      #expect(await version(asking) == 1)
      let refused = await asking.server.deployment.events.last { $0.kind == .refused }
      #expect(refused?.text == "the candidate did not pass anchors")
    }
  }

  @Test func requestsAreAnsweredWhileItTrains() async throws {
    let source = RemainderSource()
    await source.hold()
    try await serving(source, .learning()) { asking async throws in
      #expect(try await asking.post("/v1/learn", "{}").status == 202)
      try await asking.eventually("it trains") { await asking.server.deployment.isTraining }
      for number in 0..<20 { #expect(try await asking.predict([number]).version == 1) }
      #expect(try await asking.get("/metrics").text.contains("perennial_training 1"))
      #expect(await asking.server.deployment.isTraining)
      await source.release()
      try await asking.eventually("version 2 is in use") { await version(asking) == 2 }
    }
  }

  @Test func nobodyHearsAShadow() async throws {
    let source = RemainderSource(.init(moduli: [10, 10]))
    try await serving(
      source,
      .learning {
        ($0.mode, $0.trial) = (.shadow, 25)
      }
    ) { asking async throws in
      #expect(try await asking.post("/v1/learn", "{}").status == 202)
      try await asking.eventually("the trial has begun") { await asking.server.deployment.trial != nil }
      for number in 0..<24 {
        let reply = try await asking.predict([number])
        #expect(reply.version == 1)
        try await Task.sleep(for: .milliseconds(5))
        try await asking.label([(reply.predictions[0].id, "label \(number % 10)")])
      }
      #expect(await version(asking) == 1)
      try await asking.eventually("the shadow has come into use") {
        try await live(asking, 0..<1)
        return await version(asking) == 2
      }
    }
  }

  @Test func aBadShadowGoes() async throws {
    let source = RemainderSource(.init(moduli: [10, 3]))
    try await serving(source, .learning { ($0.mode, $0.trial) = (.shadow, 60) }) { asking async throws in
      #expect(try await asking.post("/v1/learn", "{}").status == 202)
      try await asking.eventually("the trial has begun") { await asking.server.deployment.trial != nil }
      try await asking.eventually("the trial is over") {
        for number in 0..<10 {
          let reply = try await asking.predict([number])
          #expect(reply.version == 1)
          try await Task.sleep(for: .milliseconds(2))
          try await asking.label([(reply.predictions[0].id, "label \(number)")])
        }
        return await asking.server.deployment.trial == nil
      }
      #expect(await version(asking) == 1)
      #expect(await source.history().current == 1)
      #expect(await asking.server.deployment.events.last?.kind == .refused)
    }
  }

  @Test func aCanaryAnswersItsShare() async throws {
    let source = RemainderSource(.init(moduli: [10, 10]))
    try await serving(source, .learning { ($0.mode, $0.trial, $0.share) = (.canary, 1000, 0.25) }) {
      asking async throws in
      #expect(try await asking.post("/v1/learn", "{}").status == 202)
      try await asking.eventually("the trial has begun") { await asking.server.deployment.trial != nil }
      var answered = 0
      for number in 0..<400 where try await asking.predict([number]).version == 2 { answered += 1 }
      #expect((50..<150).contains(answered), "of 400, a quarter")
    }
  }

  @Test func whatDoesWorseIsSentBack() async throws {
    let source = RemainderSource(.init(moduli: [10, 3]))
    try await serving(source, .learning { $0.watch = 100 }) { asking async throws in
      try await live(asking, 0..<60)
      #expect(try await asking.post("/v1/learn", "{}").status == 202)
      try await asking.eventually("version 2 is in use") { await version(asking) == 2 }
      try await live(asking, 0..<40)
      try await asking.eventually("version 1 is back") { await version(asking) == 1 }
      #expect(await source.history().current == 1)
      #expect(try await asking.get("/metrics").text.contains(#"perennial_rollbacks_total{by="watch"} 1"#))
    }
  }

  @Test func whatDoesWellStays() async throws {
    let source = RemainderSource(.init(moduli: [10, 10]))
    try await serving(source, .learning { $0.watch = 40 }) { asking async throws in
      try await live(asking, 0..<60)
      #expect(try await asking.post("/v1/learn", "{}").status == 202)
      try await asking.eventually("version 2 is in use") { await version(asking) == 2 }
      #expect(await asking.server.deployment.watch != nil)
      try await live(asking, 0..<40)
      #expect(await asking.server.deployment.watch == nil)
      #expect(await version(asking) == 2)
    }
  }
}
