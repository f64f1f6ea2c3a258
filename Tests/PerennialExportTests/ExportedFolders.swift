import Foundation
import Perennial
import PerennialText
import PerennialVision
import Testing
import Torch

@testable import PerennialExport

/// Writes what `Scripts/check-exports` reads, where `PERENNIAL_EXPORTED` says.
@Suite(
  .enabled(
    if: ProcessInfo.processInfo.environment["PERENNIAL_EXPORTED"] != nil,
    "PERENNIAL_EXPORTED does not name a folder for Scripts/check-exports"))
struct ExportedFolders {
  private func recipe(_ model: String) throws -> Recipe {
    try Recipe(
      yaml: """
        name: exported/folder
        stream: {data: digits, scenario: class, experiences: 1}
        model: \(model)
        training: {optimizer: {adam: {lr: 0.01}}, batch: 32, steps: 1}
        strategies: {plain: []}
        seeds: [0]
        """, source: "recipe")
  }

  private func write(
    _ name: String, _ network: Network, _ pipeline: InputPipeline, rows: Tensor, inputs: [String: Tensor]
  ) throws {
    let root = URL(fileURLWithPath: try #require(ProcessInfo.processInfo.environment["PERENNIAL_EXPORTED"]))
    let labels = Array(0..<network.head.outputs)
    let subject = try ExportSubject(
      LearnedNetwork(
        name: name, network: network, recipe: recipe("resnet18"), pipeline: pipeline, rows: rows,
        labels: labels,
        outputNames: labels.map { "class \($0)" }), card: ModelCard(name: name, summary: "A test.", task: ""))
    let folder = root.appendingPathComponent(name)
    try? FileManager.default.removeItem(at: folder)
    var exporter = Exporter()
    exporter.format = .safetensors
    _ = try exporter.write(subject, to: folder)
    var asked = inputs
    asked["answer"] = try noGrad { try subject.answer(inputs) }
    try Safetensors.encode(asked).write(to: folder.appendingPathComponent("asked.safetensors"))
  }

  @Test func images() throws {
    let backbone = try ResNet.resNet18(Generator(seed: 1))
    let network = Network(
      backbone, head: try LinearHead(features: backbone.featureCount, outputs: 5, Generator(seed: 2)),
      headName: backbone.headName)
    let images = try (Tensor.uniform([3, 3, 16, 16], Generator(seed: 9)) * 255).to(.uint8)
    let pipeline = try InputPipeline(mean: [0.1, 0.2, 0.3], standardDeviation: [0.5, 0.6, 0.7])
    // Statistics that are not those of a fresh model.
    _ = try noGrad { try network(pipeline(images, Tensor.arange(0, 3), augmentation: nil)) }
    network.evaluate()
    try write("resnet18", network, pipeline, rows: images, inputs: ["image": images])
  }

  @Test(arguments: SentencePooling.Kind.allCases) func texts(_ kind: SentencePooling.Kind) throws {
    let encoder = SentenceEncoder(
      try TextCases.bert(), pooling: SentencePooling(kind, isNormalized: kind == .mean))
    let network = Network(encoder, head: try LinearHead(features: 16, outputs: 3, Generator(seed: 3)))
    let batch = try TextCases.batch()
    try write(
      "classifier-\(kind)", network, InputPipeline(), rows: batch.ids, inputs: TextCases.inputs(batch))
  }
}
