import ArgumentParser
import Foundation
import Perennial
import PerennialVision
import Torch

struct FewShotCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "few-shot", abstract: "Compare meta-learners on few-shot tasks, as a recipe says.",
    discussion: "Prints a line a learner: the mean score on test episodes over the seeds, and its spread.")

  @Argument(help: "The recipe, a YAML file.", completion: .file(extensions: ["yaml", "yml"]))
  var recipe: String

  @Option(help: "The folder that holds the data sets; $PERENNIAL_DATA or ./data where this is not given.")
  var data: String?

  @Option(help: "The learners to compare, separated by commas; all of the recipe's where this is not given.")
  var learners: String?

  @Option(
    name: .customLong("seed"), parsing: .upToNextOption, help: "The seeds to run, in place of the recipe's.")
  var seeds: [Int] = []

  @Option(help: "How many threads an operation may use; all cores where this is not given.")
  var threads: Int?

  @Flag(help: "Fail when a result is too far from what the recipe expects.")
  var check = false

  func run() throws {
    let recipe = try FewShotRecipe.read(URL(fileURLWithPath: recipe))
    if let threads { Runtime.threads = threads }
    Runtime.keepFreedMemory()
    let experiment = try FewShotExperiment(recipe, root: DataRoot(data))
    let chosen = learners.map { Set($0.split(separator: ",").map(String.init)) }
    var isMissed = false
    for (name, learner) in try recipe.arms() where chosen?.contains(name) ?? true {
      let start = ContinuousClock.now
      let scores = try (seeds.isEmpty ? recipe.seeds : seeds).map { seed in
        try experiment.run(learner, seed: seed) { iteration, loss in
          guard (iteration + 1) % 100 == 0 else { return }
          Console.say("\(name), seed \(seed): iteration \(iteration + 1), loss \(loss.rounded(to: 3))")
        }
      }
      let elapsed = (ContinuousClock.now - start) / Double(max(scores.count, 1))
      guard let result = Statistic(scores) else { continue }
      var line = "\(name): \(result.mean.rounded(to: 4)) ± \(result.std.rounded(to: 4)), "
      line +=
        "\(recipe.ways)-way \(recipe.shots)-shot, \(scores.count) seeds, \(elapsed.components.seconds) s each"
      if let expected = learner.expect {
        let isMet = abs(result.mean - expected) <= learner.tolerance
        isMissed = isMissed || !isMet
        line += isMet ? ", as expected" : ", MISSES"
        line += " \(expected) ± \(learner.tolerance)" + (learner.source.map { " (\($0))" } ?? "")
      }
      print(line)
    }
    if check, isMissed { throw ExitStatus.expectationMissed }
  }
}

extension Double {
  /// To so many digits behind the point.
  fileprivate func rounded(to digits: Int) -> Double {
    let factor = (0..<digits).reduce(1.0) { value, _ in value * 10 }
    return (self * factor).rounded() / factor
  }
}
