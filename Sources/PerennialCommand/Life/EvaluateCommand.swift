import ArgumentParser
import Foundation
import Perennial
import PerennialLife

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate", abstract: "Score a model on labelled inputs that it does not learn.")

  @OptionGroup var life: LifeArguments

  @Option(help: "The labelled inputs, as `learn` reads them.", completion: .file())
  var on: String

  @Option(help: "The version to score; the one that serves where this is not given.")
  var version: Int?

  @Option(
    help: ArgumentHelp(
      "Freeze the inputs as a suite of this name, by which every later candidate is judged.",
      valueName: "name"))
  var keepAs: String?

  func run() throws {
    WaitPolicy.sleepBesideOthers()
    let directory = try life.open(for: keepAs == nil ? .read : .write)
    let records = try life.read(on, directory)
    let result = try directory.evaluate(
      on: records, version: version, life.modality, warn: { Console.say("warning: \($0)") })
    try life.show(result, Self.lines(result))
    guard let keepAs else { return }
    let intake = try directory.freeze(records, as: keepAs)
    Console.say("\(intake.heldOut) inputs are frozen as `\(keepAs)`")
  }

  private static func lines(_ result: Evaluation) -> [String] {
    var lines = [
      "version \(result.version): \(ProgressLine.percent(result.accuracy)) % of \(result.examples) inputs are right"
    ]
    let worst = result.labels.sorted { ($0.value.accuracy ?? 0, $0.key) < ($1.value.accuracy ?? 0, $1.key) }
    for (label, tally) in worst.prefix(10) {
      lines.append(
        "  \(ProgressLine.percent(tally.accuracy ?? 0)) %  \(label) (\(tally.correct) of \(tally.total))")
    }
    if worst.count > 10 { lines.append("  … \(worst.count - 10) labels that fare better") }
    if !result.unknownLabels.isEmpty {
      lines.append("never learned: \(result.unknownLabels.joined(separator: ", "))")
    }
    return lines + result.rejected.prefix(5).map { "left out: \($0)" }
  }
}
