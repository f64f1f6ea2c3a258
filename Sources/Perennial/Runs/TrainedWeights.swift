import Foundation
import Torch

/// The weights of a whole network as a run leaves them, or as somebody published them.
struct TrainedWeights {
  let tensors: [String: Tensor]
  /// The class labels of the outputs in order, where the file tells them.
  let labels: [Int]?

  static let labelsKey = "labels"

  init(_ file: Safetensors.Contents) {
    tensors = file.tensors
    labels = file.metadata[Self.labelsKey].flatMap {
      try? JSONDecoder().decode([Int].self, from: Data($0.utf8))
    }
  }

  /// A learner's model alone, as the bytes of a file: nothing that only its training needed.
  static func encode(_ learner: Learner, metadata: [String: String] = [:]) throws -> Data {
    var metadata = metadata
    metadata["format"] = "pt"
    if learner.objective.isClassification { metadata[labelsKey] = "\(learner.classes.labels)" }
    return try Safetensors.encode(learner.model.stateDictionary(), metadata: metadata)
  }

  /// How many outputs a network has.
  func outputs(_ network: Network) -> Int? {
    tensors["\(network.headName).weight"]?.shape.first ?? labels?.count
  }

  /// Grows the head to the file's size and takes everything over; counters that old files lack start at zero.
  func load(into network: Network) throws {
    if let outputs = outputs(network) {
      try network.head.grow(to: outputs, RandomStreams(seed: 0).stream("head"))
    }
    var state = tensors
    for (path, parameter) in network.parameters
    where path.hasSuffix(".num_batches_tracked") && state[path] == nil {
      state[path] = try parameter.value.zerosLike()
    }
    try network.load(state)
  }
}
