import ArgumentParser
import Foundation
import Perennial
import PerennialLife

struct HistoryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "history",
    abstract: "Tell what has become of a model: versions, verdicts, accuracies over time, the audit log.")

  @OptionGroup var life: LifeArguments

  @Flag(help: "Print the audit log, and check that nobody has changed it.")
  var audit = false

  @Flag(
    help: """
      Check everything: that the audit log is whole and reaches every version, and that all files are what was written.
      """)
  var check = false

  func run() throws {
    let directory = try life.open(for: .read)
    guard !check else {
      let found = try directory.check()
      let whole = found.whole.map(String.init).joined(separator: ", ")
      try life.show(
        found,
        [
          "the audit log has \(found.auditEntries) entries, an unbroken chain that reaches every version",
          "whole versions: \(whole.isEmpty ? "none" : whole)",
        ] + found.damaged)
      if !found.damaged.isEmpty { throw ExitStatus.failure }
      return
    }
    guard !audit else {
      try directory.checkAudit()
      let entries = try directory.audit()
      return try life.show(entries, entries.map { "\($0.sequence)  \($0.time)  \($0.event)  \($0.detail)" })
    }
    let history = try directory.history()
    try life.show(history, Self.lines(history))
  }

  static func lines(_ history: History) -> [String] {
    var lines = ["versions:"]
    for version in history.versions {
      let mark = version.number == history.current ? "→" : " "
      let parent = version.parent.map { " from \($0)" } ?? ""
      let state = version.isCleared ? ", cleared away" : ""
      lines.append(
        "\(mark) \(version.number)  \(version.created)  \(version.kind.rawValue)\(parent), \(version.examples) inputs\(state)"
      )
    }
    if !history.attempts.isEmpty { lines.append("updates:") }
    for attempt in history.attempts {
      let failed = attempt.verdict?.failures.map(\.name).joined(separator: ", ") ?? ""
      let end = attempt.version.map { "version \($0)" } ?? "refused by \(failed)"
      let accuracy = attempt.verdict?.after.map { ", accuracy \(ProgressLine.percent($0)) %" } ?? ""
      lines.append("  \(attempt.time)  \(attempt.examples) inputs → \(end)\(accuracy)")
    }
    if !history.suites.isEmpty {
      lines.append(
        "accuracy in % of versions (rows) on suites (columns): \(history.suites.joined(separator: " "))")
      for row in history.matrix {
        let cells = row.accuracies.map { $0.map(ProgressLine.percent) ?? "–" }
        lines.append("  \(row.version)  " + cells.joined(separator: " "))
      }
    }
    let counts = history.counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
    if !counts.isEmpty { lines.append("inputs: " + counts.joined(separator: ", ")) }
    return lines
  }
}
