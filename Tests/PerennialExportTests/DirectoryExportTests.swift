import Foundation
import Perennial
import PerennialLife
import PerennialText
import PerennialVision
import TestSupport
import Testing
import Torch

@testable import PerennialExport

/// Versions of model directories, taken elsewhere.
@Suite struct DirectoryExportTests {
  private static let table = """
    inputs: {table: {columns: 4}}
    model: {mlp: {hidden: [16]}}
    training: {optimizer: {adam: {lr: 0.02}}, batch: 16, epochs: 8}
    strategies: [{replay: {memory: 100, insert: end}}]
    gate: {drop: 0.5, max_forgetting: 0.5, negative_flips: 1, movement: 100, class_floor: 0}
    """
  private static let images = table.replacing(
    "{table: {columns: 4}}", with: "{images: {size: 8, channels: 1}}"
  )
  .replacing("{mlp: {hidden: [16]}}", with: "{small-cnn: {channels: [4, 4], hidden: 8}}")

  /// Rows whose label is the sign of a column, or that of another.
  private static func rows(_ labels: [Int], _ range: Range<Int>) -> InputRecords {
    InputRecords(
      inputs: labels.flatMap { label in
        range.map { index in
          let cells = (0..<4).map { column in
            (column == label ? 2.0 : 0) + Double((index * 31 + column * 17 + label * 7) % 97) / 97
          }
          return LabeledInput(
            payload: Data(cells.map { String(format: "%.4f", $0) }.joined(separator: ",").utf8),
            label: "class \(label)", identifier: "row-\(label)-\(index)", origin: "rows:\(index)")
        }
      })
  }

  /// Pictures that are bright in one quarter.
  private static func pictures(_ labels: [Int], _ range: Range<Int>) -> InputRecords {
    InputRecords(
      inputs: labels.flatMap { label in
        range.map { index in
          let pixels = (0..<64).map { place in
            let isBright = (place / 8 / 4) * 2 + place % 8 / 4 == label
            return UInt8((isBright ? 150 : 20) + (place * 37 + index * 11) % 90)
          }
          return LabeledInput(
            payload: GreyPicture(width: 8, pixels).png, label: "quarter \(label)", origin: "\(index)")
        }
      })
  }

  private static let sentences = [
    "lost card": [
      "I lost my card", "my bank card was stolen", "where is my card", "the card is missing, block it",
    ],
    "transfer": [
      "send money to Anna", "I want to make a transfer", "transfer ten euros", "wire the rent to my landlord",
    ],
    "balance": [
      "how much money do I have", "show my balance", "what is left on my account", "tell me the balance",
    ],
  ]

  private static func texts() -> InputRecords {
    InputRecords(
      inputs: sentences.sorted { $0.key < $1.key }.flatMap { label, all in
        all.flatMap { text in
          ["", "please, ", "hello! ", "now: ", "quickly, "].map {
            LabeledInput(payload: Data(($0 + text).utf8), label: label, origin: text)
          }
        }
      })
  }

  private func directory(
    _ yaml: String, in folder: URL, files: ((URL) throws -> Void)? = nil, _ modality: any Modality,
    _ batches: [InputRecords]
  ) throws -> ModelDirectory {
    let directory = try ModelDirectory.create(folder, yaml: yaml, files: files, modality: modality)
    for batch in batches {
      let outcome = try directory.learn(batch, modality)
      #expect(outcome.result == .promoted, "\(outcome.verdict.lines)")
    }
    return directory
  }

