import Foundation
import GRDB
import Perennial
import Torch

extension ModelDirectory {
  /// Learns new inputs: takes them in, trains a candidate, judges it, and lets it serve if it passes.
  ///
  /// Without inputs, what is pending in the directory is learned, such as feedback. Stopped at any point, the version
  /// before serves, and the same call goes on where it stopped with the same numbers.
  ///
  /// - Parameters:
  ///   - records: what arrived; nil learns what is pending.
  ///   - changes: of the configuration, for this update.
  ///   - shouldStop: asked after every step.
  /// - Throws: `LifeError.interrupted` when asked to stop, `LifeError.nothingToLearn`, `LifeError.memoryBudget`; what
  ///   reading inputs and training throws. The version before goes on serving.
  public func learn(
    _ records: InputRecords? = nil, _ modality: any Modality, options: LearnOptions = LearnOptions(),
    changes: [RecipeChange] = [], tell: (LifeEvent) -> Void = { _ in }, shouldStop: () -> Bool = { false }
  ) throws -> LearnOutcome {
    guard isWriting else { throw LifeError.readOnly(path: url.path) }
    let configuration = try configuration(changes)
    return try withoutActuallyEscaping(tell) { tell in
      try withoutActuallyEscaping(shouldStop) { shouldStop in
        let update = Update(
          directory: self, configuration: configuration, modality: modality, options: options, tell: tell,
          shouldStop: shouldStop)
        return try options.isDryRun ? update.rehearse(records) : update.perform(records)
      }
    }
  }
}

/// One update of a model directory, from inputs to the verdict and what follows from it.
struct Update {
  let directory: ModelDirectory
  let configuration: LifeConfiguration
  let modality: any Modality
  let options: LearnOptions
  let tell: (LifeEvent) -> Void
  let shouldStop: () -> Bool

  private var store: VersionStore { directory.store }

  /// What is learned, and what the candidate is judged by beside what was frozen before.
  struct Material {
    var intake: Intake
    var training: [StoredExample]
    var heldOut: [StoredExample]
    var labels: LabelTable
  }

  // MARK: - From inputs to an outcome

  func perform(_ records: InputRecords?) throws -> LearnOutcome {
    let intake = try directory.take(records, options, holdout: configuration.options.holdout)
    if records != nil { tell(.taken(intake)) }
    let material = try directory.database.read { try self.material(intake, in: $0) }
    return try finish(material, isDryRun: false)
  }

  /// The same without a trace: what is taken in is rolled back before anything is learned.
  func rehearse(_ records: InputRecords?) throws -> LearnOutcome {
    let database = try directory.database
    var material: Material?
    do {
      try database.write { db in
        let intake = try ModelDirectory.take(
          records, options, holdout: configuration.options.holdout, at: directory.time, in: db)
        material = try self.material(intake, in: db)
        throw Undone()
      }
    } catch is Undone {}
    guard let material else { throw LifeError.nothingToLearn }
    if records != nil { tell(.taken(material.intake)) }
    return try finish(material, isDryRun: true)
  }

  private struct Undone: Error {}

  private func material(_ intake: Intake, in db: Database) throws -> Material {
    let training = try LifeDatabase.examples(.train, [.pending], in: db)
    // Labels alone may change: then the same weights become a version that answers with the new ones.
    guard !training.isEmpty || !options.merges.isEmpty else { throw LifeError.nothingToLearn }
    return Material(
      intake: intake, training: training, heldOut: try LifeDatabase.examples(.holdout, [.pending], in: db),
      labels: try LifeDatabase.labels(in: db))
  }

  private func finish(_ material: Material, isDryRun: Bool) throws -> LearnOutcome {
    let (parent, state, warning) = try store.newestWhole()
    if let warning { tell(.warning(warning)) }
    guard !material.training.isEmpty || parent.isAnswering(otherwiseThan: material.labels) else {
      throw LifeError.nothingToLearn
    }
    try store.checkFiles(of: parent)
    let inputs = try modality.liveInputs(configuration.recipe)
    let database = try directory.database
    let path = try database.read { try LifeDatabase.path(to: parent.version, in: $0) }
    let learned = path.filter { $0.number > 0 }.map(\.number)
    let candidate = try Training(
      configuration: configuration, parent: parent, parentState: state,
      batches: material.training.isEmpty ? [] : [material.training],
      past: { try database.examples(learnedBy: learned[$0]) }, experience: learned.count, inputs: inputs,
      work: isDryRun ? nil : directory.work, tell: tell, shouldStop: shouldStop)()
    let judge = Judgement(
      directory: directory, configuration: configuration, parent: parent, parentState: state, inputs: inputs,
      modality: modality, labels: material.labels, tell: tell, shouldStop: shouldStop)
    let judged = try judge(candidate.learner, heldOut: material.heldOut)
    return try conclude(material, parent, candidate, judged, isDryRun: isDryRun)
  }

