import Foundation
import Perennial
import PerennialLife
import PerennialModalities
import Torch

/// `perennial distill` of a model directory.
struct StudentRun {
  let options: RunOptions
  let student: String
  let force: String?

  init(_ options: RunOptions, student: String, force: String?) {
    (self.options, self.student, self.force) = (options, student, force)
  }

  func callAsFunction() throws {
    if let threads = options.threads { Runtime.threads = threads }
    Runtime.keepFreedMemory()
    let source = URL(fileURLWithPath: options.recipe, isDirectory: true)
    let out = options.out ?? source.standardizedFileURL.path + (isPlain ? "-\(student)" : "-student")
    let directory = try ModelDirectory(source, for: .write)
    var plan = try StudentPreset(student, of: directory, changes: options.recipeChanges).plan
    plan.force = force
    let progress = LifeProgress(isQuiet: options.json)
    let interruption = Interruption()
    interruption.listen()
    let outcome: DistillOutcome
    do {
      outcome = try directory.distill(
        into: URL(fileURLWithPath: out, isDirectory: true), plan, { Modalities(root: DataRoot($0.path)) },
        tell: progress.note, shouldStop: { interruption.isRequested })
    } catch LifeError.interrupted {
      progress.close()
      Console.say("stopped; there is no student")
      throw interruption.status ?? .interrupted
    }
    progress.close()
    if options.json {
      print(try OrderedJSON.text(outcome))
    } else {
      for line in Self.lines(outcome, out) { print(line) }
    }
    if outcome.result == .refused { throw ExitStatus.refused }
  }

  /// Whether the student's name can be part of a file's.
  private var isPlain: Bool { student.allSatisfy { $0.isLetter || $0.isNumber || $0 == "-" } }

  private static func lines(_ outcome: DistillOutcome, _ out: String) -> [String] {
    func line(_ name: String, _ side: DistillOutcome.Side) -> String {
      let accuracy = side.accuracy.map { "\(ProgressLine.percent($0)) %" } ?? "–"
      let time = String(format: "%.3f", side.milliseconds)
      return "\(name): accuracy \(accuracy), \(side.parameters) parameters, \(time) ms an input"
    }
    var lines = outcome.verdict.lines
    lines += [
      line("teacher", outcome.teacher), line("student", outcome.student),
      String(format: "the student takes %.2f of its teacher's time", outcome.millisecondsRatio)
        + ", judged by \(outcome.heldOut) inputs that neither learned",
    ]
    switch outcome.result {
    case .refused: lines.append("refused: there is no student; --force REASON overrules the gate")
    case .forced: lines.append("\(out): version 1 serves, against the gate")
    default: lines.append("\(out): version 1 serves")
    }
    return lines
  }
}
