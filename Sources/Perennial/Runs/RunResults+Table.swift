extension RunResults {
  /// The table of the terminal, as wide as it likes; see `textTable(width:)`.
  public var textTable: String { textTable(width: .max) }

  /// One row a strategy in the recipe's order: average accuracy, forgetting and backward transfer in percent and
  /// points, mean ± standard deviation over seeds; mean training seconds and the largest peak memory.
  ///
  /// - Parameter width: the cells there are. Where they do not suffice, names are shortened and then columns left
  ///   out, the average accuracy last.
  public func textTable(width: Int) -> String {
    let extra = [
      MetricName.prequentialAccuracy, .outOfScopeDetection, .perplexity, .perplexityGrowth,
    ].filter(measuredMetrics.contains)
    var table = TextTable(
      columns: [.init("strategy", importance: 10, isText: true)]
        + extra.map { TextTable.Column($0.title, importance: 9) } + Self.columns)
    table.rows = strategies.map { name in
      let scores = extra.map { metric in
        statistic(metric, of: name).map { NumberText.spread($0, of: metric) } ?? "–"
      }
      return [name] + scores + cells(of: name)
    }
    return (table.lines(width: width) + noteLines + budgetLines).joined(separator: "\n")
  }

  private var noteLines: [String] { scoreKind?.note.map { ["", $0] } ?? [] }

  /// Several runs in one table: the runs of a strategy under each other, and a warning below when they learned
  /// different streams.
  public static func textTable(comparing runs: [NamedRun], width: Int = .max) -> String {
    let comparison = Comparison(runs)
    var table = TextTable(
      columns: [.init("strategy", importance: 10, isText: true), .init("run", importance: 9, isText: true)]
        + columns)
    for strategy in comparison.strategies {
      for run in runs where run.results.strategies.contains(strategy) {
        table.rows.append([strategy, run.name] + run.results.cells(of: strategy))
      }
    }
    let warning = comparison.sameStream ? [] : ["", Comparison.warning]
    let notes = runs.lazy.map(\.results.noteLines).first { !$0.isEmpty } ?? []
    return (table.lines(width: width) + notes + warning).joined(separator: "\n")
  }

  /// One line for each expectation, below a head: what was published, what was measured, and whether that is close
  /// enough. Nothing without expectations.
  public var expectationLines: [String] {
    guard !expectations.isEmpty else { return [] }
    var table = TextTable(columns: [
      .init("", importance: 6, isText: true), .init("strategy", importance: 5, isText: true),
      .init("metric", importance: 2, isText: true), .init("expected", importance: 3),
      .init("measured", importance: 4), .init("source", importance: 1, isText: true),
    ])
    table.rows = expectations.map { item in
      let value = { NumberText.value($0, of: item.metric) }
      return [
        item.met ? "met" : "MISSED", item.strategy, item.metric.title,
        item.wanted, item.measured.map(value) ?? "–", item.source,
      ]
    }
    return table.lines(width: .max)
  }

  private static let columns: [TextTable.Column] = [
    .init("average accuracy", importance: 8), .init("forgetting", importance: 7),
    .init("backward transfer", importance: 4), .init("seconds", importance: 6),
    .init("peak memory", importance: 5),
  ]

  private func cells(of strategy: String) -> [String] {
    let metrics = [MetricName.averageAccuracy, .forgetting, .backwardTransfer].map { metric in
      statistic(metric, of: strategy).map { NumberText.spread($0, of: metric) } ?? "–"
    }
    let seconds = statistic(\.trainingSeconds, of: strategy).map { NumberText.magnitude($0.mean) }
    let memory = runs(of: strategy).map(\.cost.peakMemoryBytes).max().map { NumberText.bytes(Double($0)) }
    return metrics + [seconds ?? "–", memory ?? "–"]
  }
}
