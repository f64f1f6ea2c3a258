/// One strategy's accuracy matrix as a heat map, and below each column what was forgotten of that experience.
struct MatrixChart {
  let name: String
  /// Mean over seeds, rows of columns.
  let matrix: [[Statistic]]
  /// What was forgotten of each experience but the last, from its best.
  let forgetting: [Statistic]
  let experiences: [String]
  let scale: HeatScale
  /// The largest forgetting drawn in any chart beside this one, so that bars compare.
  let most: Double
  let look: Palette.Look

  private let left = 26.0
  private let top = 22.0
  private let width = 330.0
  private var column: Double { (width - left) / Double(max(experiences.count, 1)) }
  private var row: Double { min(column, 32) }
  private var matrixBottom: Double { top + row * Double(matrix.count) }
  private let longestBar = 48.0
  private let longestGain = 24.0
  /// How high bars stand that show a gain; they have room below the caption.
  private var gain: Double { forgetting.map { rise(of: $0.mean) }.max() ?? 0 }

  func markup() -> Markup {
    let deepest = forgetting.map { length(of: $0.mean + $0.std) }.max()
    var drawing = Drawing(width: width, height: matrixBottom + (deepest.map { $0 + 46 + gain } ?? 4))
    columnNames(&drawing)
    for i in matrix.indices { cells(&drawing, row: i) }
    if !forgetting.isEmpty { forgotten(&drawing) }
    return drawing.markup(label: spoken, style: "matrix")
  }

  /// Whether the learner had met experience j by row i. One row alone is joint training, which has met all.
  private func isSeen(_ i: Int, _ j: Int) -> Bool { matrix.count == 1 || j <= i }

  private func columnNames(_ drawing: inout Drawing) {
    let named = experiences.allSatisfy { 6.4 * Double($0.count) < column - 4 }
    let stride = max(1, Int((18 / column).rounded(.up)))
    for (j, experience) in experiences.enumerated() where j % stride == 0 {
      let x = left + column * (Double(j) + 0.5)
      drawing.text(named ? experience : String(j + 1), x, top - 8, "tick", .middle, title: experience)
    }
  }

  private func cells(_ drawing: inout Drawing, row i: Int) {
    let stride = max(1, Int((14 / row).rounded(.up)))
    if matrix.count > 1 && i % stride == 0 {
      drawing.text(String(i + 1), left - 8, top + row * (Double(i) + 0.5) + 4, "tick", .end)
    }
    for (j, cell) in matrix[i].enumerated() {
      let seen = isSeen(i, j)
      let inset = seen ? (column > 12 ? 1 : 0.4) : min(column, row) * 0.2
      let level = scale.level(cell.mean)
      let x = left + column * Double(j)
      let y = top + row * Double(i)
      drawing.rectangle(
        x + inset, y + inset, column - 2 * inset, row - 2 * inset, radius: column > 20 ? 2.5 : 0, "h\(level)",
        title: spoken(i, j))
      if column >= 21 {
        let size = column >= 30 ? "" : " small"
        let style = seen ? "cell t\(level)\(size)" : "cell t\(level) unseen\(size)"
        drawing.text(scale.text(cell.mean), x + column / 2, y + row / 2 + 4, style, .middle)
      }
    }
  }

  private func forgotten(_ drawing: inout Drawing) {
    let zero = matrixBottom + 24 + gain
    drawing.text("forgotten", left + 1, matrixBottom + 16, "tick faint")
    drawing.line(left, zero, width, zero, "axis")
    for (j, value) in forgetting.enumerated() where j < experiences.count {
      let breadth = min(column * 0.62, 30)
      let x = left + column * (Double(j) + 0.5)
      let depth = length(of: value.mean)
      let rise = rise(of: value.mean)
      let verb = value.mean >= 0 ? "forgot" : "gained"
      drawing.rectangle(
        x - breadth / 2, zero - rise, breadth, depth + rise, look.fill,
        title: "\(experiences[j]): \(verb) \(points(abs(value.mean)))")
      if value.n > 1, value.std > 0, depth > 0 {
        drawing.line(
          x, zero + length(of: value.mean - value.std), x, zero + length(of: value.mean + value.std),
          "whisker")
      }
      if column >= 21 {
        let y = zero + length(of: value.mean + value.std) + 14
        drawing.text(number(value.mean), x, y, column >= 30 ? "tick" : "tick small", .middle)
      }
    }
  }

  /// How far a bar hangs down; nothing for what was gained.
  private func length(of forgotten: Double) -> Double {
    longestBar * min(max(forgotten / max(most, 1e-9), 0), 1.2)
  }

  /// How high a bar stands on the line; nothing for what was forgotten.
  private func rise(of forgotten: Double) -> Double { min(length(of: -forgotten), longestGain) }

  private func number(_ value: Double) -> String {
    let text =
      scale.isFraction ? NumberText.fixed(100 * value, column >= 40 ? 1 : 0) : NumberText.magnitude(value)
    return text.replacing("-", with: "−")
  }

  private func points(_ value: Double) -> String {
    scale.isFraction ? "\(NumberText.fixed(100 * value, 1)) points" : NumberText.magnitude(value)
  }

  private func spoken(_ i: Int, _ j: Int) -> String {
    let cell = matrix[i][j]
    let number = scale.isFraction ? NumberText.fixed(100 * cell.mean, 1) : NumberText.magnitude(cell.mean)
    let spread =
      cell.n > 1
      ? " ± \(scale.isFraction ? NumberText.fixed(100 * cell.std, 1) : NumberText.magnitude(cell.std))" : ""
    let when = matrix.count == 1 ? "After all experiences" : "After experience \(i + 1)"
    return "\(when), on \(experiences[j]): \(number)\(spread)\(isSeen(i, j) ? "" : " (not learned yet)")"
  }

  /// The matrix in words: what has been learned, row by row; only the last row of a long stream.
  private var spoken: String {
    let rows = matrix.count > 12 ? [matrix.count - 1] : Array(matrix.indices)
    let lines = rows.map { i in
      let seen = matrix[i].indices.filter { isSeen(i, $0) }.map {
        "\(experiences[$0]) \(scale.text(matrix[i][$0].mean))"
      }
      return "after experience \(i + 1): \(seen.joined(separator: ", "))"
    }
    return "Accuracy matrix of \(name), in percent. \(lines.joined(separator: "; "))."
  }
}
