import Foundation
import Testing

@testable import Perennial

@Suite struct ReportPartsTests {
  @Test func markupEscapesStringsAndKeepsMarkup() {
    let inner: Markup = "<b>\("a < b & \"c\" 'd'")</b>"
    let outer: Markup = "<p title=\"\("x\"y")\">\(inner)\([inner, inner])</p>"
    let text = "<b>a &lt; b &amp; &quot;c&quot; &#39;d&#39;</b>"
    #expect(outer.text == "<p title=\"x&quot;y\">\(text)\(text)\(text)</p>")
  }

  @Test func coordinatesAreShort() {
    #expect(("\(1.0) \(0.126) \(-3.5) \(Double.nan) \(1e300)" as Markup).text == "1 0.13 -3.5 0 1e+300")
  }

  @Test func axesHaveRoundMarksAroundTheValues() {
    #expect(Axis([0.2, 0.9]).marks.map { ($0 * 100).rounded() } == [0, 20, 40, 60, 80, 100])
    let high = Axis([0.95, 0.99])
    #expect(high.low >= 0.85 && high.low < 0.95 && abs(high.high - 1) < 1e-9)
    #expect(high.place(0.5) == 0 && high.place(2) == 1)
    let wide = Axis([-37, 12])
    #expect(wide.marks == [-40, -30, -20, -10, 0, 10, 20])
    for odd in [[], [3], [.nan, .infinity], [1e300, 0], [-1e-300, 0]] as [[Double]] {
      let axis = Axis(odd)
      #expect(axis.high > axis.low && axis.marks.count < 20, "\(odd)")
    }
  }

  @Test func heatFollowsLightnessInBothThemes() throws {
    let pattern = /\.h(\d+)\{fill:rgb\((\d+),(\d+),(\d+)\)\}\.t\d+\{fill:#(..)(..)(..)\}/
    let rules = HeatScale.css.matches(of: pattern).map { match in
      let output = match.output
      let color = [output.2, output.3, output.4].compactMap { Double($0) }
      let ink = [output.5, output.6, output.7].compactMap { Int($0, radix: 16).map(Double.init) }
      return (HeatScale.luminance(color), HeatScale.luminance(ink))
    }
    try #require(rules.count == 2 * HeatScale.levels)
    let light = rules.prefix(HeatScale.levels).map(\.0)
    let dark = rules.suffix(HeatScale.levels).map(\.0)
    #expect(zip(light, light.dropFirst()).allSatisfy { $0 > $1 }, "darker with every step")
    #expect(zip(dark, dark.dropFirst()).allSatisfy { $0 < $1 }, "lighter with every step")
    for (paper, ink) in rules {
      #expect((max(paper, ink) + 0.05) / (min(paper, ink) + 0.05) >= 4.5, "WCAG AA")
    }
  }

  @Test func heatLevelsCoverTheScores() {
    let scale = HeatScale([0.2, 0.9])
    #expect(scale.isFraction && scale.level(0) == 0 && scale.level(1) == 20 && scale.level(0.5) == 10)
    #expect(scale.level(-3) == 0 && scale.level(7) == 20 && scale.level(.nan) == 0)
    #expect(scale.text(0.984) == "98")
    let errors = HeatScale([-12, -3])
    #expect(!errors.isFraction && errors.level(-12) == 0 && errors.text(-12) == "-12.0")
  }

  @Test func labelsArePushedApart() {
    let places = CurveChart.spread([10, 11, 12, 80, 99], apart: 15, from: 0, to: 100)
    #expect(zip(places, places.dropFirst()).allSatisfy { $1 - $0 >= 15 - 1e-9 })
    #expect(places.allSatisfy { (0...100).contains($0) })
    #expect(
      CurveChart.spread([10, 50, 90], apart: 15, from: 0, to: 100) == [10, 50, 90], "no need, no move")
    #expect(CurveChart.spread([], apart: 15, from: 0, to: 100).isEmpty)
  }

  @Test func strategiesKeepOneLook() {
    let palette = Palette(["finetune", "ewc", "er", "joint"] + (0..<9).map { "more\($0)" })
    #expect(palette["finetune"].color == "s-low" && palette["joint"].dash == "dashed")
    #expect(palette["ewc"].color == "s0" && palette["er"].color == "s1")
    #expect(palette["more7"].color == "s1" && palette["more7"].dash == "dotted", "colours come round dotted")
  }

  @Test(arguments: ["Fine-Tune", "naive", "none", "finetuning"]) func theLowerBoundIsKnownByName(
    _ name: String
  ) {
    #expect(StrategyRole(name) == .finetuning)
  }

  @Test func barsAreMeasuredAgainstTheLongest() {
    let look = Palette(["a"])["a"]
    let rows = [
      BarRows.Row(name: "a", look: look, value: Statistic(mean: 5, std: 0, n: 1), text: "5"),
      BarRows.Row(name: "b", look: look, value: Statistic(mean: 8, std: 2, n: 3), text: "8"),
    ]
    let text = BarRows(title: "t", groups: [.init(name: nil, rows: rows)]).markup().text
    #expect(text.contains("<rect width=\"50%\"") && text.contains("<rect width=\"80%\""))
    #expect(text.contains("<line x1=\"60%\" x2=\"100%\""))
  }
}

@Suite struct ScatterChartTests {
  @Test func theFrontIsOfThoseThatNoSmallerOneEquals() throws {
    let palette = Palette(["a", "b", "c", "d"])
    func point(_ name: String, _ cost: Double, _ quality: Double) throws -> ScatterChart.Point {
      .init(name: name, look: palette[name], cost: cost, quality: try #require(Statistic([quality])))
    }
    let chart = ScatterChart(
      title: "size",
      points: try [point("a", 10, 0.5), point("b", 20, 0.4), point("c", 30, 0.9), point("d", 30, 0.8)],
      text: { "\($0)" }, label: "")
    #expect(chart.front.map(\.name) == ["a", "c"])
  }
}
