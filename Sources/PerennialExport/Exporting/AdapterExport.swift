import Foundation
import Perennial
import PerennialText
import Torch

/// What an arm of a run has learned beside a model of texts, as PEFT keeps it: `adapter_config.json` and
/// `adapter_model.safetensors`.
///
/// Several low-rank adapters that are heard together become one, exactly, whose rank is the sum of theirs.
public struct AdapterExport {
  /// The folder's name for the model, where it is none that others have.
  public static let baseName = "base"

  private enum Part {
    case adapters(AdapterSet)
    case prompt(any PromptSource)
  }

  private let network: Network
  private let model: any Promptable
  private let part: Part
  private let source: URL?
  private let tokenizer: TokenizerFiles?
  private let card: ModelCard

  /// - Parameters:
  ///   - base: the folder that holds the model as it began; nil where none does.
  ///   - tokenizer: what made the texts' tokens, where there is such a thing.
  /// - Throws: ``ExportError`` for a model of no texts, and where nothing was learned that PEFT has a layout for.
  public init(_ trained: TrainedArm, _ results: RunResults, base: URL?, tokenizer: TokenizerFiles? = nil)
    throws
  {
    network = trained.network
    guard let model = network.backbone.modules.lazy.compactMap({ $0 as? any Promptable }).first else {
      throw ExportError.values(
        "PEFT's layout is for models of texts, and `\(trained.recipe.model.name)` is none")
    }
    self.model = model
    let sets = network.adapterSets.map(\.set)
    guard !network.modules.contains(where: { $0 is BottleneckAdapter }) else {
      throw ExportError.values("PEFT has no layout for bottleneck adapters: ONNX holds them")
    }
    switch (sets.count, model.promptSource) {
    case (0, nil):
      throw ExportError.values(
        "the arm `\(trained.arm.name)` has learned no adapter, prompt or prefix, which are what PEFT keeps")
    case (0, let prompt?): part = .prompt(prompt)
    case (1, nil): part = .adapters(sets[0])
    case (_, nil): part = .adapters(try Self.sum(sets, in: network))
    case (_, _?): throw ExportError.values("adapters and a prompt together have no layout in PEFT")
    }
    // Where the model itself has learned, its folder holds another.
    let isAtRest = network.backbone.parameters.allSatisfy {
      !$0.parameter.isTrainable || $0.parameter.kind == .adapter
    }
    source = isAtRest ? base : nil
    self.tokenizer = tokenizer
    card = ModelCard(trained, results)
  }

  private static func sum(_ sets: [AdapterSet], in network: Network) throws -> AdapterSet {
    do {
      let merged = try AdapterSet.merge(
        sets.map { ($0, 1) }, as: "peft", .concatenation, in: network.backbone, RandomStreams(seed: 0))
      network.backbone.removeAdapters(merged)
      return merged
    } catch let error as AdapterError {
      throw ExportError.values("\(error)")
    }
  }

  /// Whether the model also answers with a head, which PEFT has no place for.
  public var hasHead: Bool { !(network.head is TokenHead) }

  /// Writes the adapter, and the model without it where no folder holds that.
  ///
  /// - Returns: the folder of the model.
  /// - Throws: `AdapterError`, `AtomicFileError`, `CocoaError`.
  @discardableResult
  public func write(to folder: URL) throws -> URL {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let base = source ?? folder.appendingPathComponent(Self.baseName, isDirectory: true)
    if source == nil { try writeBase(to: base) }
    let target = AdapterFolder(folder)
    switch part {
    case .adapters(let set): try target.write(set, of: model, baseModel: base.path, taskType: model.peftTask)
    case .prompt(let prompt): try target.write(prompt, of: model, baseModel: base.path)
    }
    var card = card
    card.task = model.peftTask == "FEATURE_EXTRACTION" ? "feature-extraction" : "text-generation"
    card.library = "peft"
    try AtomicFile.write(Data(card.markdown.utf8), to: folder.appendingPathComponent(Exporter.cardName))
    return base
  }

  private func writeBase(to folder: URL) throws {
    switch model {
    case let model as T5: try ModelFolder(folder).save(model)
    case let model as BERT: try ModelFolder(folder).save(model)
    case let model as any CausalLanguageModel: try model.save(to: folder)
    default: throw ExportError.layer(path: "", type: "\(type(of: model))")
    }
    try tokenizer?.copy(to: folder)
  }
}
