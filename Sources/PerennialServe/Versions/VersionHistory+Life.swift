import Foundation
import Perennial
import PerennialLife

extension VersionHistory {
  /// What a model directory tells of itself, of the versions that are kept and of what was refused lately.
  init(_ history: History) throws {
    let verdicts = history.attempts.reduce(into: [Int: Verdict]()) { found, attempt in
      if let version = attempt.version { found[version] = attempt.verdict }
    }
    let rows = Dictionary(history.matrix.map { ($0.version, $0.accuracies) }) { $1 }
    let kept = history.versions.filter { !$0.isCleared }
    func date(_ text: String) -> Date { (try? Date(text, strategy: .iso8601)) ?? .distantPast }
    self.init(
      current: history.current,
      versions: kept.map { record in
        VersionRecord(
          number: record.number, parent: record.parent,
          created: date(record.created), examples: record.examples,
          reason: Self.words(record.kind), verdict: verdicts[record.number].map(GateVerdict.init),
          accuracy: rows[record.number] ?? history.suites.map { _ in nil })
      }, suites: history.suites,
      refused: history.attempts.filter { $0.version == nil }.suffix(50).map {
        RefusedUpdate(
          parent: $0.parent, created: date($0.time), examples: $0.examples,
          verdict: $0.verdict.map(GateVerdict.init))
      })
  }

  private static func words(_ kind: VersionManifest.Kind) -> String {
    switch kind {
    case .initial: "made"
    case .learned: "learned"
    case .forced: "learned, and promoted by a person against its gate"
    case .rebuilt: "learned again without what was forgotten"
    case .imported: "trained elsewhere"
    }
  }
}

extension GateVerdict {
  init(_ verdict: Verdict) {
    self.init(
      passed: verdict.passed,
      checks: verdict.checks.map { Check(name: $0.name, passed: $0.passed, finding: $0.detail) })
  }
}

extension ErasureReport {
  /// - Parameter unknown: ids that were asked for and are not there.
  init(_ receipt: ForgetReceipt, unknown: [String]) {
    self.init(
      erased: receipt.identifiers, unknown: unknown, versions: receipt.cleared + receipt.rewritten,
      actions: [
        "\(receipt.examples) examples, \(receipt.memories) copies in memories and \(receipt.served) predictions erased",
        "weights: \(receipt.weights.rawValue); version \(receipt.version) serves",
      ], weights: receipt.weights)
  }
}

extension ServeError {
  /// What a client may know of an error of the directory: its kind, not paths.
  init(_ error: LifeError) {
    switch error {
    case .unknownVersion, .clearedVersion: self = .missing("\(error)")
    case .contradiction: self = .conflict("an example has another label already")
    case .notSharded: self = .unsupported("the adapters of this model cannot be dropped one by one")
    case .readOnly: self = .unsupported("the directory was opened for reading alone")
    default:
      self = ServeError(
        .serviceUnavailable, "directory", "the model directory could not do this", retryAfter: 5)
    }
  }
}
