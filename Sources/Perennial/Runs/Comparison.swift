/// Several runs lined up by strategy.
struct Comparison {
  let runs: [NamedRun]
  /// The strategies of all runs, each once, in the order in which they first appear.
  let strategies: [String]
  /// One look for each run.
  let palette: RunPalette

  init(_ runs: [NamedRun]) {
    self.runs = runs
    var seen: Set<String> = []
    strategies = runs.flatMap(\.results.strategies).filter { seen.insert($0).inserted }
    palette = RunPalette()
  }

  /// What to say when the runs learned different streams.
  static let warning =
    "These runs learned different streams, so their numbers cannot be held against each other directly."

  /// Whether all runs learned the same experiences of the same data in the same scenario.
  var sameStream: Bool {
    Set(runs.map { "\($0.results.stream.data)\u{0}\($0.results.stream.scenario)" }).count <= 1
      && sameExperiences
  }

  var sameExperiences: Bool { Set(runs.map(\.results.stream.experiences)).count <= 1 }

  /// Which run keeps the most, of all its strategies but the joint upper bound.
  var answer: (headline: String, detail: String) {
    let best = runs.compactMap { run in
      Answer.ranked(run.results).first { StrategyRole($0.name) != .joint }.map { (run: run.name, best: $0) }
    }
    guard let top = best.max(by: { $0.best.value.mean < $1.best.value.mean }) else {
      return ("Nothing to compare yet.", "")
    }
    let headline =
      "\(top.best.name) of \(top.run) kept the most: \(NumberText.fixed(100 * top.best.value.mean, 1))\u{A0}%."
    var detail = ""
    let others = best.filter { $0.run != top.run }.map {
      "\($0.best.name) of \($0.run) \(NumberText.fixed(100 * $0.best.value.mean, 1))\u{A0}%"
    }
    if !others.isEmpty { detail = "Best of the other runs: \(NumberText.list(others)). " }
    if !sameStream {
      detail += Self.warning
    }
    return (headline, detail)
  }
}
