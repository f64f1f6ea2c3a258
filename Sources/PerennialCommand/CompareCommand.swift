import ArgumentParser
import Foundation
import Perennial

struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare", abstract: "Hold several runs against each other, strategy by strategy.")

  @Argument(
    help: ArgumentHelp("Run folders, or their results.json.", valueName: "run"), completion: .directory)
  var runs: [String]

  @Flag(help: "Print JSON: each run's name with its results.")
  var json = false

  @Option(help: "Also write the comparison, with pictures, to this file.")
  var html: String?

  func run() throws {
    let named = RunReference.named(try runs.map { try RunReference($0) })
    if let html {
      try AtomicFile.write(Data(Report.comparison(of: named).utf8), to: URL(fileURLWithPath: html))
    }
    if json {
      let listed = named.map { Listed(name: $0.name, results: $0.results) }
      print(try OrderedJSON.text(listed))
    } else {
      print(RunResults.textTable(comparing: named, width: Terminal.of(STDOUT_FILENO).tableWidth))
    }
  }

  private struct Listed: Encodable {
    let name: String
    let results: RunResults
  }
}
