/// How much each layer of a student looks like each layer of its teacher, as a heat map.
struct AlignmentChart {
  let student: String
  let teacher: String
  /// Rows: the student's taps.
  let rows: [TransferRecord.Alignment]

  private let left = 74.0
  private let top = 22.0
  private let width = 330.0
  private let height = 30.0

  func markup() -> Markup {
    let columns = rows.first?.with.map(\.tap) ?? []
    var drawing = Drawing(width: width, height: top + height * Double(rows.count) + 22)
    let column = (width - left) / Double(max(columns.count, 1))
    let scale = HeatScale([0.0, 1])
    for (j, tap) in columns.enumerated() {
      drawing.text(tap, left + column * (Double(j) + 0.5), top - 8, "tick small", .middle)
    }
    for (i, row) in rows.enumerated() {
      let y = top + height * Double(i)
      drawing.text(row.tap, left - 8, y + height / 2 + 4, "tick small", .end)
      for (j, cell) in row.with.enumerated() {
        let x = left + column * Double(j)
        let level = scale.level(cell.value)
        drawing.rectangle(
          x + 1, y + 1, column - 2, height - 2, radius: 2.5, "h\(level)",
          title: "\(row.tap) of \(student), \(cell.tap) of \(teacher): \(NumberText.fixed(cell.value, 2))")
        drawing.text(
          NumberText.fixed(100 * cell.value, 0), x + column / 2, y + height / 2 + 4, "cell t\(level)", .middle
        )
      }
    }
    drawing.text("layers of \(teacher)", left + (width - left) / 2, drawing.height - 6, "tick faint", .middle)
    let spoken = rows.map { row in
      "\(row.tap): \(row.with.map { "\($0.tap) \(NumberText.fixed(100 * $0.value, 0))" }.joined(separator: ", "))"
    }
    return drawing.markup(
      label:
        "Alignment of layers of \(student) with layers of \(teacher), of 100. \(spoken.joined(separator: "; ")).",
      style: "matrix")
  }
}
