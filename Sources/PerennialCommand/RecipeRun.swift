import Foundation
import Perennial
import PerennialModalities
import PerennialVision
import Torch

/// A recipe run from the terminal into a folder of its own: checked, shown, reported, and stopped or resumed as asked.
struct RecipeRun {
  private let options: RunOptions

  init(_ options: RunOptions) { self.options = options }

  /// - Returns: the folder of the run.
  func callAsFunction() throws -> RunFolder {
    let recipe = try options.resolved()
    let device = try options.preparedDevice()
    let out = options.runs
    Runtime.keepFreedMemory()
    let modality = Modalities(root: DataRoot(options.data))
    try Experiment.check(recipe, modality: modality)
    let unfinished = options.resume ? try RunFolder.newestUnfinished(for: recipe, in: out) : nil
    let folder = try unfinished ?? RunFolder.create(for: recipe, in: out)

    let progress = ProgressLine(
      runs: recipe.arms.count * recipe.seeds.count, finished: folder.finishedRuns(of: recipe))
    let log = EventLog(folder.events) { progress.note(.warning($0)) }
    let board = TensorBoardLog(folder.url.appendingPathComponent("tensorboard")) {
      progress.note(.warning($0))
    }
    if Runtime.isDebugBuild {
      progress.note(.warning("this is a debug build, several times slower than `make build`"))
    }
    let interruption = Interruption()
    interruption.listen()

    let results: RunResults
    do {
      results = try Experiment(
        recipe, folder: folder, modality: modality,
        device: device, observers: [log, board, progress],
        shouldStop: { interruption.isRequested }
      ).run()
    } catch is RunInterrupted {
      progress.close()
      Console.say("the run is in \(folder.url.relativePath)")
      Console.say("go on with: \(Interruption.resumeCommand(CommandLine.arguments))")
      throw interruption.status ?? .interrupted
    } catch {
      progress.fail()
      Console.say("the run is in \(folder.url.relativePath)")
      throw error
    }
    progress.close()
    try finish(recipe, results, in: folder)
    return folder
  }

  private func finish(_ recipe: Recipe, _ results: RunResults, in folder: RunFolder) throws {
    let page = Report.html(
      for: results, recipe: recipe.yaml, pictures: RunFolder.pictures(in: folder.url))
    try AtomicFile.write(Data(page.utf8), to: folder.report)
    try folder.finish()
    if options.json {
      print(try results.json(), terminator: "")
    } else {
      print("\n" + results.textTable(width: Terminal.of(STDOUT_FILENO).tableWidth))
      for line in results.expectationLines { print(line) }
    }
    Console.say("report: \(folder.report.relativePath)")
    for line in results.budgetLines { Console.say(line) }
    guard options.check else { return }
    guard !results.expectations.isEmpty else {
      Console.say("--check: the recipe expects nothing of these strategies")
      return
    }
    if results.expectations.contains(where: { !$0.met }) { throw ExitStatus.expectationMissed }
  }
}
