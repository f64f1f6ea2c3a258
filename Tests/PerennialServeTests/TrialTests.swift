import Foundation
import Perennial
import Testing

@testable import PerennialServe

/// How candidates are judged on what is really asked.
@Suite(.serialized) struct TrialTests {
  private let start = Date(timeIntervalSince1970: 1_000_000)

  private func trial(_ mode: LearningPolicy.Mode, before: Tally = Tally()) async throws -> Trial {
    let source = RemainderSource()
    let options = ServeOptions()
    let version = try await LoadedVersion.load(2, source.opener(of: 1))
    return Trial(
      Slot(version, options, ServerMetrics()),
      Standing.Trial(version: 2, against: 1, mode: mode, began: start, before: before, since: 0))
  }

  /// Labels `right` of `count` answers right.
  private func judge(_ trial: inout Trial, version: Int, _ right: Int, of count: Int) {
    for place in 0..<count {
      trial.judge(version: version, served: place < right ? "a" : "b", shadow: nil, truth: "a")
    }
  }

  private var policy: LearningPolicy {
    var policy = LearningPolicy()
    policy.trial = 100
    return policy
  }

  @Test func aShadowThatLosesBeyondChanceIsNotFit() async throws {
    // Four points worse, which would be tolerated; but nothing was gained: p of McNemar is 1/16 for 4 of 100, 1/32 for 5.
    for (lost, isFit) in [(4, true), (5, false)] {
      var trial = try await trial(.shadow)
      for place in 0..<100 {
        trial.judge(version: 1, served: "a", shadow: place < lost ? "b" : "a", truth: "a")
      }
      #expect(trial.verdict(policy, at: start) == isFit)
    }
    // As much lost, as much gained.
    var even = try await trial(.shadow)
    for place in 0..<100 {
      even.judge(
        version: 1, served: place < 10 ? "b" : "a", shadow: (10..<20).contains(place) ? "b" : "a", truth: "a")
    }
    #expect(even.verdict(policy, at: start) == true)
  }

  @Test func aCanaryThatIsWorseBeyondChanceIsNotFit() async throws {
    for (right, isFit) in [(99, true), (95, false)] {
      var trial = try await trial(.canary)
      judge(&trial, version: 1, 1000, of: 1000)
      judge(&trial, version: 2, right, of: 100)
      #expect(trial.verdict(policy, at: start) == isFit, "\(trial.finding)")
    }
  }

  @Test func aCanaryThatAllHearIsComparedWithWhatWasBefore() async throws {
    for (right, isFit) in [(90, true), (60, false)] {
      var trial = try await trial(.canary, before: Tally(correct: 90, total: 100))
      judge(&trial, version: 2, right, of: 100)
      #expect(trial.verdict(policy, at: start) == isFit)
    }
  }

  /// Answers of versions that are neither: what a candidate before it had said, and what was sent back.
  @Test func whatOthersSaidJudgesNobody() async throws {
    var trial = try await trial(.canary)
    judge(&trial, version: 0, 0, of: 50)
    #expect(trial.current.total == 0 && trial.candidate.total == 0)
    let source = RemainderSource(.init(moduli: [10, 3, 10]))
    try await serving(source, .learning { ($0.mode, $0.trial, $0.trialHours) = (.shadow, 1000, 0.0005) }) {
      asking async throws in
      #expect(try await asking.post("/v1/learn", "{}").status == 202)
      try await asking.eventually("the first trial") {
        await asking.server.deployment.trial?.slot.number == 2
      }
      let early = try await asking.predict([7]).predictions[0].id
      try await asking.eventually("it is over") { await asking.server.deployment.trial == nil }
      #expect(try await asking.post("/v1/learn", "{}").status == 202)
      try await asking.eventually("the second trial") {
        await asking.server.deployment.trial?.slot.number == 3
      }
      try await asking.label([(early, "label 7")])
      #expect(await asking.server.deployment.trial?.candidate.total ?? 0 == 0)
    }
  }

