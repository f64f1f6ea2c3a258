import ArgumentParser
import Foundation
import Perennial
import PerennialModalities
import PerennialVision
import Torch

struct CollaborateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "collaborate",
    abstract:
      "Let the arms of a recipe learn together, each in a process of its own, from each other's predictions.",
    discussion: """
      Participants share a folder of predictions for public examples, and nothing else: no data and no weights. Without \
      --participant all are started here; with it, one is, on this machine or on another that has the folder mounted. A \
      participant that does not answer in time is left out of the round, and the record says so.

      \(ExitStatus.help)
      """)

  @OptionGroup var options: RunOptions

  @Option(help: "Take part as this arm of the recipe, and start nobody else.")
  var participant: String?

  @Option(help: "The folder for predictions; a new one below --out where this is not given.")
  var exchange: String?

  func validate() throws {
    if participant != nil, exchange == nil {
      throw ValidationError("--participant needs --exchange, the folder that all share")
    }
  }

  func run() throws {
    let recipe = try options.resolved()
    guard recipe.collaboration != nil else { throw CollaborationError.notPartOfRecipe }
    if let participant, let exchange {
      for seed in recipe.seeds {
        try takePart(
          recipe, participant, seed, URL(fileURLWithPath: exchange).appendingPathComponent("seed-\(seed)"))
      }
    } else {
      try host(recipe)
    }
  }

  private func takePart(_ recipe: Recipe, _ name: String, _ seed: Int, _ folder: URL) throws {
    let participant = try Participant(
      recipe, name: name, seed: seed, exchange: folder,
      modality: Modalities(root: DataRoot(options.data)),
      device: options.preparedDevice(), say: Console.say)
    _ = try participant.run()
  }

  // MARK: - All of them

  private func host(_ recipe: Recipe) throws {
    let time = Date().formatted(.iso8601).replacing(":", with: "-")
    let folder =
      exchange.map { URL(fileURLWithPath: $0) }
      ?? options.runs.appendingPathComponent("\(recipe.name)/exchange-\(time)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let processes = try recipe.armNames.map { name in
      let process = Process()
      process.executableURL = Bundle.main.executableURL
      process.arguments =
        CommandLine.arguments.dropFirst() + ["--participant", name, "--exchange", folder.path]
      try process.run()
      return (name: name, process: process)
    }
    for (name, process) in processes {
      process.waitUntilExit()
      if process.terminationStatus != 0 {
        Console.say("\(name) ended with status \(process.terminationStatus) before it was done")
      }
    }
    let records = recipe.seeds.flatMap { seed in
      recipe.armNames.compactMap {
        CollaborationRecord(of: $0, in: folder.appendingPathComponent("seed-\(seed)"))
      }
    }
    guard !records.isEmpty else { throw ExitStatus.failure }
    print("\n" + CollaborationRecord.table(records, width: Terminal.of(STDOUT_FILENO).tableWidth))
    Console.say("predictions, models and records: \(folder.relativePath)")
  }
}