  /// Exports with every check, and holds the graph against what the version itself answers in use.
  private func check(
    _ directory: ModelDirectory, _ modality: any Modality, _ payloads: [Data], version: Int? = nil
  ) throws -> (subject: ExportSubject, card: String) {
    let subject = try ExportSubject(directory, version: version, modality)
    let model = try directory.load(version, modality)
    let rows = try model.inputs.rows(payloads)
    var inputs = [subject.graph.inputs[0].name: rows]
    if subject.graph.inputs[0].name == "input_ids" {
      let ids = try rows.to(.int64)
      inputs = ["input_ids": ids, "attention_mask": try (ids .!= 0).to(.int64)]
    }
    let answers = try noGrad {
      try model.outputs(
        model.learner.predict(model.inputs.pipeline(rows, Tensor.arange(0, rows.shape[0]), augmentation: nil))
      )
    }
    let example = ExportCase(
      name: "version", graph: subject.graph, inputs: inputs, expected: ["logits": answers])
    try example.check()
    if OnnxRuntime.isThere { try OnnxRuntime.verify([example]) }
    return try withTemporaryFolder { folder in
      var exporter = Exporter()
      (exporter.checks, exporter.quantization) = (true, .int8)
      let report = try exporter.write(subject, to: folder)
      #expect(try #require(report.check).largestDifference <= Exporter.tolerance)
      // The gate asked the same questions.
      let accuracy = try #require(report.quantized?.accuracy).model
      #expect(abs(accuracy - (model.manifest.accuracy ?? .nan)) < 1e-9)
      let names = try Graph(contentsOf: folder.appendingPathComponent("model.onnx")).metadata["labels"]
      let said = try model.predict(payloads, top: 1).map(\.label)
      let list = try JSONDecoder().decode([String].self, from: Data(try #require(names).utf8))
      #expect(try answers.argmax(1).integers().map { list[$0] } == said)
      return (subject, try String(contentsOf: folder.appendingPathComponent("README.md"), encoding: .utf8))
    }
  }

  @Test func rowsOfATable() throws {
    try withTemporaryFolder { folder in
      let modality = VisionModality(root: DataRoot(folder.path))
      let batches = [Self.rows([0, 1], 0..<40), Self.rows([2], 0..<40)]
      let directory = try directory(
        Self.table, in: folder.appendingPathComponent("rows"), modality, batches)
      let payloads = Self.rows([0, 1, 2], 50..<60).inputs.map(\.payload)
      let (subject, card) = try check(directory, modality, payloads)
      #expect(subject.calibration.reduce(0) { $0 + ($1.targets?.count ?? 0) } == 108)
      #expect(subject.test.reduce(0) { $0 + ($1.targets?.count ?? 0) } == 12)
      let provenance = try directory.provenance(of: 2)
      for words in [
        "2, learned from version 1", "| 1 | learn |", "| 2 | learn |", provenance.steps[2].sha256,
        "| 72 | 72 |",
        "| version 2 |", "replay", "movement: 100", "| finite | passed |", "audit log | decided on by entry",
        "passed every check", "value: \(try #require(directory.store.current().accuracy))",
      ] {
        #expect(card.contains(words), "\(words) in \(card)")
      }
      // An earlier version is another model, with fewer labels.
      let (earlier, _) = try check(directory, modality, Array(payloads.prefix(20)), version: 1)
      #expect(earlier.graph.outputs[0].axes.last == .size(2))
      #expect(earlier.test.reduce(0) { $0 + ($1.targets?.count ?? 0) } == 8)
    }
  }

  @Test func theDigestOfWhatWasLearnedIsThatOfItsLines() throws {
    try withTemporaryFolder { folder in
      let modality = VisionModality(root: DataRoot(folder.path))
      let inputs = Self.rows([0], 0..<3)
      let directory = try directory(
        Self.table + "\nholdout: 0", in: folder.appendingPathComponent("rows"), modality, [inputs])
      let lines = try inputs.inputs.map { try Recipe.sha256(of: $0.payload) + " 0\n" }.sorted().joined()
      let step = try #require(try directory.provenance(of: 1).steps.last)
      #expect(try step.sha256 == Recipe.sha256(of: Data(lines.utf8)) && step.known == 3)
      _ = try directory.forget(["row-0-1"], policy: .erase, modality)
      let after = try #require(try directory.provenance(of: 1).steps.last)
      #expect(after.known == 2 && after.learned == 3 && after.sha256 != step.sha256)
      #expect(throws: LifeError.unknownVersion(7, kept: [0, 1])) { try directory.provenance(of: 7) }
    }
  }

  @Test func labelsThatWereMergedAddUp() throws {
    try withTemporaryFolder { folder in
      let modality = VisionModality(root: DataRoot(folder.path))
      let directory = try directory(
        Self.table, in: folder.appendingPathComponent("rows"), modality, [Self.rows([0, 1, 2, 3], 0..<30)])
      var options = LearnOptions()
      options.merges = [try LabelMerge("class 2=class 0"), try LabelMerge("class 3=class 0")]
      #expect(try directory.learn(nil, modality, options: options).result == .promoted)
      let payloads = Self.rows([0, 1, 2, 3], 50..<60).inputs.map(\.payload)
      let (subject, _) = try check(directory, modality, payloads)
      #expect(subject.graph.outputs[0].axes.last == .size(2))
      var exporter = Exporter()
      exporter.format = .safetensors
      #expect(throws: ExportError.self) { try exporter.write(subject, to: folder) }
    }
  }

  @Test func pictures() throws {
    try withTemporaryFolder { folder in
      let modality = VisionModality(root: DataRoot(folder.path))
      let directory = try directory(
        Self.images, in: folder.appendingPathComponent("pictures"), modality,
        [Self.pictures([0, 1, 2, 3], 0..<30)])
      let payloads = Self.pictures([0, 1, 2, 3], 50..<60).inputs.map(\.payload)
      let (_, card) = try check(directory, modality, payloads)
      #expect(card.contains("| input | `image` | uint8 |"))
      let subject = try ExportSubject(directory, modality)
      var exporter = Exporter()
      exporter.format = .safetensors
      let out = folder.appendingPathComponent("weights")
      _ = try exporter.write(subject, to: out)
      let config = try String(contentsOf: out.appendingPathComponent("config.json"), encoding: .utf8)
      #expect(config.contains("small-cnn") && config.contains("quarter 3"))
    }
  }

  @Test(
    .enabled(
      if: ProcessInfo.processInfo.environment["PERENNIAL_MINILM"] != nil,
      "PERENNIAL_MINILM does not name a folder of all-MiniLM-L6-v2"),
    arguments: [
      "head: streaming-lda\ntraining: {optimizer: adam, batch: 64, epochs: 1, freeze: backbone}",
      "training: {optimizer: {adam: {lr: 0.01}}, batch: 16, epochs: 6, freeze: backbone}\nstrategies: [{lora: {rank: 4}}]",
    ])
  func texts(_ learning: String) throws {
    let encoder = URL(fileURLWithPath: try #require(ProcessInfo.processInfo.environment["PERENNIAL_MINILM"]))
    try withTemporaryFolder { folder in
      let place = folder.appendingPathComponent("intents")
      let modality = TextModality(root: DataRoot(place.path))
      let directory = try directory(
        "inputs: {text: {length: 16}}\nmodel: {encoder: {path: model}}\n\(learning)\nsuite: 20\n"
          + "gate: {class_floor: 0, movement: 100}", in: place,
        files: { target in
          for name in ["config.json", "model.safetensors", "modules.json", "1_Pooling", "tokenizer.json"] {
            try FileManager.default.copyItem(
              at: encoder.appendingPathComponent(name).resolvingSymlinksInPath(),
              to: target.appendingPathComponent(name))
          }
        }, modality, [Self.texts()])
      let questions = ["block my card please", "transfer fifty euros", "is there any money left?"]
      let (subject, card) = try check(directory, modality, questions.map { Data($0.utf8) })
      #expect(card.contains("model.safetensors, SHA-256") && card.contains("text-classification"))
      var exporter = Exporter()
      exporter.format = .safetensors
      let out = folder.appendingPathComponent("weights")
      _ = try exporter.write(subject, to: out)
      for name in ["model.safetensors", "tokenizer.json", "3_Dense/model.safetensors"] {
        #expect(FileManager.default.fileExists(atPath: out.appendingPathComponent(name).path), "\(name)")
      }
    }
  }

  @Test func whatTheModelAloneDoesNotAnswerIsRefused() throws {
    try withTemporaryFolder { folder in
      let modality = VisionModality(root: DataRoot(folder.path))
      let kept = Self.table.replacing(
        "insert: end}}]", with: "insert: end}}, {nearest-mean-exemplars: {}}]")
      let beyond = try directory(
        kept, in: folder.appendingPathComponent("beyond"), modality, [Self.rows([0, 1], 0..<30)])
      #expect(throws: ExportError.answers(version: 1, strategy: "nearest-mean-exemplars")) {
        try ExportSubject(beyond, modality)
      }
      let fresh = try directory(Self.table, in: folder.appendingPathComponent("fresh"), modality, [])
      #expect(throws: LifeError.untrained) { try ExportSubject(fresh, modality) }
      #expect(throws: LifeError.unknownVersion(4, kept: [0])) {
        try ExportSubject(fresh, version: 4, modality)
      }
    }
  }
}
