import Torch

extension Recipe {
  /// A model that strategies may learn from, as a recipe names it:
  /// `big: {model: {cifar-resnet: {depth: 56}}, weights: resnet56.safetensors}`.
  ///
  /// An arm of the recipe is a teacher too, for the arms after it and under its own name.
  public struct Teacher: Sendable {
    /// Where what it knows comes from. Files lie below the data folder unless their paths are absolute.
    public enum Origin: Sendable {
      /// A safetensors file with all weights of a model, the classifier's included.
      case weights(Selection, file: String)
      /// Each run trains it once, before an arm needs it.
      case training(Selection, Training)
      /// A TorchScript file, which brings its own model.
      case script(file: String)
    }

    /// The type in which it computes; what it says is float32 all the same.
    public enum Precision: String, Codable, CaseIterable, Sendable {
      case float32, bfloat16

      var dtype: DType { self == .float32 ? .float32 : .bfloat16 }
    }

    public let name: String
    public let origin: Origin
    /// What it takes and is trained on, where that is not what the student learns.
    public let data: Selection?
    /// The class labels of its outputs in order; 0, 1, 2 … where nothing is said and the file does not tell.
    public let labels: [Int]?
    public let precision: Precision
    /// Where it is written.
    public let node: ConfigurationNode
  }
}

extension Recipe.Teacher {
  private struct Document: Decodable {
    let model: Selection?
    let weights: String?
    let training: ConfigurationNode?
    let torchscript: String?
    let data: Selection?
    let labels: [Int]?
    let dtype: Precision?
  }

  /// - Parameter training: the recipe's, which a teacher's own stands over.
  static func teachers(_ node: ConfigurationNode?, training: ConfigurationNode?) throws -> [Recipe.Teacher] {
    guard let node else { return [] }
    guard let entries = node.entries, !entries.isEmpty else {
      throw node.error("must be a map of teachers by name, found \(node.found)")
    }
    return try entries.map { entry in
      let document = try entry.value.decode(Document.self)
      return Recipe.Teacher(
        name: entry.key, origin: try origin(document, entry.value, training), data: document.data,
        labels: document.labels, precision: document.dtype ?? .float32, node: entry.value)
    }
  }

  private static func origin(
    _ document: Document, _ node: ConfigurationNode, _ training: ConfigurationNode?
  ) throws -> Origin {
    func model() throws -> Selection {
      guard let model = document.model else { throw node.error("missing key `model`") }
      return model
    }
    switch (document.weights, document.training, document.torchscript) {
    case (let file?, nil, nil): return .weights(try model(), file: file)
    case (nil, let own?, nil):
      if document.labels != nil {
        throw node.error(at: "labels", "are those of the data that it is trained on")
      }
      let merged = try training?.overlaid(by: own) ?? own
      return .training(try model(), try merged.decode(Recipe.Training.self))
    case (nil, nil, let file?):
      if document.model != nil { throw node.error(at: "model", "is in the TorchScript file: leave it out") }
      return .script(file: file)
    default:
      throw node.error(
        "a teacher has one of `weights`, `training` and `torchscript`: where does it know from?")
    }
  }

  /// Refuses a teacher and an arm of one name, and an arm that starts from none before it.
  static func check(_ arms: [Recipe.Arm], _ teachers: [Recipe.Teacher]) throws {
    for teacher in teachers where arms.contains(where: { $0.name == teacher.name }) {
      throw teacher.node.error(
        "an arm has the name `\(teacher.name)` too, and every arm is a teacher under its own")
    }
    for (index, arm) in arms.enumerated() {
      guard let start = arm.start else { continue }
      guard arms[..<index].contains(where: { $0.name == start }) else {
        throw arm.node.error(at: "start", "must be an arm that comes before `\(arm.name)`, found `\(start)`")
      }
    }
  }
}

extension Recipe {
  /// The same recipe for a teacher: its model, and its data, if any, in one experience.
  func taught(_ model: Selection, _ data: Selection?) -> Recipe {
    var recipe = with(model: model)
    let data = data ?? stream.data
    recipe.stream = Stream(
      data: data, scenario: Selection(Scenario.instanceIncremental.rawValue), experiences: 1,
      classOrder: .natural, limit: nil, validation: 0, online: nil,
      prequential: nil, blur: 0, augment: [])
    return recipe
  }
}
