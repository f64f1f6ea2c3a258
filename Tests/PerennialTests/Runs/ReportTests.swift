import Foundation
import Testing

@testable import Perennial

#if canImport(FoundationXML)
  import FoundationXML
#endif

@Suite struct ReportTests {
  /// Counts elements and collects texts; the pages are written so that they are well-formed XML too.
  final class Outline: NSObject, XMLParserDelegate {
    var elements: [String: Int] = [:]
    var classes: [String: Int] = [:]
    var attributes: Set<String> = []
    var text = ""

    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
      attributes values: [String: String]
    ) {
      elements[name, default: 0] += 1
      attributes.formUnion(values.keys)
      for name in (values["class"] ?? "").split(separator: " ") { classes[String(name), default: 0] += 1 }
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }
  }

  static func outline(_ page: String) throws -> Outline {
    #expect(page.hasPrefix("<!doctype html>\n"))
    let body = page.replacing("<!doctype html>\n", with: "", maxReplacements: 1)
    let parser = XMLParser(data: Data(body.utf8))
    let outline = Outline()
    parser.delegate = outline
    try #require(parser.parse(), "line \(parser.lineNumber): \(String(describing: parser.parserError))")
    return outline
  }

  @Test func showsEveryPart() throws {
    let page = Report.html(for: SampleResults.make(), recipe: SampleResults.recipe)
    let outline = try Self.outline(page)
    for title in [
      "Summary", "As the stream goes by", "What is kept of each experience", "Against the literature",
      "What it cost",
      "Every metric", "Every run", "How it was run", "Recipe as resolved",
    ] {
      #expect(outline.text.contains(title), "\(title)")
    }
    #expect(outline.classes["matrix"] == 5, "one heat map a strategy")
    #expect(
      outline.classes["wide"] == 1 && outline.classes["narrow"] == 2, "one chart for each width, one legend")
    #expect(outline.classes["line"] ?? 0 >= 2 * 5)
    #expect(outline.classes["met"] == 3 && outline.classes["missed"] == 1)
    #expect(outline.classes["cell"] == 5 * 25, "a number in every cell")
    #expect(outline.text.contains("policy: class-balanced"))
    #expect(outline.text.contains("AMD EPYC 7B13"))
  }

  @Test func answersFirst() throws {
    let results = SampleResults.make()
    let page = Report.html(for: results, recipe: "")
    let answer = Answer(results)
    #expect(answer.headline == "er kept the most: 87.5\u{A0}% on average over all 5 experiences.")
    #expect(answer.detail.contains("Training on everything at once reaches 98.2\u{A0}%."))
    #expect(answer.detail.contains("Plain fine-tuning forgot 99.2 points of what it had learned, er 11.4."))
    // Negative forgetting is a gain.
    var gaining = results
    for index in gaining.runs.indices where gaining.runs[index].strategy == "er" {
      gaining.runs[index].metrics[.forgetting] = -0.028
    }
    #expect(
      Answer(gaining).detail.contains("forgot 99.2 points of what it had learned, er gained 2.8."))
    gaining.runs.removeAll { $0.strategy != "er" }
    #expect(Answer(gaining).detail == "It gained 2.8 points on what it had learned.")
    let place = try #require(page.range(of: "er kept the most"))
    let table = try #require(page.range(of: "<table"))
    #expect(place.lowerBound < table.lowerBound)
  }

  @Test func aLeadWithinTheSpreadIsCalledThat() {
    var results = SampleResults.make()
    for index in results.runs.indices where results.runs[index].strategy == "lwf" {
      let seed = Double(results.runs[index].seed)
      results.runs[index].metrics[.averageAccuracy] = 0.83 + 0.04 * seed
    }
    #expect(Answer(results).headline.hasPrefix("er kept the most: 87.5"))
    #expect(Answer(results).detail.hasPrefix("Its lead over lwf is within the spread of the seeds."))
    #expect(!Answer(SampleResults.make()).detail.contains("spread"))
  }

  @Test func thereIsAnAnswerWhateverRan() {
    var results = SampleResults.make()
    results.runs.removeAll { $0.strategy != "joint" }
    #expect(Answer(results).headline == "Only the joint upper bound has run.")
    results.runs = []
    #expect(Answer(results).headline == "Nothing has finished yet.")
    var alone = SampleResults.make()
    alone.runs.removeAll { $0.strategy != "er" }
    #expect(Answer(alone).headline.hasPrefix("er ended at 87.5"))
    #expect(Answer(alone).detail == "It forgot 11.4 points of what it had learned.")
  }

  /// Language models are told by their perplexity.
  @Test func perplexitiesAreNoPercentages() throws {
    var results = SampleResults.make()
    for index in results.runs.indices {
      results.runs[index].metrics[.perplexity] = 12.34
      results.runs[index].metrics[.perplexityGrowth] = 0.256
      results.runs[index].scoreKind = .tokenProbability
    }
    let answer = Answer(results)
    #expect(answer.headline == "er kept the most: a perplexity of 12.3 on average over all 5 experiences.")
    #expect(answer.detail.contains("Perplexities of earlier experiences grew by 25.6\u{A0}%."))
    #expect(answer.detail.contains("Training on everything at once reaches a perplexity of 12.3."))
    let page = Report.html(for: results, recipe: "", pictures: [])
    #expect(page.contains("Accuracy is here the mean probability of a token, 1 / perplexity."))
    #expect(results.textTable.contains("perplexity growth"))
    #expect(results.textTable.contains("Accuracy is here the mean probability of a token"))
  }

  @Test func fetchesNothing() throws {
    let page = Report.html(for: SampleResults.make(), recipe: SampleResults.recipe)
    for word in [
      "http:", "https:", "src=", "href=", "url(", "@import", "<script", "<link", "<img", "<iframe",
    ] {
      #expect(!page.contains(word), "\(word)")
    }
    let comparison = Report.comparison(of: [NamedRun(name: "a", results: SampleResults.make())])
    #expect(!comparison.contains("http") && !comparison.contains("src="))
  }

  @Test func suitsPhoneNightAndPaper() {
    let page = Report.html(for: SampleResults.make(), recipe: "")
    #expect(page.contains("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>"))
    #expect(page.contains("prefers-color-scheme:dark"))
    #expect(page.contains("@media print"))
    #expect(page.contains("max-width:640px"))
  }

  @Test func picturesAreToldInWords() throws {
    let page = Report.html(for: SampleResults.make(), recipe: "")
    #expect(
      page.contains(
        "Accuracy matrix of finetune, in percent. after experience 1: 0,1 99; after experience 2: 0,1 0, 2,3 99"
      ))
    #expect(page.contains("role=\"img\" aria-label=\"Average accuracy over the experiences seen so far"))
    #expect(page.contains("<title>After experience 5, on 0,1: 79."))
  }

  static let hostile = "</title><script>alert('x')</script>\"'&<b onload=\"x\">\u{202E}\u{0}\u{1B}[31m"

  @Test func hostileNamesStayNames() throws {
    var results = SampleResults.make(seeds: [0, 1])
    let name = Self.hostile
    results.recipe = name
    results.recipeSHA256 = name
    results.version = name
    results.environment.cpu = name
    results.environment.device = name
    results.environment.torch = name
    results.stream.data = name
    results.stream.scenario = name
    results.stream.experiences = results.stream.experiences.map { _ in name }
    for index in results.runs.indices where results.runs[index].strategy == "er" {
      results.runs[index].strategy = name
      results.runs[index].metrics[MetricName(rawValue: name)] = 1
    }
    results.expect(MetricName(rawValue: name), of: name, toBe: 1, tolerance: 1, source: name)
    let pages = [
      Report.html(for: results, recipe: name),
      Report.comparison(of: [NamedRun(name: name, results: results), NamedRun(name: "b", results: results)]),
    ]
    for page in pages {
      let outline = try Self.outline(page)
      #expect(outline.elements["script"] == nil && outline.elements["b"] == nil)
      #expect(!outline.attributes.contains("onload"))
      #expect(outline.text.contains("<script>alert('x')</script>"))
      for scalar in ["\u{202E}", "\u{0}", "\u{1B}"] as [Unicode.Scalar] {
        #expect(!page.unicodeScalars.contains(scalar))
      }
    }
  }

  @Test(arguments: [1, 2, 10, 20, 60]) func anyNumberOfExperiencesGivesAPage(_ count: Int) throws {
    let outline = try Self.outline(Report.html(for: SampleResults.make(experiences: count), recipe: ""))
    // A matrix of one square says what the summary says.
    #expect(outline.classes["matrix"] == (count == 1 ? nil : 5))
    #expect(outline.elements["rect"] ?? 0 >= (count == 1 ? 0 : 5 * count * count))
    #expect((outline.classes["wide"] ?? 0) == (count == 1 ? 0 : 1), "one experience has no course")
  }

  @Test func unfinishedOddAndEmptyResultsGiveAPage() throws {
    var results = SampleResults.make()
    results.runs[1].matrix.removeLast()
    _ = try Self.outline(Report.html(for: results, recipe: ""))
    results.stream.experiences.removeLast()
    _ = try Self.outline(Report.html(for: results, recipe: ""))
    results.runs = []
    results.expectations = []
    let empty = try Self.outline(Report.html(for: results, recipe: ""))
    #expect(empty.text.contains("Nothing has finished yet."))
    #expect(empty.text.contains("AMD EPYC 7B13"))
  }

  @Test func jointTrainingInOneGoIsALevelAcross() throws {
    var results = SampleResults.make()
    for index in results.runs.indices where results.runs[index].strategy == "joint" {
      results.runs[index].matrix = [[0.9, 0.91, 0.92, 0.93, 0.94]]
    }
    let page = Report.html(for: results, recipe: "")
    _ = try Self.outline(page)
    #expect(page.contains("After all experiences, on 8,9: 94.0"))
    #expect(page.contains("joint 92.0"))
  }

  @Test func scoresThatAreNoFractionsAreShownAsTheyAre() throws {
    var results = SampleResults.make()
    for run in results.runs.indices {
      results.runs[run].matrix = results.runs[run].matrix.map { $0.map { -40 * (1 - $0) } }
    }
    let page = Report.html(for: results, recipe: "")
    _ = try Self.outline(page)
    #expect(!page.contains("small squares were not learned yet in percent"))
    #expect(page.contains("-40.0"))
  }

  @Test func comparisonShowsRunsSideBySide() throws {
    let results = SampleResults.make()
    var other = SampleResults.make(seeds: [0])
    other.runs.removeAll { $0.strategy == "lwf" }
    let page = Report.comparison(of: [
      NamedRun(name: "first", results: results), NamedRun(name: "second", results: other),
    ])
    let outline = try Self.outline(page)
    #expect(outline.classes["matrix"] == 5 + 4)
    #expect(outline.classes["bars"] == 4)
    #expect(outline.text.contains("er of second kept the most: 88.5"))
    #expect(!outline.text.contains("learned different streams"))
  }

  @Test func comparisonOfDifferentStreamsWarns() {
    let runs = [
      NamedRun(name: "five", results: SampleResults.make()),
      NamedRun(name: "ten", results: SampleResults.make(experiences: 10)),
    ]
    #expect(Report.comparison(of: runs).contains("learned different streams"))
    #expect(RunResults.textTable(comparing: runs).contains("learned different streams"))
    #expect(!Report.comparison(of: []).isEmpty)
  }
}
