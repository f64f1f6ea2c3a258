/// A table for the terminal: aligned columns that give way where the window is narrow.
struct TextTable {
  struct Column {
    let title: String
    /// Columns of the lowest importance are the first to go when the window is too narrow.
    let importance: Int
    let isText: Bool

    init(_ title: String, importance: Int, isText: Bool = false) {
      self.title = title
      self.importance = importance
      self.isText = isText
    }
  }

  let columns: [Column]
  var rows: [[String]] = []

  private static let gap = "  "
  /// A text column is shortened to no less than this before a column is left out.
  private static let shortestText = 8

  /// The lines of the table, each at most `width` cells wide unless one column alone is wider.
  func lines(width: Int) -> [String] {
    var shown = Array(columns.indices)
    while shown.count > 1, minimum(of: shown) > width,
      let least = shown.min(by: { columns[$0].importance < columns[$1].importance })
    {
      shown.removeAll { $0 == least }
    }
    var widths = shown.map(naturalWidth)
    for place in shown.indices where columns[shown[place]].isText {
      let excess = total(widths) - width
      if excess > 0 { widths[place] = max(widths[place] - excess, min(Self.shortestText, widths[place])) }
    }
    let head = line(shown.map { columns[$0].title }, shown, widths)
    let rule = String(repeating: "─", count: total(widths))
    return [head, rule] + rows.map { row in line(shown.map { row[$0] }, shown, widths) }
  }

  private func line(_ cells: [String], _ shown: [Int], _ widths: [Int]) -> String {
    let padded = zip(zip(cells, shown), widths).map { item, width in
      let (cell, column) = item
      let text = TerminalText.fit(cell, width: width)
      let space = String(repeating: " ", count: max(width - TerminalText.width(text), 0))
      return columns[column].isText ? text + space : space + text
    }
    let text = padded.joined(separator: Self.gap)
    return String(text.reversed().drop { $0 == " " }.reversed())
  }

  private func naturalWidth(_ column: Int) -> Int {
    ([columns[column].title] + rows.map { $0[column] }).map { TerminalText.width(TerminalText.plain($0)) }
      .max() ?? 0
  }

  private func minimum(of shown: [Int]) -> Int {
    total(shown.map { columns[$0].isText ? min(naturalWidth($0), Self.shortestText) : naturalWidth($0) })
  }

  private func total(_ widths: [Int]) -> Int {
    widths.reduce(0, +) + Self.gap.count * max(widths.count - 1, 0)
  }
}
