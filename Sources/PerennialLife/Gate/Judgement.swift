import Foundation
import GRDB
import Perennial
import Torch

/// Asks a candidate and the version that serves about everything that was held out, and hands the answers to the gate.
///
/// What the version that serves said is remembered from its own judgement, so that only the candidate is asked.
struct Judgement {
  let directory: ModelDirectory
  let configuration: LifeConfiguration
  let parent: VersionManifest
  let parentState: State
  let inputs: any LiveInputs
  let modality: any Modality
  let labels: LabelTable
  let tell: (LifeEvent) -> Void
  let shouldStop: () -> Bool
  /// Whether the candidate has the weights of the version that serves, moved; a student has its own.
  var hasMoved = true

  /// What was found.
  struct Result {
    let verdict: Verdict
    /// What the candidate said of examples by their numbers, and what they are.
    let answers: [(example: Int, suite: String?, label: Int, truth: Int)]
  }

  func callAsFunction(_ candidate: Learner, heldOut: [StoredExample]) throws -> Result {
    let frozen = try directory.database.read { try frozenSuites(in: $0) }
    let suites = frozen + [(name: Self.new, examples: heldOut)]
    let total = suites.reduce(0) { $0 + $1.examples.count }
    var done = 0
    var remembered = try directory.database.read { try self.answers(of: parent.version, in: $0) }
    let missing = suites.flatMap(\.examples).filter { remembered[$0.number] == nil }
    let isTrained = parent.examples > 0
    let before = isTrained ? try LivingModel(parent, parentState, modality) : nil
    if let before {
      let said = try self.answers(before.learner, missing) { _ in }
      for (example, label) in zip(missing, said) { remembered[example.number] = label }
    }
    var found: [Gate.Answers] = []
    var answers: [(example: Int, suite: String?, label: Int, truth: Int)] = []
    for (name, examples) in suites where !examples.isEmpty {
      let said = try self.answers(candidate, examples) {
        tell(.judging(done + $0, of: total))
      }
      done += examples.count
      let truths = examples.map { labels.resolved($0.label) }
      found.append(
        Gate.Answers(
          suite: name, isAnchor: name != Self.new, truths: truths,
          before: isTrained
            ? examples.map { labels.resolved(remembered[$0.number] ?? -1) } : nil,
          after: said))
      for (index, example) in examples.enumerated() {
        answers.append((example.number, name == Self.new ? nil : name, said[index], truths[index]))
      }
    }
    let earlier = try directory.database.read { try scores(in: $0) }
    let verdict = try Gate(options: configuration.gate).judge(
      found, earlier: earlier, known: Set((before?.learner.classes.labels ?? []).map(labels.resolved)),
      measurements(candidate, before, sample: suites.first { !$0.examples.isEmpty }?.examples.first),
      labels: { labels.names.indices.contains($0) ? labels.names[$0] : "label \($0)" })
    return Result(verdict: verdict, answers: answers)
  }

  /// What an update itself holds out is called until a version has frozen it.
  static let new = "new"

  // MARK: - Asking

  private func answers(_ learner: Learner, _ examples: [StoredExample], _ progress: (Int) -> Void) throws
    -> [Int]
  {
    guard learner.model.head.outputs > 0, learner.classes.count > 0 else {
      return [Int](repeating: -1, count: examples.count)
    }
    var said: [Int] = []
    for start in stride(from: 0, to: examples.count, by: LivingModel.batch) {
      if shouldStop() { throw LifeError.interrupted }
      let part = examples[start..<min(start + LivingModel.batch, examples.count)]
      said += try learner.answers(to: inputs.rows(part.map(\.payload)), by: labels.resolved)
      progress(said.count)
    }
    return said
  }

  // MARK: - What is remembered

  /// The frozen suites, each thinned evenly where together they have more examples than are asked for: by their digests,
  /// so that it is the same ones each time.
  private func frozenSuites(in db: Database) throws -> [(name: String, examples: [StoredExample])] {
    let names = try String.fetchAll(
      db, sql: "SELECT suite FROM examples WHERE suite IS NOT NULL GROUP BY suite ORDER BY min(number)")
    let room = max(configuration.options.suite / max(names.count, 1), 1)
    return try names.map { name in
      (
        name,
        try StoredExample.fetchAll(
          db, sql: "SELECT * FROM examples WHERE suite = ? ORDER BY digest LIMIT ?", arguments: [name, room])
      )
    }
  }

