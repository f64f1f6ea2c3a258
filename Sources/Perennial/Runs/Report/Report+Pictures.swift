extension Report {
  /// The average accuracy over what has been seen, experience by experience.
  static func curves(_ results: RunResults, _ palette: Palette) -> Markup {
    let series = results.strategies.map {
      CurveChart.Series(name: $0, look: palette[$0], points: curve(results, $0))
    }.filter { !$0.points.isEmpty }
    guard !series.isEmpty, results.stream.experiences.count > 1 else { return "" }
    let ends = series.map { "\($0.name) \(NumberText.fixed(100 * ($0.points.last?.mean ?? 0), 1))" }
    let chart = CurveChart(
      series: series, experiences: results.stream.experiences,
      label: "Average accuracy over the experiences seen so far, one line a strategy. At the end: "
        + "\(ends.joined(separator: ", ")) percent.")
    let band = results.seeds.count > 1 ? " Bands: ± one standard deviation over seeds." : ""
    return section(
      "As the stream goes by", "Accuracy over all experiences seen so far, after learning each one.\(band)",
      """
      <figure>
      \(chart.markup(.wide))
      \(chart.markup(.narrow))
      <ul class="legend narrow">\(series.map { "<li>\(palette.swatch($0.name))\($0.name)</li>" as Markup })</ul>
      </figure>
      """)
  }

  /// A strategy's average accuracy over what has been seen, after each experience.
  static func curve(_ results: RunResults, _ strategy: String) -> [Statistic] {
    results.statistics(of: strategy) { record in
      record.rows.indices.compactMap(record.averageAccuracy(after:))
    }
  }

  /// The accuracy matrix of every strategy, with what was forgotten.
  static func matrices(_ results: RunResults, _ palette: Palette) -> Markup {
    guard results.stream.experiences.count > 1 else { return "" }
    let charts = matrixCharts(
      results.strategies.map { (results: results, strategy: $0, look: palette[$0]) })
    let figures: [Markup] = zip(results.strategies, charts).compactMap { name, chart in
      chart.map { figure(name, results, $0, palette.swatch(name)) }
    }
    guard !figures.isEmpty else { return "" }
    return section(
      "What is kept of each experience",
      matrixNote(isFraction: charts.allSatisfy { $0?.scale.isFraction ?? true }),
      "<div class=\"matrices\">\(figures)</div>")
  }

  static func matrixNote(isFraction: Bool) -> Markup {
    """
    Each square is the accuracy\(isFraction ? " in percent" : "") on one experience (column) after learning another (row); small \
    squares were not learned yet. Bars hang as deep as what was forgotten by the end, in points. \
    <span class="scale">\(scaleKey)</span>
    """
  }

  private static var scaleKey: Markup {
    var drawing = Drawing(width: 190, height: 14)
    drawing.text("0", 8, 11, "tick", .end)
    for level in 0..<HeatScale.levels {
      drawing.rectangle(14 + 7 * Double(level), 1, 7.2, 12, "h\(level)")
    }
    drawing.text("100", 166, 11, "tick")
    return drawing.markup(label: "Colours from 0 to 100 percent")
  }

  /// Charts on one colour scale and one scale of bars; nil where the seeds' matrices do not fit together.
  static func matrixCharts(
    _ items: [(results: RunResults, strategy: String, look: Palette.Look)]
  ) -> [MatrixChart?] {
    let matrices = items.map { $0.results.matrixStatistics(of: $0.strategy) }
    let forgetting = items.map { $0.results.statistics(of: $0.strategy, \.forgettingByExperience) }
    let scale = HeatScale(matrices.joined().joined().lazy.map(\.mean))
    let most = forgetting.joined().map { abs($0.mean) }.max() ?? 0
    return items.indices.map { index in
      let count = items[index].results.stream.experiences.count
      guard !matrices[index].isEmpty, matrices[index].allSatisfy({ $0.count == count }) else { return nil }
      return MatrixChart(
        name: items[index].strategy, matrix: matrices[index], forgetting: forgetting[index],
        experiences: items[index].results.stream.experiences, scale: scale,
        most: max(most, scale.isFraction ? 0.1 : 0),
        look: items[index].look)
    }
  }

  static func figure(_ title: String, _ results: RunResults, _ chart: MatrixChart, _ swatch: Markup) -> Markup
  {
    let accuracy: Markup =
      results.statistic(.averageAccuracy, of: chart.name).map {
        "<span class=\"number\">\(spread($0, .averageAccuracy))</span>"
      } ?? ""
    return """
      <figure><figcaption>\(swatch)\(title)\(accuracy)</figcaption>
      \(chart.markup())
      </figure>

      """
  }

  /// What each strategy took, side by side.
  static func costs(_ results: RunResults, _ palette: Palette) -> Markup {
    typealias Cost = (title: String, value: (LearningCost) -> Double, text: (Double) -> String)
    let all: [Cost] = [
      ("training time", \.trainingSeconds, NumberText.duration),
      ("peak memory", { Double($0.peakMemoryBytes) }, NumberText.bytes),
      ("replay memory", { Double($0.replayBytes) }, replayBytes),
    ]
    let tables: [Markup] = all.compactMap { cost in
      let rows = results.strategies.compactMap { name in
        results.statistic(cost.value, of: name).map {
          BarRows.Row(name: name, look: palette[name], value: $0, text: cost.text($0.mean))
        }
      }
      return rows.contains { $0.value.mean > 0 }
        ? BarRows(title: cost.title, groups: [.init(name: nil, rows: rows)]).markup() : nil
    }
    return tables.isEmpty
      ? "" : section("What it cost", "Mean over seeds.", "<div class=\"costs\">\(tables)</div>")
  }
}
