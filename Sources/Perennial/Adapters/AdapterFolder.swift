import Foundation
import Torch

/// A folder with an adapter as PEFT keeps it: `adapter_config.json` and `adapter_model.safetensors`.
///
/// Paths in the file are those of the model behind `base_model.model.`; the adapter's name is not part of them.
public struct AdapterFolder {
  private static let prefix = "base_model.model."
  static let configurationFile = "adapter_config.json"
  static let weightsFile = "adapter_model.safetensors"

  /// The folder.
  public let url: URL

  public init(_ url: URL) { self.url = url }

  /// Puts the adapter of the folder beside the layers of a model, and the other parts that were saved with it in place.
  ///
  /// Nothing is changed unless everything fits.
  /// - Throws: `AdapterError.file` for a folder that is none, naming tensors that are missing, unknown, or of other shapes;
  ///   `AdapterError.noTargets` for an adapter of another model.
  public func read(_ name: String = "default", into model: Module) throws -> AdapterSet {
    let configuration = try LowRankConfiguration(peft: configuration(), file: configurationPath)
    let weights = try Safetensors.read(url.appendingPathComponent(Self.weightsFile)).tensors
    let set = try model.addAdapters(name, configuration, RandomStreams(seed: 0))
    do {
      try fill(set, model, weights)
    } catch {
      model.removeAdapters(set)
      throw error
    }
    return set
  }

  /// The bytes of `adapter_config.json`.
  func configuration() throws -> Data {
    guard let data = try? Data(contentsOf: url.appendingPathComponent(Self.configurationFile)) else {
      throw AdapterError.file(configurationPath, "there is no such file, or it cannot be read")
    }
    return data
  }

  var configurationPath: String { url.appendingPathComponent(Self.configurationFile).relativePath }

  private func fill(_ set: AdapterSet, _ model: Module, _ weights: [String: Tensor]) throws {
    var parameters = try set.fileParameters()
    for path in saved(of: set.configuration, in: model) {
      parameters += model.parameters.filter { $0.path.hasPrefix(path + ".") }
        .map { (Self.prefix + $0.path, $0.parameter) }
    }
    let places = Dictionary(
      parameters.map { ($0.path, $0.parameter) }, uniquingKeysWith: { first, _ in first })
    let problems =
      places.keys.filter { weights[$0] == nil }.sorted().map { "\($0) is missing" }
      + weights.keys.filter { places[$0] == nil }.sorted().map { "\($0) is not part of the adapter" }
      + places.sorted { $0.key < $1.key }.compactMap { path, parameter in
        guard let shape = weights[path]?.shape, shape != parameter.value.shape else { return nil }
        return "\(path) is \(shape), not \(parameter.value.shape)"
      }
    guard problems.isEmpty else {
      throw AdapterError.file(
        url.appendingPathComponent(Self.weightsFile).relativePath, problems.joined(separator: "; "))
    }
    try noGrad {
      for (path, parameter) in places {
        if let value = weights[path] { try parameter.value.copy(from: value) }
      }
    }
  }

  /// Writes an adapter, and the parts of the model that are saved with it.
  ///
  /// - Parameters:
  ///   - baseModel: where the model comes from, as the adapter's configuration has it when nil.
  ///   - taskType: what PEFT calls the task, as the adapter's configuration has it when nil.
  public func write(
    _ set: AdapterSet, of model: Module, baseModel: String? = nil, taskType: String? = nil
  ) throws {
    var configuration = set.configuration
    configuration.baseModel = baseModel ?? configuration.baseModel
    configuration.taskType = taskType ?? configuration.taskType
    // Which layers all linear ones are, others may see in another way.
    if configuration.targets == .allLinear { configuration.targets = .named(set.places.map(\.path)) }
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    var tensors: [String: Tensor] = [:]
    for (path, parameter) in try set.fileParameters() { tensors[path] = try parameter.value.detach() }
    let parts = saved(of: set.configuration, in: model)
    for (path, parameter) in model.parameters where parts.contains(where: { path.hasPrefix($0 + ".") }) {
      tensors[Self.prefix + path] = try parameter.value.detach()
    }
    try AtomicFile.write(
      Safetensors.encode(tensors, metadata: ["format": "pt"]),
      to: url.appendingPathComponent(Self.weightsFile))
    try AtomicFile.write(configuration.peft(), to: url.appendingPathComponent(Self.configurationFile))
  }

  /// The paths of the parts that are saved with an adapter.
  private func saved(of configuration: LowRankConfiguration, in model: Module) -> [String] {
    model.namedModules.map(\.path).filter { path in
      configuration.modulesToSave.contains { LowRankConfiguration.ends(path, with: $0) }
    }
  }
}

extension AdapterSet {
  /// The adapter's parameters under the names of PEFT's files.
  fileprivate func fileParameters() throws -> [(path: String, parameter: Parameter)] {
    places.flatMap { place in
      let path = "base_model.model.\(place.path)"
      return [
        ("\(path).lora_A.weight", place.adapter.down.weight),
        ("\(path).lora_B.weight", place.adapter.up.weight),
      ] + (place.adapter.magnitude.map { [("\(path).lora_magnitude_vector", $0)] } ?? [])
    }
  }
}
