import Foundation

/// Why a model directory cannot do what was asked of it. The version that serves goes on serving.
public enum LifeError: Error, Equatable, CustomStringConvertible {
  /// There is no model directory there.
  case notADirectory(path: String)
  /// Something is there already where a model directory was to be made.
  case exists(path: String)
  /// Another process is writing.
  case inUse(path: String, process: Int32?)
  /// It was opened for reading.
  case readOnly(path: String)
  /// The system refuses to write.
  case unwritable(path: String, reason: String)
  /// It was written by a later program.
  case newerFormat(path: String, found: Int, known: Int)
  /// The database cannot be read.
  case damagedDatabase(path: String, reason: String)
  /// A version's file is not what was written.
  case damagedVersion(Int, file: String, reason: String)
  /// No version is whole.
  case noVersion(path: String)
  case unknownVersion(Int, kept: [Int])
  /// The version cannot come back, because it has seen what was to be forgotten or was cleared away.
  case clearedVersion(Int, kept: [Int])
  case unknownExamples([String])
  case unknownLabel(String, known: [String])
  case unknownPrediction(String)
  /// Nothing new is there to learn.
  case nothingToLearn
  /// Nothing of a file could be used.
  case nothingUsable(file: String, problems: [String])
  /// The same input with two labels.
  case contradiction(origin: String, label: String, known: String)
  /// A merge of labels that cannot be.
  case merge(String)
  /// More was needed than the budget allows.
  case memoryBudget(used: Int, limit: Int)
  /// The work was stopped; it can be gone on with.
  case interrupted
  /// Only models that tell classes apart live here.
  case needsClasses
  case brokenAudit(sequence: Int)
  /// Entries are missing at the end of the audit log that a version was decided on by.
  case shortenedAudit(last: Int, version: Int, sequence: Int)
  /// Entries are missing at the end of the audit log that came after the newest version.
  case cutAudit(last: Int, sequence: Int)
  /// Some inputs cannot be used, and it was asked that none is left out.
  case unusable(count: Int, problems: [String])
  /// A way of learning that no student can be taught in.
  case teaching(strategy: String)
  /// A version that has learned from what is to be forgotten keeps no adapters apart that could be dropped.
  case notSharded(version: Int)
  /// The model has not learned anything yet.
  case untrained

  public var description: String {
    switch self {
    case .notADirectory(let path):
      "\(path) is no model directory; `perennial init \(path) --model …` makes one"
    case .exists(let path): "\(path) is there already; choose another name for the model directory"
    case .inUse(let path, let process):
      "\(path) is being written by \(process.map { "process \($0)" } ?? "another process"); wait for it, or stop it"
    case .readOnly(let path): "\(path) was opened for reading only"
    case .unwritable(let path, let reason): "cannot write \(path): \(reason)"
    case .newerFormat(let path, let found, let known):
      "\(path) has format \(found), and this program knows formats up to \(known): use a newer program"
    case .damagedDatabase(let path, let reason):
      "\(path) is damaged: \(reason); versions still serve, and the file can be restored from a backup"
    case .damagedVersion(let number, let file, let reason): "version \(number) is damaged: \(file) \(reason)"
    case .noVersion(let path): "\(path) has no version that is whole"
    case .unknownVersion(let number, let kept):
      "there is no version \(number); kept are \(Self.list(kept))"
    case .clearedVersion(let number, let kept):
      "version \(number) was cleared away; kept are \(Self.list(kept))"
    case .unknownExamples(let names):
      "no example has the identifier \(names.joined(separator: ", "))"
    case .unknownLabel(let name, let known):
      "there is no label `\(name)`; known are \(known.prefix(20).joined(separator: ", "))"
        + (known.count > 20 ? " and \(known.count - 20) more" : "")
    case .unknownPrediction(let name): "there is no prediction `\(name)`"
    case .nothingToLearn:
      "there is nothing new to learn: every input is known already, or held out for judging"
    case .nothingUsable(let file, let problems):
      "nothing in \(file) can be used" + (problems.first.map { ": \($0)" } ?? "")
    case .contradiction(let origin, let label, let known):
      "\(origin): this input has the label `\(label)` here and `\(known)` elsewhere in the same file"
    case .merge(let problem): "labels cannot be merged: \(problem)"
    case .memoryBudget(let used, let limit):
      "the update needed \(used >> 20) MiB, and the budget is \(limit >> 20) MiB; nothing was changed"
    case .interrupted: "stopped; the same command goes on where it stopped"
    case .needsClasses: "a model directory is for classification: leave `objective` out"
    case .notSharded(let version):
      "version \(version) keeps nothing apart that could be dropped: that takes `strategies: [lora-per-task]`; use "
        + "--policy unlearn, rebuild or erase"
    case .untrained: "the model has not learned anything yet; `perennial learn` teaches it"
    case .brokenAudit(let sequence): "the audit log was changed at entry \(sequence)"
    case .shortenedAudit(let last, let version, let sequence):
      "the audit log ends with entry \(last), and version \(version) was decided on by entry \(sequence): "
        + "its newest entries were removed"
    case .cutAudit(let last, let sequence):
      "the audit log ends with entry \(last), and the file AUDIT names entry \(sequence): its newest entries were removed"
    case .unusable(let count, let problems):
      "\(count) inputs cannot be used, and nothing was taken in: \(problems.prefix(3).joined(separator: "; "))"
        + (problems.count > 3 ? " and \(problems.count - 3) more" : "")
    case .teaching(let strategy):
      "`\(strategy)` cannot learn on from a student as it was taught: give the student other strategies with "
        + "--set strategies=…"
    }
  }

  private static func list(_ numbers: [Int]) -> String {
    numbers.isEmpty ? "none" : numbers.map(String.init).joined(separator: ", ")
  }
}
