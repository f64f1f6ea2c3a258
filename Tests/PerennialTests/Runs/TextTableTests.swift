import Testing

@testable import Perennial

@Suite struct TextTableTests {
  @Test func columnsLineUp() {
    let lines = SampleResults.make().textTable.split(separator: "\n").map(String.init)
    #expect(
      lines == [
        "strategy  average accuracy  forgetting  backward transfer  seconds  peak memory",
        "───────────────────────────────────────────────────────────────────────────────",
        "finetune        19.9 ± 0.1  99.2 ± 0.1        -99.2 ± 0.1     11.4       405 MB",
        "ewc             20.2 ± 0.1  98.1 ± 0.2        -98.1 ± 0.2     12.4       418 MB",
        "lwf             32.4 ± 1.2  76.1 ± 1.1        -76.1 ± 1.1     16.1       423 MB",
        "er              87.5 ± 0.9  11.4 ± 1.0        -11.4 ± 1.0     21.5       434 MB",
        "joint           98.2 ± 0.2   0.3 ± 0.2          0.1 ± 0.3     33.9       644 MB",
      ])
  }

  @Test(arguments: [200, 80, 60, 50, 40, 30]) func fitsTheWindow(_ width: Int) {
    let results = SampleResults.make()
    for line in results.textTable(width: width).split(separator: "\n") {
      #expect(TerminalText.width(String(line)) <= width)
      #expect(!line.hasSuffix(" "))
    }
    #expect(results.textTable(width: width).contains("average accuracy"), "the last number to go")
  }

  @Test func longNamesAreCutBeforeColumnsAreDropped() {
    var results = SampleResults.make(seeds: [0])
    for index in results.runs.indices { results.runs[index].strategy = String(repeating: "n", count: 60) }
    let lines = results.textTable(width: 80).split(separator: "\n")
    #expect(lines[0].hasSuffix("peak memory"))
    #expect(lines[2].contains("nnn…"))
  }

  @Test func aSingleSeedHasNoSpread() {
    #expect(!SampleResults.make(seeds: [4]).textTable.contains("±"))
  }

  @Test func whatIsUndefinedIsADash() {
    #expect(SampleResults.make(experiences: 1).textTable.contains(" – "))
  }

  @Test func namesCannotTouchTheTerminal() {
    var results = SampleResults.make(seeds: [0])
    results.runs[0].strategy = "\u{1B}[2Jx\ny\u{202E}z"
    let table = results.textTable
    #expect(!table.unicodeScalars.contains("\u{1B}") && !table.unicodeScalars.contains("\u{202E}"))
    #expect(table.split(separator: "\n").count == 2 + 5)
  }

  @Test func wideCharactersTakeTwoCells() {
    #expect(TerminalText.width("猫ab") == 4)
    #expect(TerminalText.width("e\u{301}é🙂") == 4)
    #expect(TerminalText.fit("猫猫猫", width: 4) == "猫…")
    #expect(TerminalText.fit("abc", width: 3) == "abc")
    #expect(TerminalText.fit("abc", width: 0) == "")
  }

  @Test func expectationsSayWhatWasMissed() {
    let lines = SampleResults.make().expectationLines
    #expect(lines.count == 2 + 4)
    #expect(lines[4].hasPrefix("MISSED  lwf") && lines[4].contains("23.9 ± 3.0") && lines[4].contains("32.4"))
    #expect(lines[5].hasPrefix("met     joint"))
    var none = SampleResults.make()
    none.expectations = []
    #expect(none.expectationLines.isEmpty)
  }

  @Test func runsOfAStrategyStandTogether() {
    let one = SampleResults.make()
    var other = one
    other.runs.removeAll { $0.strategy == "ewc" }
    let lines = RunResults.textTable(comparing: [
      NamedRun(name: "a", results: one), NamedRun(name: "b", results: other),
    ])
    .split(separator: "\n").dropFirst(2).map { $0.split(separator: " ").prefix(2).joined(separator: " ") }
    #expect(
      lines == [
        "finetune a", "finetune b", "ewc a", "lwf a", "lwf b", "er a", "er b", "joint a", "joint b",
      ])
  }
}
