import Foundation
import Perennial
import Testing

@testable import PerennialCommand

@Suite struct RunReferenceTests {
  private let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
    "run-\(UUID().uuidString)")

  private func results(_ recipe: String = "digits/class") -> RunResults {
    RunResults(
      recipe: recipe, recipeSHA256: "", version: "0",
      environment: .init(torch: "2", device: "cpu", threads: 1, cpu: ""),
      stream: .init(data: "digits", scenario: "class", experiences: ["0,1"], testExamples: [10]))
  }

  private func write(_ results: RunResults, to name: String) throws -> URL {
    let url = folder.appendingPathComponent(name)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    try results.write(to: url.appendingPathComponent(RunResults.fileName))
    return url
  }

  @Test func aRunIsItsFolderOrItsResults() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let url = try write(results(), to: "a")
    for path in [url.path, url.path + "/", url.path + "/results.json"] {
      let run = try RunReference(path)
      #expect(run.results.recipe == "digits/class")
      #expect(run.folder.standardizedFileURL.path == url.standardizedFileURL.path)
      #expect(run.recipe == "")
    }
  }

  @Test func whatIsNoRunIsExplained() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    func problem(_ path: String) -> String {
      do {
        return "\(try RunReference(path).folder)"
      } catch { return "\(error)" }
    }
    #expect(problem(folder.path).contains("has no results.json"))
    #expect(problem(folder.path + "/none").hasPrefix("there is no run at "))
    let file = folder.appendingPathComponent("file")
    try Data().write(to: file)
    #expect(problem(file.path).contains("is neither a run folder nor a results.json"))
  }

  @Test func runsGetNamesThatDiffer() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let a = try RunReference(write(results("x"), to: "a").path)
    let b = try RunReference(write(results("y"), to: "b").path)
    let c = try RunReference(write(results("x"), to: "c").path)
    #expect(RunReference.named([a, b]).map(\.name) == ["x", "y"])
    #expect(RunReference.named([a, c]).map(\.name) == ["a", "c"])
    #expect(RunReference.shortestDifferent([["r", "x", "1"], ["r", "y", "1"]]) == ["x/1", "y/1"])
    #expect(RunReference.shortestDifferent([["r", "1"], ["r", "1"]]) == ["1 (1)", "1 (2)"])
    let day = [["r", "2026-03-01T10-20-30"], ["r", "2026-03-01T11-00-00"]]
    #expect(RunReference.shortestDifferent(day) == ["10-20-30", "11-00-00"])
    let days = [["r", "2026-03-01T10-20-30"], ["r", "2026-03-02T11-00-00"]]
    #expect(RunReference.shortestDifferent(days) == ["2026-03-01T10-20-30", "2026-03-02T11-00-00"])
  }
}
