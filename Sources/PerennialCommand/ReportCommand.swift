import ArgumentParser
import Foundation
import Perennial

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report", abstract: "Write the report of a run anew, and print its table.")

  @Argument(
    help: ArgumentHelp("The run folder, or its results.json.", valueName: "run"), completion: .directory)
  var path: String

  @Option(help: "Write the report here rather than into the run folder.")
  var html: String?

  func run() throws {
    let reference = try RunReference(path)
    let file =
      html.map { URL(fileURLWithPath: $0) } ?? reference.folder.appendingPathComponent(Report.fileName)
    let page = Report.html(
      for: reference.results, recipe: reference.recipe, pictures: RunFolder.pictures(in: reference.folder))
    try AtomicFile.write(Data(page.utf8), to: file)
    print(reference.results.textTable(width: Terminal.of(STDOUT_FILENO).tableWidth))
    for line in reference.results.expectationLines { print(line) }
    print("report: \(file.relativePath)")
  }
}
