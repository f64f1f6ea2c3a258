/// Lines over experiences with the spread of the seeds as a band.
struct CurveChart {
  struct Series {
    let name: String
    let look: Palette.Look
    let points: [Statistic]
  }

  let series: [Series]
  /// The names of the experiences, along the horizontal axis.
  let experiences: [String]
  let label: String
  /// Further values that the vertical axis has room for, so that charts beside each other share it.
  var beside: [Double] = []

  /// How much room there is.
  enum Size {
    /// A wide screen or paper: names stand at the ends of their lines.
    case wide
    /// A phone: names are in the legend.
    case narrow
  }

  func markup(_ size: Size) -> Markup {
    let wide = size == .wide
    var drawing = Drawing(width: wide ? 980 : 340, height: wide ? 400 : 290)
    let names = series.map(\.name.count).max() ?? 0
    let plot = Plot(
      left: 34, right: drawing.width - (wide ? min(24 + 8 * Double(names), 220) + 44 : 10), top: 12,
      bottom: drawing.height - 46, axis: axis, count: experiences.count)
    frame(&drawing, plot)
    for one in series { band(&drawing, plot, one) }
    for one in series { line(&drawing, plot, one) }
    if wide { endLabels(&drawing, plot) }
    return drawing.markup(label: label, style: wide ? "wide" : "narrow")
  }

  private struct Plot {
    let left, right, top, bottom: Double
    let axis: Axis
    let count: Int

    func x(_ index: Int) -> Double {
      count > 1 ? left + 14 + (right - left - 28) * Double(index) / Double(count - 1) : (left + right) / 2
    }
    func y(_ value: Double) -> Double { bottom - (bottom - top) * axis.place(value) }
  }

  private var axis: Axis { Axis(series.flatMap(\.points).map(\.mean) + beside) }

  private var isFraction: Bool { axis.low >= 0 && axis.high <= 1 }

  private func text(_ value: Double) -> String {
    isFraction ? NumberText.fixed(100 * value, 0) : NumberText.magnitude(value)
  }

  private func frame(_ drawing: inout Drawing, _ plot: Plot) {
    for mark in axis.marks {
      let y = plot.y(mark)
      drawing.line(plot.left, y, plot.right, y, mark == axis.low ? "axis" : "grid")
      let unit = isFraction && mark == axis.marks.last ? " %" : ""
      drawing.text(text(mark), plot.left - 7, y + 4, "tick", .end)
      if !unit.isEmpty { drawing.text("%", plot.left - 4, y + 4, "tick") }
    }
    let room = (plot.right - plot.left) / Double(max(experiences.count, 1))
    let stride = max(1, Int((22 / room).rounded(.up)))
    let named = experiences.allSatisfy { 6.6 * Double($0.count) < room - 6 }
    for index in experiences.indices where index % stride == 0 {
      drawing.text(String(index + 1), plot.x(index), plot.bottom + 17, "tick", .middle)
      if named { drawing.text(experiences[index], plot.x(index), plot.bottom + 33, "tick faint", .middle) }
    }
    if plot.right + 60 < drawing.width {
      drawing.text("experience", plot.right + 8, plot.bottom + 17, "tick faint")
    } else if !named {
      drawing.text("experience", (plot.left + plot.right) / 2, plot.bottom + 35, "tick faint", .middle)
    }
  }

  /// A single point, of training on everything at once, is a level to compare with: drawn all across.
  private func isLevel(_ one: Series) -> Bool { one.points.count == 1 && experiences.count > 1 }

  private func coordinates(_ plot: Plot, _ one: Series, _ value: (Statistic) -> Double) -> [(
    x: Double, y: Double
  )] {
    if isLevel(one), let point = one.points.first {
      return [(plot.left, plot.y(value(point))), (plot.right, plot.y(value(point)))]
    }
    return one.points.prefix(experiences.count).enumerated().map { (plot.x($0), plot.y(value($1))) }
  }

  private func band(_ drawing: inout Drawing, _ plot: Plot, _ one: Series) {
    guard one.points.contains(where: { $0.std > 0 }) else { return }
    let upper = coordinates(plot, one) { $0.mean + $0.std }
    let lower = coordinates(plot, one) { $0.mean - $0.std }
    if upper.count > 1 { drawing.polygon(upper + lower.reversed(), one.look.band) }
  }

  private func line(_ drawing: inout Drawing, _ plot: Plot, _ one: Series) {
    let points = coordinates(plot, one, \.mean)
    if points.count > 1 { drawing.polyline(points, one.look.line) }
    guard !isLevel(one), points.count <= 40 else { return }
    for (index, point) in points.enumerated() {
      let value = one.points[index]
      let spread = value.n > 1 ? " ± \(NumberText.fixed(100 * value.std, 1))" : ""
      let number = isFraction ? "\(NumberText.fixed(100 * value.mean, 1))\(spread) %" : text(value.mean)
      drawing.mark(
        one.look.mark, point.x, point.y, radius: 3.6, one.look.dot,
        title: "\(one.name) after experience \(index + 1): \(number)")
    }
  }

  /// Each line's name at its end, pushed apart where lines end close together.
  private func endLabels(_ drawing: inout Drawing, _ plot: Plot) {
    let ends = series.compactMap { one in
      coordinates(plot, one, \.mean).last.map { (series: one, x: $0.x, y: $0.y) }
    }.sorted { $0.y < $1.y }
    let places = Self.spread(ends.map(\.y), apart: 17, from: plot.top, to: plot.bottom - 4)
    for (end, y) in zip(ends, places) {
      guard let last = end.series.points.last else { continue }
      if abs(y - end.y) > 2 { drawing.line(end.x + 7, end.y, plot.right + 5, y, "grid") }
      drawing.text(text(last.mean), plot.right + 30, y + 4, "\(end.series.look.color) end value", .end)
      let name = end.series.name.count > 24 ? end.series.name.prefix(23) + "…" : end.series.name
      drawing.text(name, plot.right + 37, y + 4, "\(end.series.look.color) end", title: end.series.name)
    }
  }

  /// Ascending positions moved as little as needed to be at least `gap` apart and within the range if they fit.
  static func spread(_ positions: [Double], apart gap: Double, from low: Double, to high: Double) -> [Double]
  {
    var places = positions
    for index in places.indices {
      places[index] = max(places[index], index == 0 ? low : places[index - 1] + gap)
    }
    for index in places.indices.reversed() {
      places[index] = min(places[index], index == places.count - 1 ? high : places[index + 1] - gap)
    }
    return places
  }
}
