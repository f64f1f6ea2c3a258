import Digests
import Foundation

/// An experiment as a file: a stream of data, a model, how it is trained, and the strategies to compare.
///
/// What names a method (data set, scenario, model, strategy) stays a ``Selection`` that the registry of its
/// kind decodes, so that a new method changes nothing here. Everything that can be judged without data is
/// judged while the recipe is read, and told with file, line and key.
public struct Recipe: Sendable {
  /// The name, which is also the folder of its runs: `split-mnist/class`.
  public let name: String
  /// What the recipe shows, in a sentence or two.
  public let description: String?
  /// What is learned, and in which order.
  public internal(set) var stream: Stream
  /// The model.
  public internal(set) var model: Selection
  /// A safetensors file with weights for the backbone to start from, below the data folder unless absolute.
  public internal(set) var weights: String?
  /// What turns its features into outputs; a linear layer that grows where the recipe says nothing.
  public internal(set) var head: Selection
  /// What a loss and a score are; classification where the recipe says nothing.
  public let objective: Selection
  /// How long and with which optimizer each experience is learned.
  public internal(set) var training: Training
  /// Trained models that strategies may learn from, by name.
  public let teachers: [Teacher]
  /// The strategies to compare, in the order of the recipe.
  public let arms: [Arm]
  /// How the arms learn together, where they do.
  public let collaboration: Collaboration?
  /// One run of every arm for each seed.
  public let seeds: [Int]
  /// What the literature says.
  public let targets: [Target]

  /// The recipe with every change from the command line applied.
  public let node: ConfigurationNode
  /// ``node`` as YAML: the content of a run's `recipe.yaml`.
  public let yaml: String

  /// SHA-256 of ``yaml`` in hexadecimal: equal for recipes that say the same in another layout.
  ///
  /// - Throws: `DigestError` where the system computes no SHA-256.
  public var sha256: String { get throws { try Self.sha256(of: Data(yaml.utf8)) } }

  /// SHA-256 of some bytes in hexadecimal.
  ///
  /// - Throws: `DigestError` where the system computes no SHA-256.
  public static func sha256(of data: Data) throws -> String { try Digest(sha256: data).hex }
}

extension Recipe {
  /// The names of the strategies to compare.
  public var armNames: [String] { arms.map(\.name) }

  /// Reads a recipe.
  ///
  /// - Parameters:
  ///   - yaml: The text.
  ///   - source: The name that errors give the text.
  ///   - changes: What the command line changes, in order.
  /// - Throws: ``ConfigurationError`` for the first mistake.
  public init(yaml: String, source: String, changes: [RecipeChange] = []) throws {
    var node = try ConfigurationNode(yaml: yaml, source: source)
    guard node.entries != nil else { throw node.error("a recipe is a map of keys, found \(node.found)") }
    for change in changes { try change.apply(to: &node) }
    try self.init(node)
  }

  /// Reads a recipe from a file.
  ///
  /// - Throws: ``ConfigurationError`` for the first mistake, or for a file that cannot be read.
  public init(contentsOf url: URL, changes: [RecipeChange] = []) throws {
    let text: String
    do {
      text = try String(contentsOf: url, encoding: .utf8)
    } catch {
      throw ConfigurationError(origin: .line(1, of: url.relativePath), message: Self.reason(url))
    }
    try self.init(yaml: text, source: url.relativePath, changes: changes)
  }

  private static func reason(_ url: URL) -> String {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else {
      return "there is no such recipe"
    }
    if isFolder.boolValue { return "a recipe is a file, this is a folder" }
    return FileManager.default.isReadableFile(atPath: url.path)
      ? "a recipe is UTF-8 text, this is not" : "the file may not be read by this user"
  }
}
