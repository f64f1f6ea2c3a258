import Foundation
import Perennial
import PerennialLife
import Testing

@testable import PerennialServe

/// What a server knows outlives its process. Version v of a `RemainderSource` answers x mod `moduli[v - 1]`; labels are
/// x mod 10.
@Suite(.serialized) struct RestartTests {
  private func live(_ asking: Asking, _ numbers: some Sequence<Int>) async throws {
    for number in numbers {
      let id = try await asking.predict([number]).predictions[0].id
      try await Task.sleep(for: .milliseconds(2))
      try await asking.label([(id, "label \(number % 10)")])
    }
  }

  private func learn(_ asking: Asking) async throws {
    #expect(try await asking.post("/v1/learn", "{}").status == 202)
    try await asking.eventually("it learned") { await !asking.server.deployment.isTraining }
  }

  @Test func accuracyAndDriftAreWhatTheyWere() async throws {
    let source = RemainderSource()
    let options = ServeOptions.learning { ($0.labels, $0.labelsAfterDrift) = (100_000, 100_000) }
    let before = try await serving(source, options) { asking async throws in
      try await live(asking, 0..<100)
      for number in 0..<80 {
        let id = try await asking.predict([number]).predictions[0].id
        try await asking.label([(id, "changed")])
      }
      return await asking.server.deployment.overview()
    }
    try await serving(source, options) { asking async throws in
      let after = await asking.server.deployment.overview()
      #expect(after.labels == 180 && before.labels == 180)
      #expect(after.accuracy == before.accuracy && after.windowAccuracy == before.windowAccuracy)
      #expect(!before.drifts.isEmpty && after.drifts.map(\.items) == before.drifts.map(\.items))
      #expect(after.classes.map(\.label) == before.classes.map(\.label))
      #expect(after.classes.map(\.now) == before.classes.map(\.now))
      #expect(try await asking.get("/metrics").text.contains("perennial_prequential_accuracy "))
    }
  }

  @Test func aPauseStays() async throws {
    let source = RemainderSource()
    let options = ServeOptions.learning { $0.labels = 3 }
    try await serving(source, options) { asking async throws in
      #expect(try await asking.post("/v1/admin/pause", #"{"paused": true}"#, token: "secret").status == 200)
    }
    try await serving(source, options) { asking async throws in
      try await live(asking, 0..<5)
      #expect(await asking.server.deployment.isPaused)
      #expect(await source.learned.isEmpty)
      #expect(try await asking.post("/v1/admin/pause", #"{"paused": false}"#, token: "secret").status == 200)
      try await asking.eventually("it learned") { await !source.learned.isEmpty }
    }
    #expect(await source.told.first == .paused)
    #expect(await source.told.contains(.resumed))
  }

  @Test(arguments: [LearningPolicy.Mode.shadow, .canary])
  func aTrialGoesOn(_ mode: LearningPolicy.Mode) async throws {
    let source = RemainderSource(.init(moduli: [10, 10]))
    let options = ServeOptions.learning { ($0.mode, $0.trial, $0.share, $0.watch) = (mode, 40, 0.7, 0) }
    let before = try await serving(source, options) { asking async throws in
      try await learn(asking)
      try await asking.eventually("a trial") { await asking.server.deployment.trial != nil }
      try await live(asking, 0..<24)
      let trial = try #require(await asking.server.deployment.trial)
      return (trial.candidate, trial.current)
    }
    try await serving(source, options) { asking async throws in
      let trial = try #require(await asking.server.deployment.trial)
      #expect(trial.slot.number == 2 && trial.candidate.total > 5)
      #expect(trial.candidate == before.0 && trial.current == before.1)
      #expect(await asking.server.deployment.current.number == 1)
      try await asking.eventually("the candidate came into use") {
        try await live(asking, 0..<5)
        return await asking.server.deployment.current.number == 2
      }
    }
    #expect(await source.told == [.tried(version: 2)])
    #expect(await source.history().current == 2)
  }

