/// One look for each strategy, kept through all pictures of a report.
struct Palette {
  /// How a series is drawn: classes of the style sheet, and the shape of its marks.
  struct Look {
    /// The class that sets the series' colour.
    let color: String
    /// The class that dashes its line, if it is a reference or colours have run out.
    let dash: String
    let mark: Int

    var line: String { "\(color) line \(dash)" }
    var dot: String { "\(color) dot" }
    var band: String { "\(color) band" }
    var fill: String { "\(color) bar" }
  }

  static let colors = 8
  private let looks: [String: Look]

  /// Grey for fine-tuning, dashed ink for the upper bound, colours in turn for the others.
  init(_ names: [String]) {
    var looks: [String: Look] = [:]
    var next = 0
    for name in names where looks[name] == nil {
      switch StrategyRole(name) {
      case .finetuning: looks[name] = Look(color: "s-low", dash: "", mark: 0)
      case .joint: looks[name] = Look(color: "s-top", dash: "dashed", mark: 3)
      case .contender:
        looks[name] = Look(
          color: "s\(next % Self.colors)", dash: next >= Self.colors ? "dotted" : "", mark: next)
        next += 1
      }
    }
    self.looks = looks
  }

  subscript(name: String) -> Look { looks[name] ?? Look(color: "s-low", dash: "", mark: 0) }

  /// A short piece of the strategy's line with its mark, for legends and tables.
  func swatch(_ name: String) -> Markup { self[name].swatch }
}

/// One look for each run of a comparison, by its place.
struct RunPalette {
  subscript(index: Int) -> Palette.Look {
    Palette.Look(
      color: "s\(index % Palette.colors)", dash: index >= Palette.colors ? "dotted" : "", mark: index)
  }
}

extension Palette.Look {
  /// A short piece of line with its mark.
  var swatch: Markup {
    var drawing = Drawing(width: 26, height: 12)
    drawing.line(1, 6, 25, 6, line)
    drawing.mark(mark, 13, 6, radius: 4, dot)
    return drawing.markup(label: "", style: "swatch")
  }
}
