import Foundation
import Perennial
import Testing

@testable import PerennialCommand

/// The real program: what it prints where, and how it ends.
@Suite struct ProgramTests {
  @Test func helpIsOnStandardOutput() throws {
    let help = try Program.run("run", "--help")
    #expect(help.status == 0)
    #expect(help.output.contains("USAGE: perennial run"))
    #expect(help.output.contains("EXIT STATUS:"))
    #expect(help.errors == "")
  }

  @Test func theVersionIsTold() throws {
    let outcome = try Program.run("--version")
    #expect(outcome.status == 0)
    #expect(outcome.output == Version.current + "\n")
  }

  @Test func aWrongCommandLineIsUsage() throws {
    let outcome = try Program.run("run", "--no-such-option")
    #expect(outcome.status == 64)
    #expect(outcome.output == "")
    #expect(outcome.errors.contains("Usage: perennial run"))
  }

  @Test func aWrongRecipeIsToldInOneLine() throws {
    let outcome = try Program.run("run", "/no/such/recipe.yaml")
    #expect(outcome.status == 65)
    #expect(outcome.output == "")
    #expect(outcome.errors == "perennial: /no/such/recipe.yaml:1: there is no such recipe\n")
  }

  @Test func aRunThatIsNotThereIsAFailure() throws {
    let outcome = try Program.run("report", "/no/such/run")
    #expect(outcome.status == 1)
    #expect(outcome.errors == "perennial: there is no run at /no/such/run\n")
  }

  @Test func strategiesAreListedAndExplained() throws {
    let list = try Program.run("strategies")
    #expect(list.status == 0)
    for card in StrategyRegistry.cards {
      #expect(list.output.contains("\(card.name) "), "\(card.name)")
      #expect(list.output.contains(card.family.rawValue))
      #expect(card.summary.count < 90 && card.summary.hasSuffix("."), "\(card.name): one line, one sentence")
    }
    let ewc = try Program.run("strategies", "ewc")
    #expect(ewc.output.contains("F = E_x E_y") && ewc.output.contains("      lambda: 1000"))
    #expect(ewc.output.contains("Kirkpatrick"))
    let json = try JSONSerialization.jsonObject(with: Data(Program.run("strategies", "--json").output.utf8))
    #expect((json as? [[String: Any]])?.count == StrategyRegistry.cards.count)
    let unknown = try Program.run("strategies", "elastic")
    #expect(unknown.status == 1 && unknown.errors.contains("known are joint"))
  }

  @Test func theDoctorSpeaksJSON() throws {
    let folder = FileManager.default.temporaryDirectory.path
    let outcome = try Program.run("doctor", "--json", "--out", folder)
    #expect(outcome.status == 0)
    let diagnoses = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [[String: String]]
    #expect(diagnoses?.map { $0["name"] }.contains("libtorch") == true)
    let ill = try Program.run("doctor", "--out", "/dev/null/runs")
    #expect(ill.status == 1)
    #expect(ill.output.contains("FAIL  run folder"))
  }
}
