import Foundation
import Testing

/// Models of runs, written as ONNX and for PyTorch from the terminal.
@Suite struct ExportCommandTests {
  private let recipe = """
    name: digits/halves
    description: Two halves of the digits.
    stream: {data: {digits: {normalize: true}}, scenario: class, experiences: 2}
    model: {mlp: {hidden: [32]}}
    training: {optimizer: {adam: {lr: 0.01}}, batch: 32, steps: 60}
    strategies:
      replay: [{replay: {memory: 100}}]
      icarl: [{replay: {memory: 100}}, {nearest-mean-exemplars: {}}]
    seeds: [3]
    """

  private func run(_ folder: TestFolder) throws -> String {
    let file = try folder.write(recipe, "recipe.yaml")
    let ended = try Program.run("run", file.path, "--out", folder.path)
    try #require(ended.status == 0, "\(ended.errors)")
    let time = try #require(folder.names("digits/halves").first)
    return folder.url("digits/halves/\(time)").path
  }

  @Test func theModelOfARunIsExportedWithItsHistory() throws {
    let folder = try TestFolder()
    let run = try run(folder)
    let out = folder.url("out").path
    let ended = try Program.run(
      "export", run, "--arm", "replay", "--quantize", "int8-static", "--check", "--out", out)
    #expect(ended.status == 0, "\(ended.errors)")
    #expect(ended.output.contains("model.onnx") && ended.output.contains("accuracy"), "\(ended.output)")
    #expect(folder.names("out") == ["README.md", "model.onnx"])
    let card = try String(contentsOf: folder.url("out/README.md"), encoding: .utf8)
    for words in [
      "Two halves of the digits.", "digits", "0,1,2,3,4", "replay", "after 2", "average accuracy", "seed | 3",
      "memory: 100", "What the export changes",
    ] {
      #expect(card.contains(words), "\(words) in \(card)")
    }

    let weights = try Program.run(
      "export", run, "--arm", "replay", "--format", "safetensors", "--out", "\(out)-2")
    #expect(weights.status == 0, "\(weights.errors)")
    #expect(folder.names("out-2") == ["README.md", "config.json", "model.safetensors"])

    let unnamed = try Program.run("export", run)
    #expect(unnamed.status == 1 && unnamed.errors.contains("replay, icarl"), "\(unnamed.errors)")
    let kept = try Program.run("export", run, "--arm", "icarl")
    #expect(kept.status == 1 && kept.errors.contains("beside the model"), "\(kept.errors)")
    let seed = try Program.run("export", run, "--arm", "replay", "--seed", "7")
    #expect(seed.status == 1 && seed.errors.contains("no seed 7; it has 3"), "\(seed.errors)")
  }

  @Test func whatIsNoModelIsRefused() throws {
    let folder = try TestFolder()
    let empty = try Program.run("export", folder.path)
    #expect(empty.status == 64 && empty.errors.contains("neither a run folder"), "\(empty.errors)")
    let both = try Program.run("export", folder.path, "--format", "safetensors", "--quantize", "int8")
    #expect(both.status == 64 && both.errors.contains("--format onnx"), "\(both.errors)")
    let unknown = try Program.run("export", folder.path, "--quantize", "int4")
    #expect(unknown.status == 64 && unknown.errors.contains("int8-static"), "\(unknown.errors)")
  }
}
