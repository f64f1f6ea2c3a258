import Foundation
import Perennial

extension ModelDirectory {
  /// Makes a directory of its own for a student of the version that serves: taught on the inputs that are still known here,
  /// judged against its teacher by the same gate, with the same labels, suites, invariants and tombstones.
  ///
  /// It is made beside its place and renamed once it is whole: killed or stopped before, nothing is there. Both audit logs
  /// tell of it.
  /// - Parameters:
  ///   - target: where nothing may be yet.
  ///   - modality: for a directory.
  /// - Throws: `LifeError.exists`, `LifeError.untrained`, `LifeError.nothingToLearn`, `LifeError.interrupted`; what making
  ///   and training the student throws. Nothing is left of it then.
  public func distill(
    into target: URL, _ plan: StudentPlan, _ modality: @escaping (URL) -> any Modality,
    tell: (LifeEvent) -> Void = { _ in }, shouldStop: () -> Bool = { false }
  ) throws -> DistillOutcome {
    guard isWriting else { throw LifeError.readOnly(path: url.path) }
    guard !FileManager.default.fileExists(atPath: target.path) else {
      throw LifeError.exists(path: target.path)
    }
    let (manifest, state, warning) = try store.newestWhole()
    if let warning { tell(.warning(warning)) }
    guard manifest.examples > 0 else { throw LifeError.untrained }
    try store.checkFiles(of: manifest)
    let teacher = try LivingModel(manifest, state, modality(url))
    let origin = VersionManifest.Origin(
      version: manifest.version, manifest: store.name(of: manifest.version) ?? "",
      parameters: teacher.learner.weightCount)
    Self.removeUnfinished(beside: target)
    let place = Self.unfinished(target, tag: String(UInt64.random(in: .min ... .max), radix: 36))
    defer { try? FileManager.default.removeItem(at: place) }
    let source = try database
    let outcome = try withoutActuallyEscaping(tell) { tell in
      try withoutActuallyEscaping(shouldStop) { shouldStop in
        try Distilling(
          teacher: teacher, teacherState: state, origin: origin, source: source, plan: plan,
          modality: modality, home: url, now: now, tell: tell, shouldStop: shouldStop)(at: place)
      }
    }
    try note(outcome)
    if outcome.result != .refused {
      do {
        try FileManager.default.moveItem(at: place, to: target)
      } catch {
        throw LifeError.unwritable(path: target.path, reason: error.localizedDescription)
      }
    }
    return outcome
  }

  /// Told before the student is where it belongs: no copy of the data is without an entry.
  private func note(_ outcome: DistillOutcome) throws {
    struct Detail: Encodable {
      let version: Int
      let examples: Int
      let result: LearnOutcome.Result
      let failed: [String]
    }
    try database.write {
      try LifeDatabase.note(
        "distill",
        Detail(
          version: outcome.teacher.version, examples: outcome.examples, result: outcome.result,
          failed: outcome.verdict.failures.map(\.name)), at: time, in: $0)
    }
  }

  private static let unfinishedSuffix = ".student"

  private static func unfinished(_ target: URL, tag: String) -> URL {
    target.deletingLastPathComponent().appendingPathComponent(
      ".\(target.lastPathComponent).\(tag)\(unfinishedSuffix)", isDirectory: true)
  }

  /// Removes what processes that were killed have left; those that go on hold the lock of theirs.
  private static func removeUnfinished(beside target: URL) {
    let folder = target.deletingLastPathComponent()
    for name in (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    where name.hasPrefix(".\(target.lastPathComponent).") && name.hasSuffix(unfinishedSuffix) {
      let left = folder.appendingPathComponent(name)
      guard (try? FolderLock(left)) != nil else { continue }
      try? FileManager.default.removeItem(at: left)
    }
  }
}
