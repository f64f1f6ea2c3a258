import ArgumentParser
import Foundation
import Perennial
import Testing

@testable import PerennialCommand

@Suite struct ArgumentTests {
  @Test func everythingCanBeSaid() throws {
    let options = try RunOptions.parse([
      "r.yaml", "--data", "d", "--out", "o", "--seed", "1", "2", "--device", "cuda:1", "--threads", "2",
      "--set",
      "a=1", "--set", "b=2", "--strategies", "er, ewc", "--resume", "--check", "--json",
    ])
    #expect(options.recipe == "r.yaml")
    #expect(options.data == "d" && options.out == "o")
    #expect(options.device == "cuda:1" && options.threads == 2)
    #expect(options.resume && options.check && options.json)
    #expect(options.recipeChanges == [.set("a=1"), .set("b=2"), .seeds([1, 2]), .only(["er", "ewc"])])
  }

  @Test func littleNeedsToBeSaid() throws {
    let options = try RunOptions.parse(["r.yaml"])
    #expect(
      options.runs.lastPathComponent == "runs" && options.data == nil && options.device == "cpu"
        && options.threads == nil)
    #expect(options.recipeChanges == [])
    #expect(!options.resume && !options.check && !options.json)
  }

  @Test(arguments: [
    (["r.yaml", "--device", "tpu"], "--device must be cpu, cuda or cuda:N, found 'tpu'"),
    (["r.yaml", "--threads", "0"], "--threads must be at least 1, found 0"),
    (["r.yaml", "--seed", "-1"], "Missing value for '--seed"),
    (["r.yaml", "--sed", "1"], "Unknown option '--sed'. Did you mean '--seed'?"),
    ([], "Missing expected argument '<recipe>'"),
  ])
  func mistakesAreUsageErrors(arguments: [String], message: String) {
    #expect {
      _ = try RunOptions.parse(arguments)
    } throws: { error in
      RunOptions.exitCode(for: error).rawValue == ExitStatus.usage.rawValue
        && RunOptions.message(for: error).contains(message)
    }
  }

  @Test func everyStatusIsDocumented() {
    #expect(ExitStatus.allCases.map(\.rawValue) == [0, 1, 2, 3, 64, 65, 130, 143])
    for text in [Main.helpMessage(), RunCommand.helpMessage()] {
      for status in ExitStatus.allCases { #expect(text.contains("\(status.rawValue)  \(status.meaning)")) }
    }
  }

  @Test func errorsEndWithTheirStatus() {
    func ending(_ error: any Error) -> (Int32, String?) {
      let ending = Main.Ending(error)
      return (ending.code, ending.message)
    }
    #expect(ending(ExitStatus.expectationMissed) == (2, nil))
    #expect(ending(ExitStatus.interrupted) == (130, nil))
    let mistake = ConfigurationError(origin: .line(3, of: "r.yaml"), path: "a.b", message: "no")
    #expect(ending(mistake) == (65, "r.yaml:3: a.b: no"))
    #expect(ending(RunFolderError.full(path: "/runs")).0 == 1)
    #expect(ending(RunFolderError.full(path: "/runs")).1?.contains("the disk is full") == true)
    #expect(ending(ValidationError("bad")) == (64, nil))
    #expect(ending(CleanExit.helpRequest()) == (0, nil))
  }
}
