import Foundation
import Perennial
import PerennialLife

extension ModelCard {
  /// What a model directory says about one of its versions: data and their order, strategy, accuracies, the gate's verdict.
  init(
    _ name: String, _ manifest: VersionManifest, _ configuration: LifeConfiguration, _ provenance: Provenance
  ) throws {
    let learned = "\(manifest.examples) inputs with \(manifest.answers.count) labels"
    self.init(
      name: name,
      summary: "Version \(manifest.version) of a model that goes on learning; \(learned) by then.",
      task: "")
    tags += configuration.strategyNames
    sections = [
      Section("How it was made", try Self.origin(manifest, configuration)),
      Section("What it learned", Self.lineage(provenance)),
      Section("Training", "```yaml\n\(manifest.configuration.trimmingCharacters(in: .newlines))\n```"),
    ]
    if let accuracy = manifest.accuracy {
      measurements = [Measurement(dataset: "held out", metric: "accuracy", value: accuracy)]
    }
    if !provenance.matrix.isEmpty { sections.append(Section("Accuracy", Self.accuracies(provenance))) }
    if let verdict = provenance.verdict { sections.append(Section("The gate", Self.gate(verdict))) }
  }

  private static func origin(_ manifest: VersionManifest, _ configuration: LifeConfiguration) throws -> String
  {
    var rows = [
      ["version", "\(manifest.version)" + (manifest.parent.map { ", learned from version \($0)" } ?? "")],
      ["why", manifest.kind.rawValue], ["made", manifest.created],
      ["strategies", configuration.strategyNames.joined(separator: ", ")],
      ["recipe", "SHA-256 \(try configuration.recipe.sha256)"],
      ["made with", "Perennial \(manifest.program)"],
    ]
    rows += manifest.files.sorted { $0.key < $1.key }.map { ["made from", "\($0.key), SHA-256 \($0.value)"] }
    rows += manifest.blobs.sorted { $0.key < $1.key }.map {
      ["part `\($0.key)`", "SHA-256 \($0.value.sha256)"]
    }
    if let teacher = manifest.teacher {
      rows.append([
        "taught by",
        "version \(teacher.version) of another directory, \(teacher.parameters) parameters, manifest \(teacher.manifest)",
      ])
    }
    if let audit = manifest.audit {
      rows.append(["audit log", "decided on by entry \(audit.sequence), digest \(audit.digest)"])
    }
    if configuration.strategyNames.isEmpty { rows.removeAll { $0[0] == "strategies" } }
    return table(["", ""], rows)
  }

  private static func lineage(_ provenance: Provenance) -> String {
    let rows = provenance.steps.filter { $0.learned > 0 }.map { step in
      ["\(step.version)", step.kind.rawValue, step.created, "\(step.learned)", "\(step.known)", step.sha256]
    }
    return [
      "One row a version on the way here. The digest is the SHA-256 of the inputs that are still known: lines of the "
        + "SHA-256 of an input and the number of its label, in ascending order. Inputs that are not known any more were "
        + "forgotten on purpose, or learned again by a later version.",
      "", table(["version", "why", "made", "inputs learned", "still known", "digest"], rows),
    ].joined(separator: "\n")
  }

  private static func accuracies(_ provenance: Provenance) -> String {
    let rows = provenance.matrix.map { row in
      ["version \(row.version)"] + row.accuracies.map { $0.map { number($0 * 100, digits: 1) } ?? "–" }
    }
    return [
      "Scores in percent of versions (rows) on held-out suites (columns), named after the version that froze them.",
      "",
      table([""] + provenance.suites, rows),
    ].joined(separator: "\n")
  }

  private static func gate(_ verdict: Verdict) -> String {
    let rows = verdict.checks.map { [$0.name, $0.passed ? "passed" : "failed", $0.detail] }
    let summary =
      verdict.passed
      ? "The version passed every check before it served."
      : "The version did not pass every check; a person decided that it serves."
    return [summary, "", table(["check", "", "found"], rows)].joined(separator: "\n")
  }
}

extension LifeConfiguration {
  /// The names of the strategies of an update.
  var strategyNames: [String] { recipe.arms.first?.strategies.map(\.name) ?? [] }
}
