import ArgumentParser
import Foundation
import Perennial
import PerennialLife
import PerennialModalities

struct InitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init", abstract: "Make a model directory: a model that goes on learning.",
    discussion: """
      The model is a folder with an encoder of texts, as `sentence-transformers` writes it; a recipe, whose model and \
      training are taken over; or a model for pictures or tables, as a recipe names it. What follows is written to \
      `life.yaml` in the directory, to be changed there.
      """)

  @Argument(help: "The model directory to make.", completion: .directory)
  var directory: String

  @Option(
    help: "A folder with an encoder, a recipe, or a model such as small-cnn or '{mlp: {hidden: [64]}}'.")
  var model: String

  @Option(help: "What the model is for; there is one task: classify.")
  var task = "classify"

  @Option(
    help: """
      The kind of input where it does not follow from the model: '{text: {length: 64}}', \
      '{images: {size: 32, channels: 3}}' or '{table: {columns: 8}}'.
      """)
  var inputs: String?

  @Option(help: "The arm of a recipe whose strategies are taken; its first where this is not given.")
  var arm: String?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Set a key of life.yaml, such as gate.drop=0.02; may be repeated.", valueName: "key=value"))
  var changes: [String] = []

  func validate() throws {
    guard task == "classify" else { throw ValidationError("--task must be classify, found '\(task)'") }
  }

  func run() throws {
    let url = URL(fileURLWithPath: directory, isDirectory: true)
    let preset = try LifePreset(model: model, inputs: inputs, arm: arm)
    let yaml =
      changes.isEmpty
      ? preset.yaml
      : try LifeConfiguration(yaml: preset.yaml, source: "life.yaml", changes: changes.map(RecipeChange.set))
        .yaml
    let files = preset.encoder.map { folder in
      { (target: URL) in try LifePreset.copyEncoder(folder, to: target) }
    }
    _ = try ModelDirectory.create(
      url, yaml: yaml, files: files, modality: Modalities(root: DataRoot(url.path)))
    print("\(directory): ready; teach it with `perennial learn \(directory) FILE`")
  }
}
