import Foundation
import Torch

extension AdapterFolder {
  /// Puts what is in the folder into a model for good: low-rank adapters are merged into its weights, prompts and prefixes stand in
  /// front of its texts.
  ///
  /// - Parameter merges: whether low-rank adapters become part of the weights, or stand beside them.
  /// - Throws: `AdapterError` as `read(_:into:)` and `readPrompt(into:)`.
  public func apply(to model: any Promptable, merges: Bool = true) throws {
    let prompts = PromptConfiguration.Kind.allCases.map(\.rawValue)
    let kind = try PEFTObject(configuration(), file: configurationPath).kind(among: ["LORA"] + prompts)
    guard prompts.contains(kind) else {
      let adapters = try read(into: model)
      guard merges else { return }
      try adapters.merge()
      return model.removeAdapters(adapters)
    }
    _ = try readPrompt(into: model)
  }

  private static let promptName = "prompt_embeddings"

  /// Puts the prompt of the folder in front of a model's tokens; whoever trains it further makes it part of the model.
  ///
  /// Nothing is changed unless everything fits.
  /// - Throws: `AdapterError.file` for a folder that is none, of another model, or with other tensors.
  public func readPrompt(into model: any Promptable) throws -> any PromptSource {
    let shape = model.promptShape
    let configuration = try PromptConfiguration(
      peft: configuration(), file: configurationPath, for: shape)
    let file = url.appendingPathComponent(Self.weightsFile)
    let tensors = try Safetensors.read(file).tensors
    func refuse(_ problem: String) -> AdapterError { .file(file.relativePath, problem) }
    guard configuration.kind == .prompt || model.takesPrefixes else {
      throw refuse("holds a prefix, and an encoder-decoder takes prompts alone")
    }
    guard let rows = tensors[Self.promptName] else { throw refuse("\(Self.promptName) is missing") }
    if let other = tensors.keys.filter({ $0 != Self.promptName }).min() {
      throw refuse("\(other) is not part of a prompt")
    }
    let width =
      configuration.kind == .prompt ? shape.width : shape.layers * 2 * shape.groups * shape.headWidth
    guard rows.shape == [configuration.length, width] else {
      throw refuse("\(Self.promptName) is \(rows.shape), not \([configuration.length, width])")
    }
    let generator = try Generator(seed: 0)
    let source: any PromptSource =
      switch configuration.kind {
      case .prompt: try SoftPrompt(configuration.length, for: model, start: .normal, generator)
      case .prefix: try SoftPrefix(configuration.length, for: model, generator)
      }
    try source.load([Self.promptName: rows.to(.float32)])
    try source.move(to: model.tokenTable.value.device)
    model.promptSource = source
    return source
  }

  /// Writes what stands in front of a model's tokens.
  ///
  /// - Throws: `AdapterError.file` for prompts that depend on the text, which PEFT has no layout for.
  public func write(_ source: any PromptSource, of model: any Promptable, baseModel: String? = nil) throws {
    let (kind, rows): (PromptConfiguration.Kind, Tensor) =
      switch source {
      case let prompt as SoftPrompt: (.prompt, try prompt.embeddings.value.detach())
      case let prefix as SoftPrefix: (.prefix, try noGrad { try prefix.rows() })
      default:
        throw AdapterError.file(
          url.relativePath, "a \(type(of: source)) depends on the text, and PEFT has no layout for it")
      }
    let configuration = PromptConfiguration(
      kind, length: source.promptLength, baseModel: baseModel, taskType: model.peftTask)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    try AtomicFile.write(
      Safetensors.encode([Self.promptName: rows], metadata: ["format": "pt"]),
      to: url.appendingPathComponent(Self.weightsFile))
    try AtomicFile.write(
      configuration.peft(for: model.promptShape), to: url.appendingPathComponent(Self.configurationFile))
  }
}
