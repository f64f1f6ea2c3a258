/// Horizontal bars with their spread, one a row: name, bar, value.
struct BarRows {
  struct Row {
    let name: String
    let look: Palette.Look
    let value: Statistic
    let text: String
  }

  /// Rows that belong together, under their name if they have one.
  struct Group {
    let name: String?
    let rows: [Row]
  }

  let title: String
  let groups: [Group]

  /// Bars are drawn in percent of the room there is, so that text keeps its size on every screen.
  func markup() -> Markup {
    let most = groups.flatMap(\.rows).map { $0.value.mean + $0.value.std }.max() ?? 0
    let bodies: [Markup] = groups.filter { !$0.rows.isEmpty }.map { group in
      let head: Markup =
        group.name.map { "<tr class=\"group\"><th scope=\"rowgroup\" colspan=\"3\">\($0)</th></tr>" } ?? ""
      return "<tbody>\(head)\(group.rows.map { line($0, most: most) })</tbody>"
    }
    return """
      <table class="bars"><caption>\(title)</caption>\(bodies)</table>
      """
  }

  private func line(_ row: Row, most: Double) -> Markup {
    let share = { (value: Double) in most > 0 ? 100 * min(max(value / most, 0), 1) : 0 }
    let low = share(row.value.mean - row.value.std)
    let high = share(row.value.mean + row.value.std)
    let whisker: Markup =
      row.value.n > 1 && high - low > 0.2
      ? #"<line x1="\#(low)%" x2="\#(high)%" y1="6" y2="6" class="whisker"/>"# : ""
    return """
      <tr><th scope="row" title="\(row.name)">\(row.name)</th><td class="rail"><svg width="100%" height="12" aria-hidden="true">\
      <rect width="\(share(row.value.mean))%" height="12" class="\(row.look.fill)"/>\(whisker)</svg></td>\
      <td>\(row.text.replacing("-", with: "−"))</td></tr>
      """
  }
}
