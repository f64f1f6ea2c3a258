import Foundation
import Testing

@testable import PerennialCommand

/// The real program: what it prints where, and how it ends.
@Suite struct ProgramTests {
  struct Outcome {
    let status: Int32
    let output: String
    let errors: String
  }

  static func run(_ arguments: String...) throws -> Outcome {
    let process = Process()
    let tests = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
    process.executableURL = tests.appendingPathComponent("perennial")
    process.arguments = arguments
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let files = ["out", "err"].map { folder.appendingPathComponent($0) }
    for file in files { try Data().write(to: file) }
    process.standardOutput = try FileHandle(forWritingTo: files[0])
    process.standardError = try FileHandle(forWritingTo: files[1])
    try process.run()
    process.waitUntilExit()
    return Outcome(
      status: process.terminationStatus, output: try String(contentsOf: files[0], encoding: .utf8),
      errors: try String(contentsOf: files[1], encoding: .utf8))
  }

  @Test func helpIsOnStandardOutput() throws {
    let help = try Self.run("run", "--help")
    #expect(help.status == 0)
    #expect(help.output.contains("USAGE: perennial run"))
    #expect(help.output.contains("EXIT STATUS:"))
    #expect(help.errors == "")
  }

  @Test func aWrongCommandLineIsUsage() throws {
    let outcome = try Self.run("run", "--no-such-option")
    #expect(outcome.status == 64)
    #expect(outcome.output == "")
    #expect(outcome.errors.contains("Usage: perennial run"))
  }

  @Test func aWrongRecipeIsToldInOneLine() throws {
    let outcome = try Self.run("run", "/no/such/recipe.yaml")
    #expect(outcome.status == 65)
    #expect(outcome.output == "")
    #expect(outcome.errors == "perennial: /no/such/recipe.yaml:1: there is no such recipe\n")
  }

  @Test func aRunThatIsNotThereIsAFailure() throws {
    let outcome = try Self.run("report", "/no/such/run")
    #expect(outcome.status == 1)
    #expect(outcome.errors == "perennial: there is no run at /no/such/run\n")
  }

  @Test func theDoctorSpeaksJSON() throws {
    let folder = FileManager.default.temporaryDirectory.path
    let outcome = try Self.run("doctor", "--json", "--out", folder)
    #expect(outcome.status == 0)
    let diagnoses = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [[String: String]]
    #expect(diagnoses?.map { $0["name"] }.contains("libtorch") == true)
    let ill = try Self.run("doctor", "--out", "/dev/null/runs")
    #expect(ill.status == 1)
    #expect(ill.output.contains("FAIL  run folder"))
  }
}
