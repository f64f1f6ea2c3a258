/// Pages that show what a run measured: one HTML file each, with its pictures, its style and nothing to fetch.
public enum Report {
  /// The name of the file in a run folder.
  public static let fileName = "report.html"

  /// The page of one run: the answer, then the numbers and pictures behind it.
  ///
  /// - Parameters:
  ///   - results: what was measured; at least one strategy for the page to show more than the set-up.
  ///   - recipe: the resolved recipe as text, shown at the end.
  ///   - pictures: what strategies had to show, from ``RunFolder/pictures(in:)``.
  public static func html(for results: RunResults, recipe: String, pictures: [Picture] = []) -> String {
    let palette = Palette(results.strategies)
    let answer = Answer(results)
    let sections: [Markup] = [
      summary(results, palette), prequential(results, palette), curves(results, palette),
      matrices(results, palette), expectations(results, palette), pareto(results, palette),
      transfer(results, palette), terms(results, palette), gallery(pictures),
      costs(results, palette), metrics(results), runs(results),
      setup(results, recipe: recipe),
    ]
    return page(
      title: results.recipe, kind: "continual learning report", facts: facts(results),
      headline: answer.headline,
      detail: answer.detail, body: sections.joined(), version: results.version)
  }

  static func page(
    title: String, kind: String, facts: [String], headline: String, detail: String, body: Markup,
    version: String
  ) -> String {
    let style = Markup(stringLiteral: Style.css + HeatScale.css)
    let paragraph: Markup = detail.isEmpty ? "" : "<p class=\"detail\">\(detail)</p>"
    let page: Markup = """
      <!doctype html>
      <html lang="en">
      <head>
      <meta charset="utf-8"/>
      <meta name="viewport" content="width=device-width, initial-scale=1"/>
      <meta name="color-scheme" content="light dark"/>
      <title>\(title) · Perennial</title>
      <style>
      \(style)
      </style>
      </head>
      <body>
      <main>
      <header>
      <p class="kind">\(kind)</p>
      <h1>\(title)</h1>
      <p class="answer">\(headline)</p>
      \(paragraph)
      <p class="facts">\(facts.map { "<span>\($0)</span>" as Markup }.joined(separator: " "))</p>
      </header>
      \(body)
      <footer>Perennial \(version)</footer>
      </main>
      </body>
      </html>

      """
    return page.text
  }

  static func section(_ title: String, _ note: Markup = "", _ body: Markup, style: String = "") -> Markup {
    let remark: Markup = note.text.isEmpty ? "" : "<p class=\"note\">\(note)</p>"
    return """
      <section class="\(style)">
      <h2>\(title)</h2>
      \(remark)
      \(body)
      </section>

      """
  }

  static func facts(_ results: RunResults) -> [String] {
    var facts = [
      results.stream.data, "\(results.stream.scenario)-incremental",
      NumberText.count(results.stream.experiences.count, "experience"),
      NumberText.count(results.seeds.count, "seed"),
    ]
    if !results.expectations.isEmpty {
      let met = results.expectations.count { $0.met }
      facts.append("\(met) of \(NumberText.count(results.expectations.count, "expectation")) met")
    }
    return facts
  }
}
