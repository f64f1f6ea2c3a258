import Foundation
import Perennial
import PerennialText
import Torch

/// A model for images or rows as PyTorch code loads it: `model.safetensors` with the names of the public model that it
/// mirrors, and `config.json`.
struct NetworkFolder {
  private let learned: LearnedNetwork

  init(_ learned: LearnedNetwork) { self.learned = learned }

  func write(to folder: URL) throws {
    let network = learned.network
    let adapters = network.adapterSets.map { $0.path + "." }
    let weights = try network.stateDictionary().filter { name, _ in
      !adapters.contains(where: name.hasPrefix)
    }
    try AtomicFile.write(
      Safetensors.encode(weights, metadata: ["format": "pt"]),
      to: folder.appendingPathComponent("model.safetensors"))
    let fields = try configuration(network)
    try AtomicFile.write(
      JSONValue.object(fields).data(), to: folder.appendingPathComponent("config.json"))
  }

  private func configuration(_ network: Network) throws -> [String: JSONValue] {
    var fields: [String: JSONValue] = [
      "model_type": "perennial", "architecture": .text(learned.recipe.model.name),
      "architecture_options": .text(
        try learned.recipe.model.node.yaml().trimmingCharacters(in: .newlines)),
      "head": .text(learned.recipe.head.name), "head_name": .text(network.headName),
      "num_features": .integer(network.backbone.featureCount), "num_labels": .integer(network.head.outputs),
      "input_shape": .list(learned.shape.map(JSONValue.integer)), "torch_dtype": "float32",
    ]
    if let names = learned.outputNames {
      fields["id2label"] = .object(
        Dictionary(uniqueKeysWithValues: names.enumerated().map { ("\($0)", JSONValue.text($1)) }))
      fields["label2id"] = .object(
        Dictionary(
          names.enumerated().map { ($1, JSONValue.integer($0)) }, uniquingKeysWith: { first, _ in first }))
    }
    if learned.isImage {
      // Of pixels in [0, 1], as torchvision's `Normalize` has them.
      let pipeline = learned.pipeline
      let deviations = try pipeline.scale.floats().map { 1 / (255 * Double($0)) }
      let means = try zip(pipeline.shift.floats(), deviations).map { -Double($0) * $1 }
      fields["image_mean"] = .list(means.map(JSONValue.number))
      fields["image_std"] = .list(deviations.map(JSONValue.number))
    }
    return fields
  }
}
