import ArgumentParser
import Foundation
import Perennial
import PerennialExport
import PerennialLife
import PerennialModalities
import PerennialText
import Torch

extension Exporter.Quantization: ExpressibleByArgument {}
extension ExportSubject.Half: ExpressibleByArgument {}

struct ExportCommand: ParsableCommand {
  /// What is written.
  enum Format: String, CaseIterable, ExpressibleByArgument {
    case onnx, safetensors, peft

    /// Of a whole model; nil for what is beside one.
    var whole: Exporter.Format? { Exporter.Format(rawValue: rawValue) }
  }

  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Write a model as ONNX, or as PyTorch code loads it.",
    discussion: """
      The model is one that a run has trained, a version of a model directory, or a folder as transformers or \
      sentence-transformers writes it. A folder is made with the model, a card (README.md) and, for texts, the tokenizer. ONNX files take images as bytes: the \
      normalisation is part of the graph. With --quantize weights take 8 bits, and the change of the answers is told. \
      --format safetensors folds low-rank adapters into the weights; --format peft writes what a run has learned \
      beside its model as peft loads it: low-rank adapters, a prompt or a prefix.
      """)

  @Argument(help: "A run folder, a model directory, or the folder of a model.", completion: .directory)
  var source: String

  @Option(help: "The arm of a run that compares several.")
  var arm: String?

  @Option(help: "The seed of a run; the first where this is not given.")
  var seed: Int?

  @Option(help: "The version of a model directory; the one that serves where this is not given.")
  var version: Int?

  @Option(help: "What to write.")
  var format = Format.onnx

  @Option(
    help: """
      Weights of 8 bits: int8 rounds what they multiply by its range in each batch, int8-static by ranges that data \
      showed.
      """)
  var quantize: Exporter.Quantization?

  @Option(
    help:
      "A file of texts, one a line, to find ranges on and to compare answers on; a run has data of its own.",
    completion: .file())
  var calibration: String?

  @Flag(
    help: "Read what was written again, run it, and fail where it differs from the model by more than 1e-4.")
  var check = false

  @Option(help: "The folder of a PEFT adapter to fold into the model of a folder.", completion: .directory)
  var adapter: String?

  @Option(help: "The half of a T5, each with a graph of its own; the encoder where this is not given.")
  var half: ExportSubject.Half?

  @Flag(help: "Let what writes tokens take and give the keys and values of earlier ones.")
  var cache = false

  @Option(help: "The folder to write; NAME-FORMAT where this is not given.")
  var out: String?

  @Option(help: "The folder that holds the data sets; $PERENNIAL_DATA or ./data where this is not given.")
  var data: String?

  @Option(help: "Constants that take more bytes than this go to a file beside the graph.")
  var externalAbove = Graph.largestFile

  @Option(help: "The most tokens of a text.")
  var length = 128

  @Option(help: "How many threads an operation may use; all cores where this is not given.")
  var threads: Int?

  func validate() throws {
    if let threads, threads < 1 { throw ValidationError("--threads must be at least 1, found \(threads)") }
    if length < 3 { throw ValidationError("--length must be at least 3, found \(length)") }
    if externalAbove < 0 || externalAbove > Graph.largestFile {
      throw ValidationError("--external-above must be 0 to \(Graph.largestFile), found \(externalAbove)")
    }
    if format == .peft, adapter != nil { throw ValidationError("--adapter does not go with --format peft") }
    if format != .onnx, quantize != nil || check || cache || half != nil {
      throw ValidationError("--quantize, --check, --cache and --half belong to --format onnx")
    }
  }

  func run() throws {
    if let threads { Runtime.threads = threads }
    Runtime.keepFreedMemory()
    guard let whole = format.whole else { return try writeAdapters() }
    let subject = try self.subject()
    var exporter = Exporter()
    (exporter.format, exporter.quantization) = (whole, quantize)
    (exporter.checks, exporter.limit) = (check, externalAbove)
    let folder = URL(
      fileURLWithPath: out ?? "\(subject.name)-\(quantize?.rawValue ?? format.rawValue)", isDirectory: true)
    let report = try exporter.write(subject, to: folder)
    print(report.file.relativePath)
    for finding in report.findings(quantize) { print(finding) }
  }

  /// A folder's model alone has no adapter of its own.
  private func refuseAdapter() throws {
    if adapter != nil {
      throw ValidationError("--adapter is for the folder of a model, and \(source) is none")
    }
  }

  private var folder: URL { URL(fileURLWithPath: source, isDirectory: true) }

  private func has(_ name: String) -> Bool {
    FileManager.default.fileExists(atPath: folder.appendingPathComponent(name).path)
  }

  private func writeAdapters() throws {
    guard has(RunFolder.recipeName) else {
      throw ValidationError("--format peft is of runs, and \(source) is none")
    }
    let modalities = Modalities(root: DataRoot(data))
    let trained = try TrainedArm(run: folder, arm: arm, seed: seed, modality: modalities)
    let adapters = try AdapterExport(
      trained, RunReference(source).results, base: modalities.base(of: trained.recipe),
      tokenizer: modalities.tokenizer(of: trained.recipe))
    let name = trained.recipe.name.split(separator: "/").last.map(String.init) ?? trained.recipe.name
    let target = URL(fileURLWithPath: out ?? "\(name)-\(format.rawValue)", isDirectory: true)
    let base = try adapters.write(to: target)
    print(target.appendingPathComponent("adapter_model.safetensors").relativePath)
    print("The model that it stands beside is \(base.relativePath).")
    if adapters.hasHead {
      print("The head with the classes is no part of it; --format onnx and safetensors write all.")
    }
  }

  private func subject() throws -> ExportSubject {
    guard !has(RunFolder.recipeName) else {
      try refuseAdapter()
      let modalities = Modalities(root: DataRoot(data))
      let trained = try TrainedArm(run: folder, arm: arm, seed: seed, modality: modalities)
      return try ExportSubject(
        trained, results: RunReference(source).results, tokenizer: modalities.tokenizer(of: trained.recipe),
        half: half, hasCache: cache)
    }
    if VersionStore(folder).exists {
      try refuseAdapter()
      guard half == nil else { throw ExportError.halves(of: source) }
      return try ExportSubject(
        ModelDirectory(folder), version: version, Modalities(root: DataRoot(folder.path)),
        warn: { Console.say("warning: \($0)") })
    }
    guard has("config.json") else {
      throw ValidationError(
        "\(source) is neither a run folder nor a model directory nor a folder with config.json")
    }
    let texts = try calibration.map {
      try TextLines.of(Corpus.file(URL(fileURLWithPath: $0)).text()).filter { !$0.isEmpty }
    }
    return try ExportSubject(
      folder: folder, adapter: adapter.map { URL(fileURLWithPath: $0, isDirectory: true) }, half: half,
      texts: texts ?? [], length: length, hasCache: cache)
  }
}
