import Foundation
import Perennial

extension ModelCard {
  /// What a run says about the model of one of its arms: data, strategy, accuracies.
  init(_ trained: TrainedArm, _ results: RunResults) {
    let recipe = trained.recipe
    let run = results.runs.first { $0.strategy == trained.arm.name && $0.seed == trained.seed }
    self.init(
      name: "\(recipe.name) (\(trained.arm.name))",
      summary: recipe.description ?? "What `\(trained.arm.name)` learned of \(results.stream.data).", task: ""
    )
    tags += trained.arm.strategies.map(\.name)
    datasets = [results.stream.data]
    sections = [
      Section("How it was made", Self.lineage(trained, results)),
      Section("Training", "```yaml\n\(Self.recipe(trained))\n```"),
    ]
    guard let run else { return }
    let kind = (results.scoreKind ?? .accuracy).rawValue
    if let score = run.metrics[.averageAccuracy] {
      measurements = [Measurement(dataset: results.stream.data, metric: kind, value: score)]
    }
    let title = kind.replacing("_", with: " ")
    sections.append(
      Section(title.prefix(1).uppercased() + title.dropFirst(), Self.scores(run, results.stream)))
  }

  private static func lineage(_ trained: TrainedArm, _ results: RunResults) -> String {
    let stream = results.stream
    var rows = [
      ["data", stream.data], ["scenario", stream.scenario],
      ["learned in this order", stream.experiences.joined(separator: "; ")],
      ["test examples of each", stream.testExamples.map(String.init).joined(separator: ", ")],
      ["arm", trained.arm.name],
      ["strategies", trained.arm.strategies.map(\.name).joined(separator: ", ")],
      ["seed", "\(trained.seed)"], ["recipe", "\(results.recipe), SHA-256 \(results.recipeSHA256)"],
      ["made with", "Perennial \(results.version), libtorch \(results.environment.torch)"],
    ]
    if let note = trained.stream.source.note { rows.append(["note", note]) }
    if trained.arm.strategies.isEmpty { rows.removeAll { $0[0] == "strategies" } }
    return table(["", ""], rows)
  }

  private static func recipe(_ trained: TrainedArm) -> String {
    let parts: [(String, ConfigurationNode)] = [
      ("model", trained.recipe.model.node), ("head", trained.recipe.head.node), ("arm", trained.arm.node),
    ]
    return parts.compactMap { name, node in
      guard let text = try? node.yaml() else { return nil }
      let lines = text.split(separator: "\n", omittingEmptySubsequences: true)
      guard lines.count == 1 else { return "\(name):\n" + lines.map { "  \($0)" }.joined(separator: "\n") }
      // A map in one line has no braces of its own.
      let isBare = lines[0].contains(": ") && lines[0].first.map { !"[{".contains($0) } ?? false
      return isBare ? "\(name): {\(lines[0])}" : "\(name): \(lines[0])"
    }.joined(separator: "\n")
  }

  private static func scores(_ run: RunResults.Run, _ stream: RunResults.Stream) -> String {
    let rows = run.matrix.enumerated().map { index, row in
      ["after \(run.matrix.count == 1 ? "all" : "\(index + 1)")"] + row.map { number($0 * 100, digits: 1) }
    }
    let metrics = run.metrics.names.compactMap { name in
      run.metrics[name].map { [name.rawValue.replacing("_", with: " "), number($0, digits: 4)] }
    }
    return [
      "Scores in percent on the test set of each experience (columns) after each was learned (rows).", "",
      table([""] + stream.experiences, rows), "", table(["metric", "value"], metrics),
    ].joined(separator: "\n")
  }
}
