import Foundation
import Perennial
import Torch

/// Judges a candidate beside the version that serves: nothing serves that has not passed.
struct Gate {
  let options: GateOptions

  /// What both models say of the examples of one suite.
  struct Answers {
    let suite: String
    /// Whether the suite was frozen by an earlier version, rather than held out of this update.
    let isAnchor: Bool
    /// Labels by number; those before are nil where no version knew anything.
    let truths: [Int]
    let before: [Int]?
    let after: [Int]

    func right(_ answers: [Int]) -> [Bool] { zip(answers, truths).map(==) }

    /// - Parameter isWanted: which truths count.
    func outcomes(_ isWanted: (Int) -> Bool = { _ in true }) throws -> PairedOutcomes {
      let places = truths.indices.filter { isWanted(truths[$0]) }
      let now = right(after)
      let then = before.map(right) ?? [Bool](repeating: false, count: now.count)
      return try PairedOutcomes(before: places.map { then[$0] }, after: places.map { now[$0] })
    }
  }

  /// What an earlier version had right of the suites that it was asked about.
  typealias Scores = [String: Tally]

  /// What was measured of the models themselves.
  struct Measurements {
    /// The first parameter that holds what is no finite number.
    var notFinite: String?
    /// ‖θ' − θ‖ / ‖θ‖ of trained weights; nil where nothing was trained before.
    var movement: Double?
    /// The median answer to one input, in seconds, of the candidate and of the version that serves.
    var latency: Double?
    var latencyBefore: Double?
    /// Bytes of the parameters.
    var bytes = 0
    /// Invariants, and those that the candidate breaks.
    var invariants = 0
    var broken: [String] = []
  }

  /// - Parameters:
  ///   - earlier: of each version on the way to the one that serves.
  ///   - known: the labels that the version that serves has learned; others it cannot have right.
  ///   - labels: names for messages.
  func judge(
    _ answers: [Answers], earlier: [Scores], known: Set<Int>, _ measured: Measurements,
    labels: (Int) -> String
  ) throws -> Verdict {
    var suites: [Verdict.Suite] = []
    for part in answers where !part.truths.isEmpty {
      let outcomes = try part.outcomes()
      let total = Double(outcomes.total)
      suites.append(
        .init(
          name: part.suite, outcomes: outcomes,
          before: part.before == nil ? nil : Double(outcomes.bothRight + outcomes.lost) / total,
          after: Double(outcomes.bothRight + outcomes.gained) / total))
    }
    let anchors = Set(answers.filter { $0.isAnchor && $0.before != nil }.map(\.suite))
    let isFirst = answers.allSatisfy { $0.before == nil }
    let pooled = suites.map(\.outcomes).reduce(PairedOutcomes(), +)
    var checks = [finite(measured), movement(measured)]
    checks += suites.filter { anchors.contains($0.name) }.map(anchor)
    checks.append(forgetting(suites.filter { anchors.contains($0.name) }, earlier))
    if !isFirst {
      let frozen = suites.filter { anchors.contains($0.name) }.map(\.outcomes).reduce(PairedOutcomes(), +)
      let fresh = try answers.filter { !$0.isAnchor }.map { try $0.outcomes(known.contains) }
        .reduce(PairedOutcomes(), +)
      checks += [
        paired("anchors", frozen, "there are no anchors yet"),
        paired("recent", fresh, "nothing was held out of labels that were known before"), flips(pooled),
      ]
    }
    checks += [floor(answers, labels), invariants(measured)]
    checks += [latency(measured), size(measured)].compactMap { $0 }
    let interval = pooled.gainInterval(confidence: 0.95)
    return Verdict(
      checks: checks, suites: suites,
      before: isFirst || pooled.total == 0
        ? nil : Double(pooled.bothRight + pooled.lost) / Double(pooled.total),
      after: pooled.total == 0 ? nil : Double(pooled.bothRight + pooled.gained) / Double(pooled.total),
      gain: isFirst || pooled.total == 0 ? nil : [interval.lowerBound, interval.upperBound])
  }

  // MARK: - The checks

  private func finite(_ measured: Measurements) -> Verdict.Check {
    .init(
      name: "finite", passed: measured.notFinite == nil, measured: nil, limit: nil,
      detail: measured.notFinite.map { "\($0) holds what is no finite number" }
        ?? "every weight is a finite number")
  }

  private func movement(_ measured: Measurements) -> Verdict.Check {
    let isKept = measured.movement.flatMap { found in options.movement.map { found <= $0 } } ?? true
    return .init(
      name: "movement", passed: isKept, measured: measured.movement, limit: options.movement,
      detail: measured.movement.map {
        String(format: "trained weights moved by %.3f of their length", $0)
          + (options.movement.map { String(format: ", allowed is %.3g", $0) } ?? "")
      } ?? "no weights were trained before")
  }

  private func anchor(_ suite: Verdict.Suite) -> Verdict.Check {
    let sure = suite.outcomes.surelyDropped(confidence: options.confidence)
    return .init(
      name: "anchor \(suite.name)", passed: sure <= options.drop, measured: sure, limit: options.drop,
      detail:
        "\(suite.before.map(Verdict.percent) ?? "–") → \(Verdict.percent(suite.after)) of \(suite.outcomes.total)"
        + ", surely lost \(Verdict.percent(max(sure, 0))), allowed \(Verdict.percent(options.drop))")
  }

