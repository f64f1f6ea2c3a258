import ArgumentParser
import Foundation
import Perennial
import PerennialLife
import PerennialModalities
import PerennialVision
import Torch

struct DistillCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "distill",
    abstract: "Train the students of a recipe, or a smaller student of a model directory.",
    discussion: """
      The same as `run`, for recipes that teach; at the end it says where the students are: each a safetensors file of \
      the student alone, with the model that it is of, which `teachers:` of another recipe and PyTorch can load.

      A model directory with --student makes another one, whose model is smaller: taught what the version that serves \
      answers, on the inputs that are still known, and judged against it by the same gate.

      \(ExitStatus.help)
      """)

  @OptionGroup var options: RunOptions

  @Flag(help: "Print the loss with every weight, temperature, tap and shape, and train nothing.")
  var explain = false

  @Option(
    help: ArgumentHelp(
      "The student of a model directory: \(StudentPreset.sizes), or a model as `init --model` takes it.",
      valueName: "model"))
  var student: String?

  @Option(
    help: ArgumentHelp(
      "Make the student of a model directory even if the gate refuses it; the reason goes to the audit log.",
      valueName: "reason"))
  var force: String?

  private var isLife: Bool { VersionStore(URL(fileURLWithPath: options.recipe, isDirectory: true)).exists }

  func validate() throws {
    guard isLife else {
      guard student == nil, force == nil else {
        throw ValidationError(
          "--student and --force belong to a model directory, and \(options.recipe) is none")
      }
      return
    }
    guard student != nil else {
      throw ValidationError("a model directory needs --student, such as --student tiny")
    }
    if let force, force.allSatisfy(\.isWhitespace) { throw ValidationError("--force needs a reason") }
    guard !explain, !options.resume, options.strategies == nil, options.seeds.isEmpty, !options.tune else {
      throw ValidationError("a model directory takes --student, --out, --force, --set, --threads and --json")
    }
  }

  func run() throws {
    if let student, isLife {
      WaitPolicy.sleepBesideOthers()
      return try StudentRun(options, student: student, force: force)()
    }
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