  private func conclude(
    _ material: Material, _ parent: VersionManifest, _ candidate: Training.Candidate,
    _ judged: Judgement.Result, isDryRun: Bool
  ) throws -> LearnOutcome {
    func outcome(_ result: LearnOutcome.Result, _ version: Int) -> LearnOutcome {
      LearnOutcome(
        result: result, version: version, intake: material.intake, verdict: judged.verdict,
        seconds: candidate.seconds, steps: candidate.steps, isCutShort: candidate.isCutShort)
    }
    if isDryRun { return outcome(.dryRun, parent.version) }
    let isForced = !judged.verdict.passed && options.force != nil
    guard judged.verdict.passed || isForced else {
      try directory.refuse(parent: parent.version, judged.verdict, material, seconds: candidate.seconds)
      return outcome(.refused, parent.version)
    }
    let promotion = Promotion(
      parent: parent, kind: isForced ? .forced : .learned, configuration: configuration,
      training: material.training, heldOut: material.heldOut, labels: material.labels,
      reason: isForced ? options.force : nil, isHeldBack: options.holdsBack)
    let version = try directory.promote(promotion, candidate, judged)
    tell(.promoted(version))
    return outcome(isForced ? .forced : .promoted, version)
  }
}

extension VersionManifest {
  /// Whether a version that has learned something has other labels than there are by now.
  fileprivate func isAnswering(otherwiseThan table: LabelTable) -> Bool {
    examples > 0 && (labels != table.names || merged != table.merged)
  }
}

// MARK: - Taking inputs in

extension ModelDirectory {
  /// Takes inputs in without learning them yet: the next update does.
  ///
  /// - Throws: `LifeError.nothingUsable`, `LifeError.contradiction`; then nothing was taken in.
  public func take(_ records: InputRecords) throws -> Intake {
    try take(records, LearnOptions(), holdout: configuration().options.holdout)
  }

  func take(_ records: InputRecords?, _ options: LearnOptions, holdout: Double) throws -> Intake {
    try database.write { try Self.take(records, options, holdout: holdout, at: time, in: $0) }
  }

  static func take(
    _ records: InputRecords?, _ options: LearnOptions, holdout: Double, at time: String, in db: Database
  ) throws -> Intake {
    for merge in options.merges {
      try LifeDatabase.merge(merge, in: db)
      // Names of labels are no text of users, but may be: their numbers tell enough.
      try LifeDatabase.note("merge", ["labels": try LifeDatabase.labels(in: db).merged], at: time, in: db)
    }
    if options.retries {
      try db.execute(
        sql: "UPDATE examples SET status = 'pending' WHERE status IN ('refused', 'withdrawn')")
    }
    guard let records else { return Intake() }
    guard !records.inputs.isEmpty else {
      throw LifeError.nothingUsable(file: "the inputs", problems: records.rejected)
    }
    let intake = try LifeDatabase.take(records, holdout: .ofEachLabel(holdout), in: db)
    struct Detail: Encodable {
      let learned: Int
      let heldOut: Int
      let duplicates: Int
      let corrected: Int
      let again: Int
      let rejected: Int
    }
    try LifeDatabase.note(
      "take",
      Detail(
        learned: intake.learned, heldOut: intake.heldOut, duplicates: intake.duplicates,
        corrected: intake.corrected, again: intake.again, rejected: intake.rejected.count), at: time, in: db)
    return intake
  }

  /// How many examples wait for the next update.
  public func pendingCount() throws -> Int {
    try database.read {
      try Int.fetchOne(
        $0, sql: "SELECT count(*) FROM examples WHERE role = 0 AND status = 'pending'") ?? 0
    }
  }
}
