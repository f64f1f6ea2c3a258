import Foundation
import Perennial
import Torch

/// A folder as Hugging Face's `transformers` writes and reads it: `config.json` and safetensors, in one file or in
/// shards.
public struct ModelFolder: Sendable {
  /// Where it is.
  public let url: URL

  public init(_ url: URL) { self.url = url }

  /// The architecture that `config.json` names: `bert`, `gpt2`.
  ///
  /// - Throws: `FileError` where there is no such name.
  public func modelType() throws -> String {
    let reader = try ConfigurationReader(contentsOf: file("config.json"))
    guard case .text(let type)? = reader.value("model_type") else {
      throw reader.fault(.missing, "model_type", "the name of the architecture is needed")
    }
    return type
  }

  /// The configuration of a model of this type.
  ///
  /// - Throws: `FileError` that names the key which is missing, of another type, out of range or not supported.
  public func configuration<Model: PublishedModel>(of type: Model.Type) throws -> Model.Configuration {
    let modelType = try modelType()
    guard Model.modelTypes.contains(modelType) else {
      throw FileError(
        .unsupported, file("config.json").path, .entry("model_type"),
        "is \(modelType); a \(Model.self) is one of \(Model.modelTypes.joined(separator: ", "))")
    }
    let reader = try ConfigurationReader(contentsOf: file("config.json"))
    let configuration = try Model.Configuration(reader)
    try reader.finishModel()
    return configuration
  }

  /// A model with its weights, as float32 whatever the files hold, and in evaluation mode.
  ///
  /// Every tensor of the model must be there with its shape, and nothing else; nothing is guessed.
  /// - Parameters:
  ///   - dropout: The stream of dropout masks, for training the model further.
  /// - Throws: `FileError`, `SafetensorsError` for damaged or missing files, `WeightMismatch` naming every tensor that
  ///   does not fit.
  public func load<Model: PublishedModel>(_ type: Model.Type = Model.self, dropout: Generator? = nil) throws
    -> Model
  {
    var configuration = try configuration(of: type)
    let tensors = try WeightFiles.read(url)
    var state = try Model.names(configuration).resolve(tensors)
    if let fitted = Model.fit(
      configuration, to: Set(state.tensors.keys), untied: Set(state.untied.map(\.alias)))
    {
      configuration = fitted
      state = try Model.names(configuration).resolve(tensors)
    }
    var mismatch = WeightMismatch(folder: url.path)
    mismatch.untied = state.untied.map { "\($0.alias) and \($0.path)" }
    mismatch.doubled = state.doubled
    mismatch.mistyped = state.tensors.filter { !$0.value.dtype.isFloatingPoint }
      .map { "\($0.key) holds \($0.value.dtype)" }.sorted()
    let stored = tensors.values.reduce(0) { $0 + $1.count }
    for (path, shape) in configuration.probes.sorted(by: { $0.key < $1.key }) {
      if let given = state.tensors[path]?.shape {
        if given != shape { mismatch.misshaped.append("\(path) is \(given), not \(shape)") }
      } else if shape.reduce(1, *) > stored {
        mismatch.missing.append(path)
      }
    }
    guard mismatch.isEmpty else { throw mismatch }
    let model = try Model(configuration, Generator(seed: 0), dropout: dropout ?? Generator(seed: 0))
    do {
      try model.load(state.tensors)
    } catch let error as StateMismatch {
      mismatch.missing = error.missing
      mismatch.unused = error.unused
      mismatch.misshaped = error.misshaped
      throw mismatch
    }
    model.evaluate()
    return model
  }

  func file(_ name: String) -> URL { url.appendingPathComponent(name) }
}

/// A model whose public checkpoints this library reads and writes.
public protocol PublishedModel: Module {
  associatedtype Configuration: ModelConfiguration

  /// What `config.json` calls the architecture.
  static var modelTypes: [String] { get }

  /// How the tensors of its files belong to its parameters.
  static func names(_ configuration: Configuration) -> CheckpointNames

  /// The configuration of what a file holds, in what `config.json` does not tell; nil where it is as it was read.
  ///
  /// - Parameters:
  ///   - paths: Those of the file's tensors in the model.
  ///   - untied: Tensors that differ from what they are tied to.
  static func fit(_ configuration: Configuration, to paths: Set<String>, untied: Set<String>)
    -> Configuration?

  /// What the model is made of.
  var configuration: Configuration { get }

  /// A model with fresh weights, drawn as `transformers` draws them.
  ///
  /// - Parameters:
  ///   - generator: The random stream of the weights.
  ///   - dropout: The random stream of dropout masks.
  /// - Throws: `TorchError` (`shape`) for sizes that do not fit together.
  init(_ configuration: Configuration, _ generator: Generator, dropout: Generator) throws
}

extension PublishedModel {
  public static func fit(
    _ configuration: Configuration, to paths: Set<String>, untied: Set<String>
  ) -> Configuration? { nil }
}
