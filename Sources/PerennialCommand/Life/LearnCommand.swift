import ArgumentParser
import Foundation
import Perennial
import PerennialLife

struct LearnCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "learn",
    abstract: "Teach a model new inputs: a candidate is trained, judged, and serves if it passes the gate.",
    discussion: """
      Inputs are JSON lines or CSV with `text` and `label`, and perhaps `id` and `time`; folders of pictures, one a \
      label; or CSV tables. Stopped at any point, the version before serves and the same command goes on.
      """)

  @OptionGroup var life: LifeArguments

  @Argument(
    help: "What is learned; where this is not given, what is pending, such as feedback.", completion: .file())
  var inputs: String?

  @Flag(help: "Judge the candidate, and change nothing.")
  var dryRun = false

  @Option(
    help: ArgumentHelp(
      "Let the candidate serve even if the gate refuses it; the reason goes to the audit log.",
      valueName: "reason"))
  var force: String?

  @Option(
    help: ArgumentHelp("Make a label part of another first, or give it a new name.", valueName: "old=new"))
  var merge: [String] = []

  @Flag(help: "Take in again what was refused, or withdrawn by a rollback.")
  var retry = false

  @Flag(help: "Take the inputs in and learn them with the next update.")
  var later = false

  @Option(
    help: """
      What follows from inputs that cannot be used, such as a file that cannot be read: skip leaves them out and says so, \
      refuse takes nothing in.
      """)
  var bad = BadInputs.skip

  @Option(
    help: ArgumentHelp(
      "The most that may be forgotten since the best version, such as 0.02.", valueName: "share"))
  var maxForgetting: Double?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp("Set a key of life.yaml for this update; may be repeated.", valueName: "key=value"))
  var changes: [String] = []

  func validate() throws {
    if let force, force.allSatisfy(\.isWhitespace) { throw ValidationError("--force needs a reason") }
    if later, inputs == nil { throw ValidationError("--later needs inputs to take in") }
    if later, dryRun || force != nil || retry || !merge.isEmpty {
      throw ValidationError("--later only takes inputs in: leave --dry-run, --force, --retry and --merge out")
    }
    if dryRun, force != nil { throw ValidationError("--dry-run changes nothing: leave --force out") }
    for text in merge { _ = try Result { try LabelMerge(text) }.mapError { ValidationError("\($0)") }.get() }
  }

  func run() throws {
    WaitPolicy.sleepBesideOthers()
    let directory = try life.open(for: .write)
    var options = LearnOptions()
    (options.isDryRun, options.force, options.retries) = (dryRun, force, retry)
    options.merges = try merge.map { try LabelMerge($0) }
    let records = try inputs.map { try life.read($0, directory) }
    if bad == .refuse, let records, !records.rejected.isEmpty {
      throw LifeError.unusable(count: records.rejected.count, problems: records.rejected)
    }
    if later, let records {
      let intake = try directory.take(records)
      return try life.show(intake, intake.lines)
    }
    var all = changes
    if let maxForgetting { all.append("gate.max_forgetting=\(maxForgetting)") }
    let progress = LifeProgress(isQuiet: life.json)
    let interruption = Interruption()
    interruption.listen()
    let outcome: LearnOutcome
    do {
      outcome = try directory.learn(
        records, life.modality, options: options,
        changes: all.map(RecipeChange.set), tell: progress.note, shouldStop: { interruption.isRequested })
    } catch LifeError.interrupted {
      progress.close()
      Console.say("\(LifeError.interrupted)")
      throw interruption.status ?? .interrupted
    }
    progress.close()
    try life.show(outcome, Self.lines(outcome))
    if outcome.result == .refused || (outcome.result == .dryRun && !outcome.verdict.passed) {
      throw ExitStatus.refused
    }
  }

  private static func lines(_ outcome: LearnOutcome) -> [String] {
    var lines = outcome.verdict.lines
    if outcome.isCutShort { lines.append("the budget ended the training after \(outcome.steps) steps") }
    switch outcome.result {
    case .promoted: lines.append("version \(outcome.version) serves")
    case .forced: lines.append("version \(outcome.version) serves, against the gate")
    case .refused:
      lines.append(
        "refused: version \(outcome.version) serves on; --retry tries again, --force REASON overrules the gate"
      )
    case .dryRun:
      lines.append(
        outcome.verdict.passed
          ? "would serve; nothing was changed" : "would be refused; nothing was changed")
    }
    return lines
  }
}

/// What follows from inputs that cannot be used.
enum BadInputs: String, CaseIterable, ExpressibleByArgument { case skip, refuse }
