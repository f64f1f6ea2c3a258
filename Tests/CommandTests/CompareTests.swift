import Foundation
import Perennial
import Testing

/// `compare` and `report` on what `run` has written, and on what it has not.
@Suite struct CompareTests {
  private static func finishedRun(_ name: String, _ seed: Int = 0) throws -> TestRun {
    let run = try TestRun(RunTests.recipe, name: name)
    let ending = try run.learn("--set", "training.steps=8", "--seed", "\(seed)")
    try #require(ending.status == 0, "\(ending.errors)")
    return run
  }

  @Test func runsAreHeldAgainstEachOther() throws {
    let (first, second) = (try Self.finishedRun("first"), try Self.finishedRun("second", 1))
    let paths = try [first.run().path, second.run().path + "/results.json"]
    let table = try Program.run(["compare"] + paths)
    #expect(table.status == 0)
    #expect(table.errors == "")
    for word in ["first", "second", "finetune", "replay", "joint", "average accuracy"] {
      #expect(table.output.contains(word), "\(table.output)")
    }
    let json = try Program.run(["compare", "--json"] + paths)
    let list = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [[String: Any]]
    #expect(list?.compactMap { $0["name"] as? String } == ["first", "second"])
    let page = first.folder.url("comparison.html")
    #expect(try Program.run(["compare", "--html", page.path] + paths).status == 0)
    let html = try String(contentsOf: page, encoding: .utf8)
    #expect(html.hasPrefix("<!doctype html>") && html.contains("first") && html.contains("second"))
  }

  @Test func aReportIsWrittenAnew() throws {
    let run = try Self.finishedRun("again")
    let page = try run.run().appendingPathComponent("report.html")
    let before = try Data(contentsOf: page)
    try FileManager.default.removeItem(at: page)
    let ending = try Program.run("report", run.run().path)
    #expect(ending.status == 0)
    #expect(ending.output.hasSuffix("report: \(page.path)\n"))
    #expect(try Data(contentsOf: page) == before)
    #expect(before.range(of: Data("http".utf8)) == nil)
  }

  @Test(arguments: ["report", "compare"]) func whatIsNoRunIsTold(command: String) throws {
    let folder = try TestFolder()
    func errors(_ path: String) throws -> String {
      let ending = try Program.run(command, path)
      #expect(ending.status == 1, "\(ending)")
      #expect(ending.output == "")
      return ending.errors
    }
    #expect(try errors(folder.path).contains("has no results.json"))
    #expect(try errors(folder.url("nowhere").path).contains("there is no run at"))
    #expect(
      try errors(folder.write("text", "file").path).contains("is neither a run folder nor a results.json"))
    let corrupt: [(String, String)] = [
      ("", "is not valid JSON"), ("{\"schema\": 1, \"recipe\": \"cut", "is not valid JSON"),
      ("{\"schema\": 99}", "schema 99"), ("{\"schema\": 1}", "is missing"), ("[]", "results.json"),
      ("{\"schema\": 1, \"recipe\": 3}", "results.json"),
    ]
    for (text, message) in corrupt {
      try folder.write(text, "bad/results.json")
      #expect(try errors(folder.url("bad").path).contains(message), "\(text)")
    }
    #expect(try Program.run(command).status == 64)
  }

  @Test func aReportThatCannotBeWritten() throws {
    let run = try Self.finishedRun("unwritable")
    for command in ["report", "compare"] {
      let ending = try Program.run(command, run.run().path, "--html", "/dev/null/page.html")
      #expect(ending.status == 1)
      #expect(ending.errors.contains("/dev/null"), "\(ending.errors)")
    }
  }
}
