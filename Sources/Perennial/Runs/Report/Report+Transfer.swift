extension Report {
  /// Accuracy against what a model takes, where models differ.
  static func pareto(_ results: RunResults, _ palette: Palette) -> Markup {
    typealias Cost = (title: String, value: (LearningCost) -> Double?, text: (Double) -> String)
    let costs: [Cost] = [
      ("parameters", { Double($0.parameters) }, { NumberText.grouped(Int($0.rounded())) }),
      ("multiply-adds of one example", { $0.multiplyAdds.map(Double.init) }, NumberText.scaled),
      ("time of one example", \.latencySeconds, NumberText.milliseconds),
    ]
    guard Set(results.runs.map(\.cost.parameters)).count > 1 else { return "" }
    let figures: [Markup] = costs.compactMap { cost in
      let points = results.strategies.compactMap { name -> ScatterChart.Point? in
        let values = results.runs(of: name).compactMap { cost.value($0.cost) }
        guard let quality = results.statistic(.averageAccuracy, of: name), let mean = values.mean, mean > 0
        else {
          return nil
        }
        return .init(name: name, look: palette[name], cost: mean, quality: quality)
      }
      guard points.count > 1 else { return nil }
      let spoken = points.map {
        "\($0.name) \(NumberText.fixed(100 * $0.quality.mean, 1)) percent with \(cost.text($0.cost))"
      }
      let chart = ScatterChart(
        title: cost.title, points: points, text: cost.text,
        label: "Average accuracy against \(cost.title). \(NumberText.list(spoken)).")
      return "<figure>\(chart.markup())</figure>\n"
    }
    let names: [Markup] = results.strategies.map { "<li>\(palette.swatch($0))\($0)</li>" }
    return section(
      "Accuracy against size",
      "Average accuracy in percent; sizes and times on a logarithmic scale. The line joins models that no smaller one equals.",
      "<ul class=\"legend\">\(names)</ul><div class=\"matrices\">\(figures)</div>")
  }

  /// What students took over from their teachers.
  static func transfer(_ results: RunResults, _ palette: Palette) -> Markup {
    let pairs = results.strategies.flatMap { name -> [(name: String, teacher: String)] in
      let compared = results.runs(of: name).flatMap { $0.transfer?.comparisons ?? [] }
      var seen: Set<String> = []
      return compared.map(\.teacher).filter { seen.insert($0).inserted }.map { (name, $0) }
    }
    guard !pairs.isEmpty else { return "" }
    let rows: [Markup] = pairs.map { pair in agreementRow(results, pair.name, pair.teacher, palette) }
    let labels = labels(results)
    let heads: [Markup] = labels.map { "<th scope=\"col\">\($0)</th>" }
    let table = scrolling(
      "Agreement with teachers",
      """
      <table class="grid">
      <thead><tr><th scope="col">student</th><th scope="col" class="name">teacher</th><th scope="col">agreement</th>\
      <th scope="col">calibration error</th>\(heads)</tr></thead>
      <tbody>
      \(rows)</tbody>
      </table>
      """)
    let figures: [Markup] = pairs.compactMap { pair in
      guard let rows = alignment(results, pair.name, pair.teacher), !rows.isEmpty else { return nil }
      let chart = AlignmentChart(student: pair.name, teacher: pair.teacher, rows: rows)
      return
        "<figure><figcaption>\(palette.swatch(pair.name))\(pair.name)</figcaption>\(chart.markup())</figure>\n"
    }
    return section(
      "What was taken over",
      """
      In percent, on the same test examples. Agreement: the student says what its teacher says. Under each class: what \
      the teacher answers right and the student too.
      """,
      """
      \(table)
      <h3>Layers that look alike</h3>
      <p class="note">Linear centred kernel alignment of each layer of the student (row) with each of the teacher, 100 for \
      the same up to rotation and scale.</p>
      <div class="matrices">\(figures)</div>
      """)
  }

  private static func agreementRow(
    _ results: RunResults, _ name: String, _ teacher: String, _ palette: Palette
  ) -> Markup {
    let own = comparisons(results, name, teacher)
    let cells: [Markup] = labels(results).map { label in
      let kept = own.compactMap { $0.retentionByClass[label] }
      return "<td>\(kept.mean.map { NumberText.fixed(100 * $0, 0) } ?? "–")</td>"
    }
    func cell(_ value: Statistic?) -> Markup { value.map { spread($0, .averageAccuracy) } ?? "–" }
    return """
      <tr><th scope="row">\(palette.swatch(name))\(name)</th><td class="name">\(teacher)</td>\
      <td>\(cell(Statistic(own.map(\.agreement))))</td>\
      <td>\(cell(results.statistic(.calibrationError, of: name)))</td>\(cells)</tr>

      """
  }

  /// What labels and terms did to the backbone, from the first seed.
  static func terms(_ results: RunResults, _ palette: Palette) -> Markup {
    let taught = results.strategies.compactMap { name in
      results.runs(of: name).first?.transfer.flatMap { $0.terms.isEmpty ? nil : (name: name, record: $0) }
    }
    guard !taught.isEmpty else { return "" }
    let rows: [Markup] = taught.flatMap { name, record -> [Markup] in
      var seen: Set<String> = []
      return record.terms.map(\.name).filter { seen.insert($0).inserted }.enumerated().map { index, term in
        let readings = record.terms.filter { $0.name == term }
        func values(_ text: (TermReading) -> String) -> Markup {
          let ends = readings.count > 1 ? [readings[0], readings[readings.count - 1]] : readings
          return minus(ends.map(text).joined(separator: " → "))
        }
        let verdict: Markup =
          record.silentTerms.contains(term) ? "<span class=\"missed\">sends no gradient</span>" : ""
        let head: Markup = index == 0 ? "\(palette.swatch(name))\(name)" : ""
        return """
          <tr><th scope="row">\(head)</th><td class="name">\(term) \(verdict)</td>\
          <td>\(values { NumberText.short($0.weight) })</td><td>\(values { NumberText.short($0.value) })</td>\
          <td>\(values { NumberText.short($0.gradient) })</td>\
          <td>\(values { $0.cosine.map { NumberText.fixed($0, 2) } ?? "–" })</td></tr>

          """
      }
    }
    return section(
      "What each part of the loss did",
      """
      As the first seed began → ended to learn: the weight, the value without it, the norm of the weighted gradient at \
      the student’s backbone, and its cosine with the gradient of the labels.
      """,
      scrolling(
        "What each part of the loss did",
        """
        <table class="grid">
        <thead><tr><th scope="col">strategy</th><th scope="col" class="name">part</th><th scope="col">weight</th>\
        <th scope="col">value</th><th scope="col">gradient</th><th scope="col">cosine</th></tr></thead>
        <tbody>
        \(rows)</tbody>
        </table>
        """))
  }

  private static func comparisons(
    _ results: RunResults, _ name: String, _ teacher: String
  ) -> [TransferRecord.Comparison] {
    results.runs(of: name).flatMap { $0.transfer?.comparisons ?? [] }.filter { $0.teacher == teacher }
  }

  /// The classes, where there are few enough to show each.
  private static func labels(_ results: RunResults) -> [Int] {
    let all = results.runs.flatMap { $0.transfer?.comparisons ?? [] }.flatMap(\.retentionByClass.keys)
    let labels = Set(all).sorted()
    return labels.count <= 20 ? labels : []
  }

  /// The mean over seeds, where their taps are the same.
  private static func alignment(
    _ results: RunResults, _ name: String, _ teacher: String
  ) -> [TransferRecord.Alignment]? {
    let own = comparisons(results, name, teacher).map(\.alignment)
    guard let first = own.first, own.allSatisfy({ $0.map(\.with.count) == first.map(\.with.count) }) else {
      return nil
    }
    return first.indices.map { i in
      .init(
        tap: first[i].tap,
        with: first[i].with.indices.map { j in
          .init(tap: first[i].with[j].tap, value: own.map { $0[i].with[j].value }.mean ?? 0)
        })
    }
  }
}