  /// Against each earlier version, on the suites that it was asked about; the greatest loss counts. Where a suite was
  /// thinned since, its share of right answers stands for those that are asked now.
  private func forgetting(_ anchors: [Verdict.Suite], _ earlier: [Scores]) -> Verdict.Check {
    let total = anchors.map(\.outcomes.total).reduce(0, +)
    guard total > 0 else {
      return .init(
        name: "forgetting", passed: true, measured: nil, limit: options.maxForgetting,
        detail: "there is nothing to forget yet")
    }
    let pooled = anchors.map(\.outcomes).reduce(PairedOutcomes(), +)
    let losses = earlier.map { scores in
      anchors.reduce(0) { sum, suite in
        guard let score = scores[suite.name], let share = score.accuracy else { return sum }
        let now = suite.outcomes.bothRight + suite.outcomes.gained
        return sum + Int(share * Double(suite.outcomes.total)) - now
      }
    }
    let lost = max(losses.max() ?? 0, pooled.lost - pooled.gained, 0)
    return .init(
      name: "forgetting", passed: lost <= allowed(options.maxForgetting, of: total),
      measured: Double(lost) / Double(total), limit: options.maxForgetting,
      detail:
        "\(pooled.bothRight + pooled.gained) of \(total) anchors are right, \(lost) fewer than at best; "
        + "lost \(Verdict.percent(Double(lost) / Double(total))), allowed \(Verdict.percent(options.maxForgetting))"
    )
  }

  /// Whether more answers were lost than chance would lose. Inputs that are told apart here are judged apart: what was gained
  /// on labels that are new hides no loss on those that were known.
  private func paired(_ name: String, _ found: PairedOutcomes, _ otherwise: String) -> Verdict.Check {
    guard found.total > 0 else {
      return .init(
        name: name, passed: true, measured: nil, limit: 1 - options.confidence, detail: otherwise)
    }
    let (p, interval) = (found.pWorse, found.gainInterval(confidence: 0.95))
    return .init(
      name: name, passed: p >= 1 - options.confidence, measured: p, limit: 1 - options.confidence,
      detail: "of \(found.total), \(found.gained) answers became right and \(found.lost) wrong; "
        + String(format: "p of no loss %.3g (McNemar, exact), gain ", p)
        + "\(Verdict.points(interval.lowerBound)) to \(Verdict.points(interval.upperBound)) (bootstrap)")
  }

  private func flips(_ pooled: PairedOutcomes) -> Verdict.Check {
    let rate = pooled.total > 0 ? Double(pooled.lost) / Double(pooled.total) : 0
    return .init(
      name: "negative-flips", passed: pooled.lost <= allowed(options.negativeFlips, of: pooled.total),
      measured: rate, limit: options.negativeFlips,
      detail:
        "\(pooled.lost) of \(pooled.total) were right and are wrong, allowed \(Verdict.percent(options.negativeFlips))"
    )
  }

  /// One example may always be lost: a share of few is less than one.
  private func allowed(_ share: Double, of total: Int) -> Int { max(1, Int(share * Double(total))) }

  private func floor(_ answers: [Answers], _ labels: (Int) -> String) -> Verdict.Check {
    var now: [Int: Tally] = [:]
    // Of labels that were known before: what the anchors say of them.
    var anchored: [Int: (before: Tally, after: Tally)] = [:]
    for part in answers {
      for (place, truth) in part.truths.enumerated() {
        now[truth, default: Tally()].record(part.after[place] == truth)
        guard part.isAnchor, let old = part.before else { continue }
        anchored[truth, default: (Tally(), Tally())].before.record(old[place] == truth)
        anchored[truth, default: (Tally(), Tally())].after.record(part.after[place] == truth)
      }
    }
    let low = now.filter { label, tally in
      guard tally.total >= options.classExamples, let share = tally.accuracy, share < options.classFloor
      else {
        return false
      }
      // What was below before is not this update's doing, unless it is worse now.
      guard let known = anchored[label] else { return true }
      return (known.before.accuracy ?? 0) >= options.classFloor || known.after.correct < known.before.correct
    }
    let least = now.filter { $0.value.total >= options.classExamples }.compactMap { $0.value.accuracy }.min()
    let names = low.keys.sorted().map { label in
      "\(labels(label)) (\(low[label]?.correct ?? 0) of \(low[label]?.total ?? 0))"
    }
    return .init(
      name: "class-floor", passed: low.isEmpty, measured: least, limit: options.classFloor,
      detail: low.isEmpty
        ? "no label is below \(Verdict.percent(options.classFloor))"
        : "below \(Verdict.percent(options.classFloor)): \(names.joined(separator: ", "))")
  }

  private func invariants(_ measured: Measurements) -> Verdict.Check {
    .init(
      name: "invariants", passed: measured.broken.isEmpty, measured: Double(measured.broken.count), limit: 0,
      detail: measured.broken.isEmpty
        ? "\(measured.invariants) hold"
        : "\(measured.broken.count) of \(measured.invariants) are broken: "
          + measured.broken.prefix(3).joined(separator: "; "))
  }

  private func latency(_ measured: Measurements) -> Verdict.Check? {
    guard let now = measured.latency, options.latency != nil || options.latencyRatio != nil else {
      return nil
    }
    let bounds = [
      options.latency.map { $0 / 1000 },
      options.latencyRatio.flatMap { ratio in measured.latencyBefore.map { $0 * ratio } },
    ].compactMap { $0 }
    let limit = bounds.min()
    return .init(
      name: "latency", passed: limit.map { now <= $0 } ?? true, measured: now * 1000,
      limit: limit.map { $0 * 1000 },
      detail: String(format: "one answer takes %.2f ms", now * 1000)
        + (limit.map { String(format: ", allowed are %.2f", $0 * 1000) } ?? ""))
  }

  private func size(_ measured: Measurements) -> Verdict.Check? {
    guard let limit = options.size?.bytes else { return nil }
    return .init(
      name: "size", passed: measured.bytes <= limit, measured: Double(measured.bytes), limit: Double(limit),
      detail: "the parameters take \(measured.bytes) bytes, allowed are \(limit)")
  }
}
