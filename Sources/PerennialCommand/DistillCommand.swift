import ArgumentParser
import Foundation
import Perennial
import PerennialModalities
import PerennialVision
import Torch

struct DistillCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "distill",
    abstract: "Train the students of a recipe, and report what they took over from their teachers.",
    discussion: """
      The same as `run`, for recipes that teach; at the end it says where the students are: each a safetensors file of \
      the student alone, with the model that it is of, which `teachers:` of another recipe and PyTorch can load.

      \(ExitStatus.help)
      """)

  @OptionGroup var options: RunOptions

  @Flag(help: "Print the loss with every weight, temperature, tap and shape, and train nothing.")
  var explain = false

  func run() throws {
    let recipe = try options.resolved()
    guard recipe.arms.contains(where: \.teaches) else {
      throw recipe.arms[0].node.error(
        "no arm of the recipe learns from a teacher: add `distillation`, or use `perennial run`")
    }
    guard !explain else { return try tell(recipe) }
    let folder = try RecipeRun(options)()
    for arm in recipe.arms {
      for seed in recipe.seeds {
        let student = folder.student(of: arm.name, seed: seed)
        guard FileManager.default.fileExists(atPath: student.path) else { continue }
        Console.say("student \(arm.name), seed \(seed): \(student.relativePath)")
      }
    }
  }

  private func tell(_ recipe: Recipe) throws {
    let modality = Modalities(root: DataRoot(options.data))
    for (arm, lines) in try Experiment.explain(recipe, modality: modality, device: options.preparedDevice()) {
      print(([arm] + lines.map { "  " + $0 }).joined(separator: "\n"))
    }
  }
}
