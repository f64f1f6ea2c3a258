/// Scores over the items of an online stream, each before it was learned, with marks where boundaries were found.
struct PrequentialChart {
  struct Series {
    let name: String
    let look: Palette.Look
    /// Items, and the score over the window that ends there: the mean over seeds.
    let points: [(items: Int, score: Double)]
    /// Items after which the first seed found a boundary.
    let boundaries: [Int]
  }

  let series: [Series]
  let label: String

  func markup(_ size: CurveChart.Size) -> Markup {
    let wide = size == .wide
    var drawing = Drawing(width: wide ? 980 : 340, height: wide ? 360 : 270)
    let (left, right, top, bottom) = (38.0, drawing.width - 12, 12.0, drawing.height - 40)
    let axis = Axis(series.flatMap { $0.points.map(\.score) })
    let items = Double(max(series.flatMap { $0.points.map(\.items) }.max() ?? 1, 1))
    let isFraction = axis.low >= 0 && axis.high <= 1
    func x(_ count: Int) -> Double { left + (right - left) * Double(count) / items }
    func y(_ value: Double) -> Double { bottom - (bottom - top) * axis.place(value) }
    for mark in axis.marks {
      drawing.line(left, y(mark), right, y(mark), mark == axis.low ? "axis" : "grid")
      let text = isFraction ? NumberText.fixed(100 * mark, 0) : NumberText.magnitude(mark)
      drawing.text(text, left - 6, y(mark) + 4, "tick", .end)
    }
    for part in 0...4 {
      let count = Int(items) * part / 4
      drawing.text(
        NumberText.grouped(count), x(count), bottom + 18, "tick",
        part == 0 ? .start : part == 4 ? .end : .middle)
    }
    drawing.text("items", (left + right) / 2, bottom + 34, "tick faint", .middle)
    for (place, one) in series.enumerated() {
      let height = 5.0
      let base = bottom - height * Double(place)
      for boundary in one.boundaries {
        drawing.line(x(boundary), base, x(boundary), base - height, "\(one.look.color) drift")
      }
      if one.points.count > 1 {
        drawing.polyline(one.points.map { (x($0.items), y($0.score)) }, one.look.line)
      }
    }
    return drawing.markup(label: label, style: wide ? "wide" : "narrow")
  }
}

extension Report {
  /// How good each strategy was on what came next, all along an online stream.
  static func prequential(_ results: RunResults, _ palette: Palette) -> Markup {
    let series = results.strategies.compactMap { name -> PrequentialChart.Series? in
      let records = results.runs(of: name).compactMap(\.prequential)
      guard let first = records.first else { return nil }
      let points = first.points.indices.compactMap { place -> (items: Int, score: Double)? in
        guard
          let mean = Statistic(
            records.compactMap { $0.points.indices.contains(place) ? $0.points[place].window : nil })
        else { return nil }
        return (first.points[place].items, mean.mean)
      }
      return .init(name: name, look: palette[name], points: points, boundaries: first.boundaries)
    }
    guard let record = results.runs.lazy.compactMap(\.prequential).first, !series.isEmpty else { return "" }
    let delay =
      record.delay == 0
      ? "" : " Labels arrive \(record.delay) \(record.delay == 1 ? "batch" : "batches") later."
    let marks =
      series.contains { !$0.boundaries.isEmpty }
      ? " Marks at the foot: boundaries that the first seed found." : ""
    let chart = PrequentialChart(
      series: series,
      label: "Score over the last \(record.window) items before each was learned, one line a strategy.")
    return section(
      "On what came next",
      "Every item is predicted before it is learned; score over the last \(record.window).\(delay)\(marks)",
      """
      <figure>
      \(chart.markup(.wide))
      \(chart.markup(.narrow))
      <ul class="legend">\(series.map { "<li>\(palette.swatch($0.name))\($0.name) \(overall(results, $0.name))</li>" as Markup })</ul>
      </figure>
      """)
  }

  private static func overall(_ results: RunResults, _ name: String) -> String {
    results.statistic(.prequentialAccuracy, of: name).map { NumberText.spread($0, of: .prequentialAccuracy) }
      ?? ""
  }
}
