import Foundation
import Perennial
import Torch

/// Images and tables for recipes: data sets, scenarios and models by name.
public struct VisionModality: Modality {
  private let sources: DataSources

  /// Takes data from below `root`.
  public init(root: DataRoot) { sources = DataSources(root: root) }

  /// The stream that a recipe describes. Data that one recipe asks for again and again is read once.
  ///
  /// - Throws: `ConfigurationError` for what the recipe has wrong, what the data cannot give included; what reading
  ///   the data throws.
  public func stream(_ recipe: Recipe, seed: UInt64) throws -> Perennial.Stream {
    let description = recipe.stream
    let augmentation = try Augmentation(description.augment)
    var source = try sources.source(description.data)
    if !augmentation.isEmpty {
      source = source.with(pipeline: source.pipeline.with(augmentations: [augmentation.callAsFunction]))
    }
    var plan = try recipe.plan()
    plan.domains = try domains(description.scenario, plan.experiences, source, seed)
    return try recipe.stream(plan, of: source, seed: seed)
  }

  /// How to make the model that a recipe describes, for inputs of this stream.
  ///
  /// - Throws: what asking the stream for its inputs throws; making the model throws `ConfigurationError` for a wrong
  ///   name or option.
  public func blueprint(_ recipe: Recipe, for stream: Perennial.Stream) throws -> Blueprint {
    try blueprint(recipe, input: stream.inputShape())
  }

  /// How to make the model that a recipe describes, for inputs of this shape.
  func blueprint(_ recipe: Recipe, input: [Int]) throws -> Blueprint {
    let weights = try recipe.weights.map { try initialWeights($0, recipe.node["weights"]) }
    return Blueprint { random in
      let backbone = try VisionModels.backbone(
        recipe.model, input: input, weights: random.stream("initialization"),
        dropout: random.stream("dropout"))
      if let weights { try backbone.loadPublished(weights, ignoringClassifier: backbone.headName) }
      let head = try HeadRegistry.make(
        recipe.head, features: backbone.featureCount, random.stream("head"))
      return Network(backbone, head: head, headName: backbone.headName)
    }
  }

  /// Images or rows of tables that arrive over time.
  public func liveInputs(_ recipe: Recipe) throws -> any LiveInputs {
    let inputs = recipe.stream.data
    if inputs.isNamed(LiveImages.name) { return try LiveImages(recipe, self) }
    if inputs.isNamed(LiveTables.name) { return try LiveTables(recipe, self) }
    throw inputs.node.notAmong(
      [LiveImages.name, LiveTables.name, "text"], inputs.name, kind: "kind of input")
  }

  /// Where a file that a recipe names is: below the data root unless its path is absolute.
  public func file(_ path: String) -> URL { sources.url(path) }

  private func initialWeights(_ path: String, _ node: ConfigurationNode?) throws -> [String: Tensor] {
    do {
      return try Safetensors.read(file(path)).tensors.mapValues { try $0.clone() }
    } catch {
      throw node?.error("\(error)") ?? error
    }
  }

  /// A number of [0, 1).
  private static func share(_ numbers: NumberStream) -> Double {
    var generator = numbers
    return Double.random(in: 0..<1, using: &generator)
  }

  private func domains(
    _ selection: Selection, _ count: Int, _ source: DataSource, _ seed: UInt64
  ) throws -> [StreamPlan.Domain]? {
    let options = try selection.decode(ScenarioOptions.self)
    guard let transform = options.transform else { return nil }
    let shape = source.train.inputs.shape
    guard shape.count == 4, source.train.inputs.dtype == .uint8 else {
      throw selection.node.error("`\(transform.rawValue)` needs images, and \(source.name) has rows")
    }
    let random = RandomStreams(seed: seed)
    return try (0..<count).map { index in
      switch transform {
      case .permute:
        let permutation = try PixelPermutation(
          pixels: shape[2] * shape[3], random.stream("permutation-\(index)"))
        return .init(name: "permutation \(index + 1)", transform: permutation.callAsFunction)
      case .rotate:
        let share =
          switch options.angles {
          case .even: Double(index) / Double(count)
          case .random: Self.share(random.numbers("rotation-\(index)"))
          }
        let rotation = FixedRotation(degrees: options.degrees * share)
        let name =
          switch options.angles {
          case .even: "\(Int(rotation.degrees.rounded()))°"
          case .random: "\((rotation.degrees * 10).rounded() / 10)°"
          }
        return .init(name: name, transform: rotation.callAsFunction)
      }
    }
  }
}
