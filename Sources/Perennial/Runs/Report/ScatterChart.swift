import Foundation

/// Quality against what it takes, one mark a strategy, with the line of those that nothing beats in both.
struct ScatterChart {
  struct Point {
    let name: String
    let look: Palette.Look
    /// What it takes, above 0.
    let cost: Double
    /// How good it is, the higher the better.
    let quality: Statistic
  }

  let title: String
  let points: [Point]
  /// A cost in words.
  let text: (Double) -> String
  let label: String

  private let width = 330.0
  private let height = 250.0
  private let left = 34.0
  private let right = 316.0
  private let top = 14.0
  private let bottom = 206.0

  func markup() -> Markup {
    var drawing = Drawing(width: width, height: height)
    let axis = Axis(points.map(\.quality.mean))
    let range = costs
    func x(_ cost: Double) -> Double {
      left + 22 + (right - left - 44) * (log(cost) - log(range.low))
        / max(log(range.high) - log(range.low), 1e-9)
    }
    func y(_ quality: Double) -> Double { bottom - (bottom - top) * axis.place(quality) }
    for mark in axis.marks {
      drawing.line(left, y(mark), right, y(mark), mark == axis.low ? "axis" : "grid")
      drawing.text(NumberText.fixed(100 * mark, 0), left - 7, y(mark) + 4, "tick", .end)
    }
    let front = front
    if front.count > 1 { drawing.polyline(front.map { (x($0.cost), y($0.quality.mean)) }, "front") }
    for point in points {
      let (px, low, high) = (
        x(point.cost), point.quality.mean - point.quality.std, point.quality.mean + point.quality.std
      )
      if point.quality.std > 0 { drawing.line(px, y(low), px, y(high), "\(point.look.color) reach") }
      drawing.mark(
        point.look.mark, px, y(point.quality.mean), radius: 4.5, point.look.dot,
        title: "\(point.name): \(NumberText.fixed(100 * point.quality.mean, 1)) %, \(text(point.cost))")
    }
    let marks = Set([points.map(\.cost).min() ?? 0, points.map(\.cost).max() ?? 0]).sorted()
    for mark in marks { drawing.text(text(mark), x(mark), bottom + 17, "tick", .middle) }
    drawing.text(title, (left + right) / 2, bottom + 36, "tick faint", .middle)
    return drawing.markup(label: label, style: "scatter")
  }

  /// Costs in a range that is not empty.
  private var costs: (low: Double, high: Double) {
    let (low, high) = (points.map(\.cost).min() ?? 1, points.map(\.cost).max() ?? 1)
    return high > low * 1.01 ? (low, high) : (low / 1.5, high * 1.5)
  }

  /// Those that no cheaper one equals, the cheapest first.
  var front: [Point] {
    points.sorted { ($0.cost, -$0.quality.mean) < ($1.cost, -$1.quality.mean) }.reduce(into: []) {
      front, point in
      if front.last.map({ point.quality.mean > $0.quality.mean }) ?? true { front.append(point) }
    }
  }
}
