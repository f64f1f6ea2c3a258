import Foundation
import Perennial
import Testing

@testable import PerennialLife

/// Every check lets pass what it should, and refuses what it should.
@Suite struct GateTests {
  /// Two suites of a hundred examples of ten labels; `wrong` places are answered wrong.
  private func answers(
    _ name: String = "1", isAnchor: Bool = true, before: Set<Int>? = [], after: Set<Int> = []
  ) -> Gate.Answers {
    let truths = (0..<100).map { $0 % 10 }
    func said(_ wrong: Set<Int>) -> [Int] { truths.indices.map { wrong.contains($0) ? 99 : truths[$0] } }
    return Gate.Answers(
      suite: name, isAnchor: isAnchor, truths: truths, before: before.map(said), after: said(after))
  }

  private func failures(
    _ answers: [Gate.Answers], earlier: [Gate.Scores] = [], known: Set<Int> = Set(0..<10),
    _ measured: Gate.Measurements = .init(), _ change: (inout GateOptions) -> Void = { _ in }
  ) throws -> [String] {
    var options = GateOptions()
    change(&options)
    let verdict = try Gate(options: options).judge(answers, earlier: earlier, known: known, measured) {
      "label \($0)"
    }
    #expect(verdict.passed == verdict.failures.isEmpty)
    #expect(verdict.lines.count >= verdict.checks.count)
    let copy = try JSONDecoder().decode(Verdict.self, from: Data(OrderedJSON.text(verdict).utf8))
    #expect(copy == verdict)
    return verdict.failures.map(\.name)
  }

  @Test func anEqualCandidatePasses() throws {
    #expect(try failures([answers(before: [3], after: [4]), answers("new", isAnchor: false)]).isEmpty)
  }

  @Test func theFirstVersionHasNothingToForget() throws {
    #expect(try failures([answers("new", isAnchor: false, before: nil, after: [1, 2])]).isEmpty)
    #expect(try failures([]).isEmpty)
  }

  @Test func aSuiteThatSurelyDroppedIsRefused() throws {
    let lost = Set((0..<8).map { $0 * 11 })
    let found = try failures([answers(after: lost)]) {
      $0.maxForgetting = 1; $0.negativeFlips = 1
    }
    // Eight answers lost and none gained: p of McNemar is 0.004.
    #expect(found == ["anchor 1", "anchors"])
  }

  @Test func whatNewLabelsGainHidesNoLossOnKnownOnes() throws {
    // What was held out of this update: 50 inputs of label 1, which was known, and 50 of label 2, which is new.
    let truths = (0..<100).map { $0 < 50 ? 1 : 2 }
    let before = truths.map { $0 == 1 ? 1 : 9 }
    let after = truths.indices.map { $0 < 8 ? 9 : truths[$0] }
    let fresh = Gate.Answers(
      suite: "new", isAnchor: false, truths: truths, before: before, after: after)
    func found(_ known: Set<Int>) throws -> [String] {
      try failures([answers(), fresh], known: known) { $0.negativeFlips = 1 }
    }
    #expect(try found([1]) == ["recent"])
    // As one table, eight answers lost and fifty gained, it would pass.
    #expect(try found([1, 2]).isEmpty)
    // Nothing held out of known labels is nothing to judge by.
    #expect(try found([3]).isEmpty)
  }

  @Test func smallLossesAddUpToForgetting() throws {
    // Never surely worse than the version before, but three below the best.
    let best = ["1": Tally(correct: 100, total: 100)]
    #expect(try failures([answers(before: [1, 2], after: [1, 2, 3])], earlier: [best]) == ["forgetting"])
    #expect(try failures([answers(before: [1], after: [1, 2])], earlier: [best]).isEmpty)
    // Later suites, which the best version was never asked about, hide nothing.
    let (first, second) = (answers(before: [1, 2, 3], after: [1, 2, 3, 4, 5]), answers("2", after: []))
    let since = ["1": Tally(correct: 97, total: 100), "2": Tally(correct: 100, total: 100)]
    #expect(try failures([first, second], earlier: [best, since]) == ["forgetting"])
    #expect(try failures([first, second], earlier: [since]).isEmpty)
    // A suite that was thinned since is compared by its share.
    #expect(
      try failures([first, second], earlier: [["1": Tally(correct: 396, total: 400)], since]).isEmpty)
    #expect(
      try failures([first, second], earlier: [["1": Tally(correct: 400, total: 400)], since]) == [
        "forgetting"
      ])
  }

  @Test func oneExampleMayAlwaysBeLost() throws {
    let few = Gate.Answers(
      suite: "1", isAnchor: true, truths: [0, 1, 2], before: [0, 1, 2], after: [0, 1, 9])
    #expect(try failures([few]).isEmpty)
    let more = Gate.Answers(
      suite: "1", isAnchor: true, truths: [0, 1, 2], before: [0, 1, 2], after: [0, 9, 9])
    #expect(try failures([more]).contains("forgetting"))
  }

  @Test func flipsAreRefusedEvenIfAsManyAreGained() throws {
    let (before, after) = (Set(0..<8), Set(8..<16))
    #expect(try failures([answers(before: before, after: after)]) == ["negative-flips"])
  }

  @Test func aLabelThatIsGivenUpIsRefused() throws {
    let label = Set((0..<10).map { $0 * 10 })
    let found = try failures([answers(before: [], after: label)]) {
      $0.maxForgetting = 1; $0.negativeFlips = 1; $0.drop = 1
    }
    #expect(found.contains("class-floor"))
    // Who was bad before is not this update's doing.
    #expect(try failures([answers(before: label, after: label)]).isEmpty)
    // A new label that was not learned is.
    #expect(try failures([answers("new", isAnchor: false, before: nil, after: label)]) == ["class-floor"])
  }

  @Test func measurementsAreRefused() throws {
    var measured = Gate.Measurements()
    measured.notFinite = "head.weight"
    measured.movement = 2
    measured.latency = 0.02
    measured.latencyBefore = 0.005
    measured.bytes = 100
    (measured.invariants, measured.broken) = (3, ["invariants.csv, row 2 is `a`, not `b`"])
    let found = try failures([answers()], measured) {
      $0.latencyRatio = 2
      $0.size = ByteCount(99)
    }
    #expect(found == ["finite", "movement", "invariants", "latency", "size"])
    measured = Gate.Measurements(movement: 0.5, latency: 0.009, latencyBefore: 0.005, bytes: 99)
    #expect(
      try failures([answers()], measured) {
        $0.latencyRatio = 2
        $0.size = ByteCount(99)
      }.isEmpty)
  }
}