  @Test func aTrialEndsInTime() async throws {
    let late = start.addingTimeInterval(policy.trialHours * 3600)
    var trial = try await trial(.canary, before: Tally(correct: 90, total: 100))
    judge(&trial, version: 2, 19, of: 19)
    #expect(trial.verdict(policy, at: start) == nil)
    #expect(trial.verdict(policy, at: late) == false, "too few labels to say anything")
    judge(&trial, version: 2, 1, of: 1)
    #expect(trial.verdict(policy, at: start) == nil)
    #expect(trial.verdict(policy, at: late) == true)
  }

  @Test func withoutLabelsATrialBlocksNothingForEver() async throws {
    let source = RemainderSource(.init(moduli: [10, 10, 10]))
    let options = ServeOptions.learning { ($0.mode, $0.trialHours) = (.shadow, 0.0001) }
    try await serving(source, options) { asking async throws in
      #expect(try await asking.post("/v1/learn", "{}").status == 202)
      try await asking.eventually("the trial has begun and is over") {
        await asking.server.deployment.events.last?.kind == .refused
      }
      #expect(await asking.server.deployment.current.number == 1)
      let told = await source.told
      #expect(
        told == [.tried(version: 2), .failed(version: 2, finding: "– right of 0, the version in use –")])
      #expect(try await asking.post("/v1/learn", "{}").status == 202)
      try await asking.eventually("it learned again") { await source.learned.count == 2 }
    }
  }

  @Test func nothingIsLearnedWhileACandidateIsOnTrial() async throws {
    let source = RemainderSource(.init(moduli: [10, 10, 10]))
    try await serving(source, .learning { $0.mode = .shadow }) { asking async throws in
      #expect(try await asking.post("/v1/learn", "{}").status == 202)
      try await asking.eventually("the trial has begun") { await asking.server.deployment.trial != nil }
      let again = try await asking.post("/v1/learn", "{}")
      #expect(again.status == 409 && again.text.contains("version 2 is on trial"))
    }
  }

  @Test(arguments: [LearningPolicy.Mode.direct, .shadow])
  func aCandidateOfAVersionThatHasBeenLeftIsPassedOver(mode: LearningPolicy.Mode) async throws {
    let source = RemainderSource(.init(moduli: [10, 10, 10]))
    try await serving(source, .learning { $0.mode = mode }) { asking async throws in
      let deployment = asking.server.deployment
      _ = try await source.learn(because: "the test", retrying: false)
      await source.hold()
      #expect(try await asking.post("/v1/learn", "{}").status == 202)
      try await asking.eventually("it trains") { await source.learned.count == 2 }
      try await deployment.promote(2, because: "the test")
      await source.release()
      try await asking.eventually("the update is over") { await !deployment.isTraining }
      #expect(await deployment.current.number == 2)
      #expect(await deployment.trial == nil)
      #expect(
        await deployment.events.last?.text.contains("version 3 passed its gate and is not used") == true)
      let finding = "another version came into use meanwhile"
      #expect(await source.told == (mode == .direct ? [] : [.failed(version: 3, finding: finding)]))
    }
  }

  @Test func aCanaryComesIntoUse() async throws {
    let source = RemainderSource(.init(moduli: [10, 10]))
    let options = ServeOptions.learning { ($0.mode, $0.trial, $0.share, $0.watch) = (.canary, 20, 0.5, 0) }
    try await serving(source, options) { asking async throws in
      #expect(try await asking.post("/v1/learn", "{}").status == 202)
      try await asking.eventually("the trial has begun") { await asking.server.deployment.trial != nil }
      try await asking.eventually("the canary came into use") {
        for number in 0..<5 {
          let id = try await asking.predict([number]).predictions[0].id
          try await asking.label([(id, "label \(number)")])
        }
        return await asking.server.deployment.current.number == 2
      }
      #expect(await source.history().current == 2)
    }
  }
}
