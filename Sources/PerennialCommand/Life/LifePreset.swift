import Foundation
import Perennial
import PerennialLife
import PerennialText
import Torch

/// The `life.yaml` of a model directory that is being made, from what somebody names as its model.
struct LifePreset {
  let yaml: String
  /// The folder with an encoder whose files the directory takes over.
  let encoder: URL?

  /// - Parameters:
  ///   - model: a folder with an encoder, a recipe, or a model for pictures or tables as a recipe names it.
  ///   - inputs: the kind of input, where it does not follow from the model.
  ///   - arm: of a recipe; its first where nothing is said.
  init(model: String, inputs: String?, arm: String?) throws {
    let url = URL(fileURLWithPath: model)
    var isFolder: ObjCBool = false
    let isThere = FileManager.default.fileExists(atPath: model, isDirectory: &isFolder)
    if isThere, isFolder.boolValue {
      encoder = url
      yaml = Self.texts(inputs ?? "{text: {length: 64}}")
    } else if isThere {
      encoder = nil
      yaml = try Self.recipe(Recipe(contentsOf: url), inputs: inputs, arm: arm)
    } else {
      encoder = nil
      yaml = Self.network(model, inputs ?? "{images: {size: 32, channels: 3}}")
    }
  }

  /// The files of an encoder's folder that its use needs; others, such as the same weights in another format, stay behind.
  static func copyEncoder(_ folder: URL, to target: URL) throws {
    let manager = FileManager.default
    for name in try manager.contentsOfDirectory(atPath: folder.path).sorted()
    where name.hasSuffix(".safetensors") || name.hasSuffix(".json") || name.hasSuffix("_Pooling")
      || name == "vocab.txt"
    {
      let file = folder.appendingPathComponent(name).resolvingSymlinksInPath()
      try manager.copyItem(at: file, to: target.appendingPathComponent(name))
    }
  }

  /// A frozen encoder and a head that counts: nothing is forgotten, the order of inputs does not matter, and an input can be
  /// taken out again exactly.
  private static func texts(_ inputs: String) -> String {
    """
    inputs: \(inputs)
    model: {encoder: {path: model}}
    # Streaming linear discriminant analysis on vectors that never change: one pass, nothing to forget.
    head: streaming-lda
    training: {optimizer: adam, batch: 64, epochs: 1, freeze: backbone}
    strategies: []

    """ + common
  }

  /// A network that learns, held by a memory, four of it beside each new input: an update brings a few labels of many. New
  /// classes take something from old ones that look alike, so more may be lost than where nothing is learned over.
  private static func network(_ model: String, _ inputs: String) -> String {
    """
    inputs: \(inputs)
    model: \(model)
    training: {optimizer: {adam: {lr: 0.001}}, batch: 32, epochs: 15}
    strategies: [{replay: {memory: 2000, policy: class-balanced, insert: end, batch: 128}}]

    """ + common.replacing("drop: 0.01, max_forgetting: 0.02", with: "drop: 0.02, max_forgetting: 0.05")
  }

  private static func recipe(_ recipe: Recipe, inputs: String?, arm name: String?) throws -> String {
    guard let inputs else {
      throw recipe.stream.data.node.error("how inputs arrive is not said: give --inputs")
    }
    let arm =
      try name.map { name in
        guard let arm = recipe.arms.first(where: { $0.name == name }) else {
          throw recipe.stream.data.node.notAmong(recipe.armNames, name, kind: "arm")
        }
        return arm
      } ?? recipe.arms[0]
    var lines = ["inputs: \(inputs)"]
    func add(_ key: String, _ node: ConfigurationNode?) throws {
      guard let text = try node?.yaml().trimmingCharacters(in: .newlines) else { return }
      lines.append(
        text.contains("\n") || text.hasPrefix("- ")
          ? "\(key):\n" + text.split(separator: "\n").map { "  \($0)" }.joined(separator: "\n")
          : "\(key): \(text)")
    }
    try add("model", arm.model?.node ?? recipe.model.node)
    try add("head", arm.head?.node ?? recipe.head.node)
    try add("training", recipe.node["training"])
    try add("strategies", arm.node.entries == nil ? arm.node : arm.node["strategies"])
    return lines.joined(separator: "\n") + "\n" + common
  }

  private static let common = """
    # The share of the inputs of each label that is never learned, but judged by.
    holdout: 0.1
    # How many versions stay.
    keep: 5
    # What an update must keep to before it serves.
    gate: {drop: 0.01, max_forgetting: 0.02, negative_flips: 0.05, class_floor: 0.1}

    """
}
