/// A run's results under the name that it goes by in a comparison.
public struct NamedRun: Sendable {
  public var name: String
  public var results: RunResults

  public init(name: String, results: RunResults) {
    self.name = name
    self.results = results
  }
}

extension Report {
  /// The page of several runs together: every strategy's bars, numbers and matrices side by side.
  ///
  /// - Parameter runs: what to compare, in the order shown; names should differ.
  public static func comparison(of runs: [NamedRun]) -> String {
    let comparison = Comparison(runs)
    let answer = comparison.answer
    let body = [
      bars(comparison), comparisonTable(comparison), comparisonCurves(comparison), sideBySide(comparison),
      comparedRuns(comparison),
    ].joined()
    return page(
      title: NumberText.list(runs.map(\.name)), kind: "continual learning comparison",
      facts: [NumberText.count(runs.count, "run"), "strategies: \(NumberText.list(comparison.strategies))"],
      headline: answer.headline, detail: answer.detail, body: body, version: runs.first?.results.version ?? ""
    )
  }

  /// For each of the main measures, a group of bars a strategy, one bar a run.
  private static func bars(_ comparison: Comparison) -> Markup {
    typealias Measure = (title: String, value: (RunResults, String) -> Statistic?, text: (Double) -> String)
    let measures: [Measure] = [
      (
        "average accuracy, %", { $0.statistic(.averageAccuracy, of: $1) },
        { NumberText.value($0, of: .averageAccuracy) }
      ),
      (
        "forgetting, points", { $0.statistic(.forgetting, of: $1) }, { NumberText.value($0, of: .forgetting) }
      ),
      ("training time", { $0.statistic(\.trainingSeconds, of: $1) }, NumberText.duration),
      ("peak memory", { $0.statistic({ Double($0.peakMemoryBytes) }, of: $1) }, NumberText.bytes),
    ]
    let tables: [Markup] = measures.compactMap { measure in
      let groups = comparison.strategies.map { strategy in
        BarRows.Group(
          name: strategy,
          rows: comparison.runs.enumerated().compactMap { index, run in
            measure.value(run.results, strategy).map {
              BarRows.Row(
                name: run.name, look: comparison.palette[index], value: $0, text: measure.text($0.mean))
            }
          })
      }
      return groups.contains { !$0.rows.isEmpty }
        ? BarRows(title: measure.title, groups: groups).markup() : nil
    }
    guard !tables.isEmpty else { return "" }
    return section(
      "Side by side", "One colour a run; mean over seeds, whiskers ± one standard deviation.",
      "\(legend(comparison))<div class=\"costs two\">\(tables)</div>")
  }

  private static func legend(_ comparison: Comparison) -> Markup {
    let items: [Markup] = comparison.runs.enumerated().map { index, run in
      "<li>\(comparison.palette[index].swatch)\(run.name)</li>"
    }
    return "<ul class=\"legend\">\(items)</ul>"
  }

  private static func comparisonTable(_ comparison: Comparison) -> Markup {
    let columns: [MetricName] = [
      .averageAccuracy, .averageIncrementalAccuracy, .forgetting, .backwardTransfer,
    ]
    let rows: [Markup] = comparison.strategies.map { strategy in
      let lines: [Markup] = comparison.runs.filter { $0.results.strategies.contains(strategy) }.map { run in
        let cells: [Markup] = columns.map { metric in
          let text = run.results.statistic(metric, of: strategy).map { spread($0, metric) } ?? "–"
          return "<td>\(text)</td>"
        }
        return "<tr><th scope=\"row\">\(strategy)</th><td class=\"name\">\(run.name)</td>\(cells)</tr>\n"
      }
      return lines.joined()
    }
    let heads: [Markup] = columns.map { "<th scope=\"col\">\($0.title)</th>" }
    return section(
      "In numbers", "In percent and points, mean ± standard deviation.",
      scrolling(
        "In numbers",
        """
        <table class="grid"><thead><tr><th scope="col">strategy</th><th scope="col" class="name">run</th>\(heads)</tr></thead>
        <tbody>
        \(rows)</tbody></table>
        """))
  }

  /// One chart a strategy, with a line for each run.
  private static func comparisonCurves(_ comparison: Comparison) -> Markup {
    let all = comparison.strategies.flatMap { strategy in
      comparison.runs.flatMap { curve($0.results, strategy).map(\.mean) }
    }
    let figures: [Markup] = comparison.strategies.compactMap { strategy in
      let series = comparison.runs.enumerated().compactMap { index, run -> CurveChart.Series? in
        let points = curve(run.results, strategy)
        guard !points.isEmpty else { return nil }
        return CurveChart.Series(name: run.name, look: comparison.palette[index], points: points)
      }
      let longest = comparison.runs.map(\.results.stream.experiences).max { $0.count < $1.count } ?? []
      guard !series.isEmpty, longest.count > 1 else { return nil }
      let experiences = comparison.sameExperiences ? longest : longest.indices.map { String($0 + 1) }
      let chart = CurveChart(
        series: series, experiences: experiences,
        label: "Average accuracy of \(strategy) over the experiences seen so far, one line a run.",
        beside: all)
      return "<figure><figcaption>\(strategy)</figcaption>\(chart.markup(.narrow))</figure>\n"
    }
    guard !figures.isEmpty else { return "" }
    return section(
      "As the stream goes by", "Accuracy over all experiences seen so far, after learning each one.",
      "<div class=\"matrices small-charts\">\(figures)</div>")
  }

  private static func sideBySide(_ comparison: Comparison) -> Markup {
    let items = comparison.strategies.flatMap { strategy in
      comparison.runs.enumerated().filter { $0.element.results.strategies.contains(strategy) }.map {
        (index: $0.offset, run: $0.element, strategy: strategy)
      }
    }
    let charts = matrixCharts(items.map { ($0.run.results, $0.strategy, comparison.palette[$0.index]) })
    let groups: [Markup] = comparison.strategies.map { strategy in
      let figures: [Markup] = zip(items, charts).compactMap { item, chart in
        guard item.strategy == strategy, let chart else { return nil }
        return figure(item.run.name, item.run.results, chart, comparison.palette[item.index].swatch)
      }
      return figures.isEmpty ? "" : "<h3>\(strategy)</h3>\n<div class=\"matrices\">\(figures)</div>\n"
    }
    return section(
      "What is kept of each experience",
      matrixNote(isFraction: charts.allSatisfy { $0?.scale.isFraction ?? true }), groups.joined())
  }

  private static func comparedRuns(_ comparison: Comparison) -> Markup {
    let rows: [Markup] = comparison.runs.map { run in
      let results = run.results
      return """
        <tr><th scope="row">\(run.name)</th><td>\(results.recipe)</td><td>\(results.stream.data)</td>\
        <td>\(results.stream.scenario)</td><td>\(results.stream.experiences.count)</td><td>\(results.seeds.count)</td>\
        <td>\(results.environment.device)</td><td>\(results.environment.threads)</td><td>\(results.environment.cpu)</td>\
        <td>\(results.environment.torch)</td><td>\(String(results.recipeSHA256.prefix(12)))</td></tr>

        """
    }
    let heads: [Markup] = [
      "run", "recipe", "data", "scenario", "experiences", "seeds", "device", "threads", "processor",
      "libtorch",
      "recipe’s SHA-256",
    ].map { "<th scope=\"col\">\($0)</th>" }
    return section(
      "The runs", "",
      scrolling(
        "The runs",
        "<table class=\"grid left\"><thead><tr>\(heads)</tr></thead><tbody>\(rows)</tbody></table>"))
  }
}
