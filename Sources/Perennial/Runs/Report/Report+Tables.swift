extension Report {
  /// The strategies against what matters most, the best first. On a phone each becomes a block of its own.
  static func summary(_ results: RunResults, _ palette: Palette) -> Markup {
    let ranked = Answer.ranked(results).map(\.name)
    let names = ranked + results.strategies.filter { !ranked.contains($0) }
    guard !names.isEmpty else { return "" }
    let replays = results.runs.contains { $0.cost.replayBytes > 0 }
    let rows: [Markup] = names.map { name in
      let memory: Markup =
        replays ? cell("replay", results.statistic({ Double($0.replayBytes) }, of: name), replayBytes) : ""
      return """
        <tr><th scope="row">\(palette.swatch(name))\(name)</th>
        <td class="dots" aria-hidden="true">\(dotPlot(results.statistic(.averageAccuracy, of: name), palette[name]))</td>
        \(cell("average accuracy, %", results.statistic(.averageAccuracy, of: name), .averageAccuracy, strong: true))\
        \(cell("forgetting", results.statistic(.forgetting, of: name), .forgetting))\
        \(cell("backward transfer", results.statistic(.backwardTransfer, of: name), .backwardTransfer))\
        \(cell("training time", results.statistic(\.trainingSeconds, of: name), NumberText.duration))\
        \(cell("peak memory", results.statistic({ Double($0.peakMemoryBytes) }, of: name), NumberText.bytes))\(memory)</tr>

        """
    }
    let replayHead: Markup = replays ? "<th scope=\"col\">replay<br/>memory</th>" : ""
    let spread = results.seeds.count > 1 ? " ± standard deviation over \(results.seeds.count) seeds" : ""
    let tokens = results.scoreKind?.note.map { " \($0)" } ?? ""
    return section(
      "Summary", "Mean\(spread). Accuracy in percent, forgetting and transfer in points.\(tokens)",
      """
      <table class="summary">
      <thead><tr><th scope="col">strategy</th><td class="dots"><span>0</span><span>accuracy</span><span>100</span></td>\
      <th scope="col">average<br/>accuracy</th><th scope="col">forgetting</th><th scope="col">backward<br/>transfer</th>\
      <th scope="col">training<br/>time</th><th scope="col">peak<br/>memory</th>\(replayHead)</tr></thead>
      <tbody>
      \(rows)</tbody>
      </table>
      """)
  }

  /// Published values beside ours.
  static func expectations(_ results: RunResults, _ palette: Palette) -> Markup {
    guard !results.expectations.isEmpty else { return "" }
    let rows: [Markup] = results.expectations.map { item in
      let measured = item.measured.map { NumberText.value($0, of: item.metric) } ?? "not measured"
      let verdict: Markup =
        item.met ? "<span class=\"met\">✓ met</span>" : "<span class=\"missed\">✗ missed</span>"
      return """
        <tr><th scope="row">\(palette.swatch(item.strategy))\(item.strategy)</th>
        <td data-label="metric">\(item.metric.title)</td><td class="number" data-label="published">\(item.wanted)</td>
        <td class="number" data-label="measured"><strong>\(minus(measured))</strong></td>
        <td class="range" aria-hidden="true">\(rangePlot(item, palette[item.strategy]))</td><td data-label="verdict">\(verdict)</td>
        <td class="source" data-label="source">\(item.source)</td></tr>

        """
    }
    return section(
      "Against the literature",
      "The shaded range is what the recipe accepts around the published value; the mark is what was measured here.",
      """
      <table class="expectations">
      <thead><tr><th scope="col">strategy</th><th scope="col">metric</th><th scope="col">published</th>\
      <th scope="col">measured</th><td></td><th scope="col">verdict</th><th scope="col">source</th></tr></thead>
      <tbody>
      \(rows)</tbody>
      </table>
      """)
  }

  /// Every metric of every strategy, with what it says.
  static func metrics(_ results: RunResults) -> Markup {
    let names = results.measuredMetrics
    guard !names.isEmpty else { return "" }
    let rows: [Markup] = names.map { metric in
      let cells: [Markup] = results.strategies.map { strategy in
        let text =
          results.statistic(metric, of: strategy).map { spread($0, metric) }
          ?? "<span class=\"none\">–</span>"
        return "<td>\(text)</td>"
      }
      return """
        <tr><th scope="row">\(metric.title)<small>\(metric.explanation)</small></th>\(cells)</tr>

        """
    }
    return section(
      "Every metric",
      "In percent or points, mean ± standard deviation. A dash: not defined for this strategy, or not recorded.",
      scrolling(
        "Every metric",
        """
        <table class="grid">
        <thead><tr><td></td>\(results.strategies.map { "<th scope=\"col\">\($0)</th>" as Markup })</tr></thead>
        <tbody>
        \(rows)</tbody>
        </table>
        """))
  }

  /// Every single run, since a mean hides its outliers.
  static func runs(_ results: RunResults) -> Markup {
    guard results.runs.count > results.strategies.count else { return "" }
    let rows: [Markup] = results.runs.map { run in
      let metrics: [Markup] = [MetricName.averageAccuracy, .forgetting, .backwardTransfer].map { name in
        let text: Markup = run.metrics[name].map { minus(NumberText.value($0, of: name)) } ?? "–"
        return "<td>\(text)</td>"
      }
      return """
        <tr><th scope="row">\(run.strategy)</th><td>\(run.seed)</td>\(metrics)<td>\(run.cost.steps)</td>\
        <td>\(NumberText.duration(run.cost.trainingSeconds))</td>\
        <td>\(NumberText.magnitude(run.cost.examplesPerSecond))</td>\
        <td>\(NumberText.bytes(Double(run.cost.peakMemoryBytes)))</td></tr>

        """
    }
    return section(
      "Every run", "",
      scrolling(
        "Every run",
        """
        <table class="grid">
        <thead><tr><th scope="col">strategy</th><th scope="col">seed</th><th scope="col">average accuracy</th>\
        <th scope="col">forgetting</th><th scope="col">backward transfer</th><th scope="col">steps</th>\
        <th scope="col">training time</th><th scope="col">examples per second</th><th scope="col">peak memory</th></tr></thead>
        <tbody>
        \(rows)</tbody>
        </table>
        """))
  }

  /// Where and how it ran: enough to run it again.
  static func setup(_ results: RunResults, recipe: String) -> Markup {
    let environment = results.environment
    let tests = results.stream.testExamples
    var items = [
      ("processor", environment.cpu), ("device", environment.device),
      ("threads", String(environment.threads)),
      ("libtorch", environment.torch), ("Perennial", results.version), ("data", results.stream.data),
      ("test examples", "\(tests.reduce(0, +)) in \(NumberText.count(tests.count, "experience"))"),
      ("seeds", results.seeds.map(String.init).joined(separator: ", ")),
    ]
    if let parameters = results.runs.map(\.cost.parameters).max(), parameters > 0 {
      items.append(("parameters", NumberText.grouped(parameters)))
    }
    items.append(("recipe’s SHA-256", results.recipeSHA256))
    let list: [Markup] = items.map { "<div><dt>\($0.0)</dt><dd>\($0.1)</dd></div>" }
    let text: Markup =
      recipe.isEmpty ? "" : "<h3>Recipe as resolved</h3>\n<pre tabindex=\"0\"><code>\(recipe)</code></pre>"
    return section("How it was run", "", "<dl>\(list)</dl>\n\(text)")
  }

  // MARK: - Cells

  static func cell(_ label: String, _ value: Statistic?, _ metric: MetricName, strong: Bool = false) -> Markup
  {
    let text: Markup = value.map { spread($0, metric) } ?? "<span class=\"none\">–</span>"
    return "<td class=\"number\(strong ? " strong" : "")\" data-label=\"\(label)\">\(text)</td>"
  }

  static func cell(_ label: String, _ value: Statistic?, _ text: (Double) -> String) -> Markup {
    let content: Markup = value.map { "\(text($0.mean))" } ?? "<span class=\"none\">–</span>"
    return "<td class=\"number\" data-label=\"\(label)\">\(content)</td>"
  }

  static func spread(_ value: Statistic, _ metric: MetricName) -> Markup {
    let mean = minus(NumberText.value(value.mean, of: metric))
    return value.n > 1
      ? "\(mean)<span class=\"std\"> ± \(NumberText.value(value.std, of: metric))</span>" : mean
  }

  /// With a minus sign in place of the hyphen.
  static func minus(_ number: String) -> Markup { "\(number.replacing("-", with: "−"))" }

  static func replayBytes(_ value: Double) -> String { value == 0 ? "none" : NumberText.bytes(value) }

  /// A wide table that scrolls by itself, so that the page never does sideways.
  static func scrolling(_ label: String, _ table: Markup) -> Markup {
    """
    <div class="scroll" role="region" aria-label="\(label)" tabindex="0">\(table)</div>
    """
  }

  /// The mean as a mark on a line from 0 to 100 %, with its spread.
  static func dotPlot(_ value: Statistic?, _ look: Palette.Look) -> Markup {
    guard let value else { return "" }
    let place = { (share: Double) in 100 * min(max(share, 0), 1) }
    let (low, high) = (place(value.mean - value.std), place(value.mean + value.std))
    return """
      <svg width="100%" height="14"><line x1="0" x2="100%" y1="7" y2="7" class="grid"/>\
      <line x1="\(low)%" x2="\(high)%" y1="7" y2="7" class="\(look.color) reach"/>\
      <circle cx="\(place(value.mean))%" cy="7" r="4.5" class="\(look.dot)"/></svg>
      """
  }

  /// What was measured on a line around what was expected: three tolerances, or as far as it takes, to either side.
  static func rangePlot(_ item: Expectation, _ look: Palette.Look) -> Markup {
    guard let measured = item.measured else { return "" }
    let reach =
      item.kind == .near ? max(3 * item.tolerance, 1e-9) : max(1.2 * abs(measured - item.expected), 1e-9)
    let shade: (start: Double, width: Double) =
      switch item.kind {
      case .near: (50 - 46.0 / 3, 92.0 / 3)
      case .atLeast: (50, 50)
      case .atMost: (0, 50)
      }
    let place = 50 + 46 * min(max((measured - item.expected) / reach, -1), 1)
    return """
      <svg width="100%" height="16"><line x1="0" x2="100%" y1="8" y2="8" class="grid"/>\
      <rect x="\(shade.start)%" width="\(shade.width)%" y="2" height="12" class="tolerance"/>\
      <line x1="50%" x2="50%" y1="2" y2="14" class="axis"/>\
      <circle cx="\(place)%" cy="8" r="4.5" class="\(item.met ? look.dot : "\(look.color) dot hollow")"/></svg>
      """
  }
}
