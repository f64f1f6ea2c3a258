import ArgumentParser

struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Learn the stream of a recipe with each of its strategies, and report what was kept.",
    discussion: """
      The run gets a folder <out>/<recipe>/<time>/ with recipe.yaml, results.json, events.jsonl, checkpoints \
      and report.html. Ctrl-C writes a checkpoint and stops; --resume goes on from it.

      \(ExitStatus.help)
      """)

  @OptionGroup var options: RunOptions

  func run() throws { _ = try RecipeRun(options)() }
}
