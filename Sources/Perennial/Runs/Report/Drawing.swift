/// An inline SVG picture: shapes styled by class, so that one style sheet serves light, dark and paper.
struct Drawing {
  let width: Double
  let height: Double
  private var shapes: Markup = ""

  init(width: Double, height: Double) {
    self.width = width
    self.height = height
  }

  /// Where a text stands against its point.
  enum Anchor: String { case start, middle, end }

  mutating func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ style: String) {
    shapes += #"<line x1="\#(x1)" y1="\#(y1)" x2="\#(x2)" y2="\#(y2)" class="\#(style)"/>"#
  }

  mutating func rectangle(
    _ x: Double, _ y: Double, _ width: Double, _ height: Double, radius: Double = 0, _ style: String,
    title: String? = nil
  ) {
    let corner: Markup = radius > 0 ? #" rx="\#(radius)""# : ""
    let place: Markup = #"x="\#(x)" y="\#(y)" width="\#(max(width, 0))" height="\#(max(height, 0))""#
    shapes += #"<rect \#(place)\#(corner) class="\#(style)"\#(close("rect", title))"#
  }

  mutating func text(
    _ string: String, _ x: Double, _ y: Double, _ style: String, _ anchor: Anchor = .start,
    title: String? = nil
  ) {
    let content: Markup = title.map { "\(string)<title>\($0)</title>" } ?? "\(string)"
    shapes +=
      #"<text x="\#(x)" y="\#(y)" class="\#(style)" text-anchor="\#(anchor.rawValue)">\#(content)</text>"#
  }

  mutating func polyline(_ points: [(x: Double, y: Double)], _ style: String) {
    shapes += #"<path d="\#(Self.path(points))" class="\#(style)"/>"#
  }

  mutating func polygon(_ points: [(x: Double, y: Double)], _ style: String, title: String? = nil) {
    shapes += #"<path d="\#(Self.path(points))Z" class="\#(style)"\#(close("path", title))"#
  }

  mutating func circle(_ x: Double, _ y: Double, radius: Double, _ style: String, title: String? = nil) {
    shapes += #"<circle cx="\#(x)" cy="\#(y)" r="\#(radius)" class="\#(style)"\#(close("circle", title))"#
  }

  /// The `<svg>` element. `label` is what a reader who cannot see it is told instead.
  func markup(label: String, style: String = "") -> Markup {
    """
    <svg class="\(style)" viewBox="0 0 \(width) \(height)" role="img" aria-label="\(label)">\(shapes)</svg>
    """
  }

  private func close(_ element: String, _ title: String?) -> Markup {
    title.map { "><title>\($0)</title></\(element)>" } ?? "/>"
  }

  private static func path(_ points: [(x: Double, y: Double)]) -> Markup {
    points.enumerated().map { index, point in
      index == 0 ? "M\(point.x) \(point.y)" : "L\(point.x) \(point.y)"
    }.joined()
  }
}

extension Drawing {
  /// The mark of a series: its shape tells series apart where colour cannot.
  mutating func mark(
    _ shape: Int, _ x: Double, _ y: Double, radius r: Double, _ style: String, title: String? = nil
  ) {
    switch shape % 4 {
    case 0: circle(x, y, radius: r, style, title: title)
    case 1: rectangle(x - 0.88 * r, y - 0.88 * r, 1.76 * r, 1.76 * r, style, title: title)
    case 2:
      polygon(
        [(x, y - 1.2 * r), (x + 1.1 * r, y + 0.75 * r), (x - 1.1 * r, y + 0.75 * r)], style, title: title)
    default:
      polygon([(x, y - 1.3 * r), (x + 1.3 * r, y), (x, y + 1.3 * r), (x - 1.3 * r, y)], style, title: title)
    }
  }
}