  private func answers(of version: Int, in db: Database) throws -> [Int: Int] {
    let rows = try Row.fetchAll(
      db, sql: "SELECT example, label FROM answers WHERE version = ?", arguments: [version])
    return Dictionary(rows.map { ($0["example"], $0["label"]) }, uniquingKeysWith: { $1 })
  }

  /// What every version on the way here had right of each suite that there was by then.
  private func scores(in db: Database) throws -> [Gate.Scores] {
    let rows = try Row.fetchAll(
      db,
      sql: """
        SELECT version, suite, sum(correct) AS correct, sum(total) AS total FROM scores GROUP BY version, suite
        """)
    let versions = Dictionary(grouping: rows) { $0["version"] as Int }
    return try LifeDatabase.path(to: parent.version, in: db).map { row in
      (versions[row.number] ?? []).reduce(into: [:]) {
        $0[$1["suite"]] = Tally(correct: $1["correct"], total: $1["total"])
      }
    }
  }

  // MARK: - Measuring

  private func measurements(_ candidate: Learner, _ before: LivingModel?, sample: StoredExample?) throws
    -> Gate.Measurements
  {
    var measured = Gate.Measurements()
    measured.bytes = candidate.model.parameters.reduce(0) { $0 + $1.parameter.value.byteCount }
    measured.notFinite = try noGrad {
      try candidate.model.parameters.first {
        try $0.parameter.value.dtype.isFloatingPoint
          && $0.parameter.value.count > 0 && $0.parameter.value.isFinite().all().item() == 0
      }?.path
    }
    if parent.examples > 0, hasMoved { measured.movement = try movement(candidate) }
    if let sample, configuration.gate.latency != nil || configuration.gate.latencyRatio != nil {
      let input = try noGrad { try candidate.inputs(inputs.rows([sample.payload])) }
      measured.latency = try candidate.latency(input)
      measured.latencyBefore = try before?.learner.latency(input)
    }
    let invariants = try Invariants(directory.url, inputs)
    measured.invariants = invariants.records.count
    measured.broken = try invariants.broken(candidate, labels)
    return measured
  }

  /// ‖θ' − θ‖ / ‖θ‖ over trained weights; of those that grew, what was there.
  private func movement(_ candidate: Learner) throws -> Double? {
    let old = parentState.scoped(VersionManifest.modelBlob).tensors
    var (moved, length) = (0.0, 0.0)
    try noGrad {
      for (path, parameter) in candidate.model.trainableParameters {
        guard let before = old[path], before.rank == parameter.value.rank, before.count > 0,
          zip(before.shape, parameter.value.shape).allSatisfy({ $0 <= $1 })
        else { continue }
        var now = try parameter.value.to(.cpu)
        for (dimension, size) in before.shape.enumerated() where size < now.shape[dimension] {
          now = try now.narrow(dim: dimension, start: 0, count: size)
        }
        moved += try (now - before).to(.float64).square().sum().item()
        length += try before.to(.float64).square().sum().item()
      }
    }
    return length > 0 ? (moved / length).squareRoot() : nil
  }
}

extension Judgement.Result {
  /// Keeps what the version said, and its scores: a row of the accuracy matrix.
  func write(version: Int, in db: Database) throws {
    let answer = try db.makeStatement(sql: "INSERT INTO answers VALUES (?, ?, ?)")
    var tallies: [String: [Int: Tally]] = [:]
    for (example, suite, label, truth) in answers {
      try answer.execute(arguments: [version, example, label])
      tallies[suite ?? "\(version)", default: [:]][truth, default: Tally()].record(label == truth)
    }
    let score = try db.makeStatement(sql: "INSERT INTO scores VALUES (?, ?, ?, ?, ?)")
    for (suite, labels) in tallies {
      for (label, tally) in labels {
        try score.execute(arguments: [version, suite, label, tally.correct, tally.total])
      }
    }
  }
}