  @Test func aWatchGoesOn() async throws {
    let source = RemainderSource(.init(moduli: [10, 3]))
    let options = ServeOptions.learning { $0.watch = 100 }
    try await serving(source, options) { asking async throws in
      try await live(asking, 0..<60)
      try await learn(asking)
      try await asking.eventually("version 2") { await asking.server.deployment.current.number == 2 }
      try await live(asking, 0..<10)
    }
    try await serving(source, options) { asking async throws in
      let watch = try #require(await asking.server.deployment.watch)
      #expect(watch.since.total == 10 && watch.before == Tally(correct: 60, total: 60))
      try await asking.eventually("version 1 is back") {
        try await live(asking, 0..<10)
        return await asking.server.deployment.current.number == 1
      }
    }
  }

  @Test func whatAnotherProgramChoseEndsTrialAndWatch() async throws {
    let source = RemainderSource(.init(moduli: [10, 10]))
    let options = ServeOptions.learning { ($0.mode, $0.trial) = (.shadow, 1000) }
    try await serving(source, options) { asking async throws in
      try await learn(asking)
      try await asking.eventually("a trial") { await asking.server.deployment.trial != nil }
    }
    try await (source as any VersionSource).promote(2, because: "a test")
    try await serving(source, options) { asking async throws in
      #expect(await asking.server.deployment.trial == nil)
      #expect(await asking.server.deployment.current.number == 2)
    }
  }

  /// Killed after the source had a new version and before anything else was written down.
  @Test func whatCameIntoUseUnnoticedIsWatched() async throws {
    let source = RemainderSource(.init(moduli: [10, 3]))
    let options = ServeOptions.learning { $0.watch = 100 }
    try await serving(source, options) { asking async throws in
      try await live(asking, 0..<60)
      try await asking.server.deployment.pause(false)
    }
    _ = try await source.learn(because: "a test", retrying: false)
    try await (source as any VersionSource).promote(2, because: "a test")
    try await serving(source, options) { asking async throws in
      #expect(await asking.server.deployment.watch?.previous == 1)
      try await asking.eventually("version 1 is back") {
        try await live(asking, 0..<10)
        return await asking.server.deployment.current.number == 1
      }
    }
  }

  @Test func whoDoesNotLearnEndsNoTrial() async throws {
    let source = RemainderSource(.init(moduli: [10, 10]))
    let options = ServeOptions.learning { ($0.mode, $0.trial) = (.shadow, 1000) }
    try await serving(source, options) { asking async throws in
      try await learn(asking)
      try await asking.eventually("a trial") { await asking.server.deployment.trial != nil }
    }
    try await serving(source, .with { $0.adminToken = "secret" }) { asking async throws in
      #expect(try await asking.post("/v1/admin/pause", #"{"paused": false}"#, token: "secret").status == 200)
      #expect(await asking.server.deployment.trial == nil)
    }
    try await serving(source, options) { asking async throws in
      #expect(await asking.server.deployment.trial?.slot.number == 2)
    }
  }

  @Test func aDriftBeforeARestartStillCounts() async throws {
    let source = RemainderSource()
    let far = ServeOptions.learning { ($0.labels, $0.labelsAfterDrift) = (100_000, 100_000) }
    try await serving(source, far) { asking async throws in
      try await live(asking, 0..<100)
      for number in 0..<80 {
        let id = try await asking.predict([number]).predictions[0].id
        try await asking.label([(id, "changed")])
      }
      #expect(await source.learned.isEmpty)
    }
    let near = ServeOptions.learning { ($0.labels, $0.labelsAfterDrift) = (100_000, 50) }
    try await serving(source, near) { asking async throws in
      try await asking.eventually("it learned") { await !source.learned.isEmpty }
      #expect(await source.learned.first?.hasPrefix("drift, and ") == true)
    }
  }
}
