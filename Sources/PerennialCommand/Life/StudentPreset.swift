import Foundation
import Perennial
import PerennialLife
import PerennialText
import PerennialVision

/// The student of a model directory, from what somebody calls it.
struct StudentPreset {
  let plan: StudentPlan

  /// How much smaller students are than their teachers: an encoder keeps one layer of so many, other models a share of each
  /// width.
  enum Size: Int, CaseIterable {
    case small = 2
    case tiny = 4

    var name: String { "\(self)" }
  }

  /// The names of the sizes, for help.
  static let sizes = Size.allCases.reversed().map(\.name).joined(separator: ", ")

  /// - Parameters:
  ///   - name: a size, or a model as `init --model` takes it.
  ///   - changes: of the student's `life.yaml`.
  init(_ name: String, of directory: ModelDirectory, changes: [RecipeChange]) throws {
    let current = try directory.store.current()
    let teacher = try LifeConfiguration(
      yaml: current.configuration, source: "version \(current.version)")
    let model: String
    var files: ((URL) throws -> Void)? = directory.store.copyModelFiles
    var yaml = teacher.yaml
    if let size = Size.allCases.first(where: { $0.name == name }) {
      model = try Self.model(size, of: teacher.recipe.model, directory.url)
      yaml = try Self.changed(yaml, [.set("model=\(model)")])
    } else if FileManager.default.fileExists(atPath: name) {
      let preset = try LifePreset(model: name, inputs: teacher.inputs.node.yaml(), arm: nil)
      yaml = preset.yaml
      if let encoder = preset.encoder { files = { try LifePreset.copyEncoder(encoder, to: $0) } }
    } else {
      yaml = try Self.changed(yaml, [.set("model=\(name)")])
    }
    let isText = teacher.inputs.isNamed(LiveTexts.name)
    plan = StudentPlan(
      yaml: try Self.changed(yaml, changes), files: files, teaching: isText ? Self.texts : Self.others)
  }

  private static func changed(_ yaml: String, _ changes: [RecipeChange]) throws -> String {
    try LifeConfiguration(yaml: yaml, source: "the student's life.yaml", changes: changes).yaml
  }

  /// How a backbone is taught that rests afterwards.
  private static let texts = [
    RecipeChange.set("head=linear"),
    RecipeChange.set("training={optimizer: {adamw: {lr: 0.0002}}, batch: 16, epochs: 8}"),
    RecipeChange.set("strategies=[]"),
  ]
  private static let others = [
    RecipeChange.set("head=linear"),
    RecipeChange.set("training={optimizer: {adam: {lr: 0.001}}, batch: 32, epochs: 30}"),
    RecipeChange.set("strategies=[]"),
  ]

  /// A smaller model of the same kind, as `life.yaml` writes it.
  private static func model(_ size: Size, of selection: Selection, _ directory: URL) throws -> String {
    guard selection.isNamed("encoder") else {
      return try VisionModels.slimmer(selection, by: size.rawValue).node.yaml()
    }
    var node = selection.options
    let layers = try node["layers"]?.decode([Int].self)
    let folder = directory.appendingPathComponent(try node["path"]?.decode(String.self) ?? "")
    let all = try layers ?? Array(1...ModelFolder(folder).configuration(of: BERT.self).layers)
    // The last layer is the one that the pooling knows.
    let count = max(all.count / size.rawValue, 1)
    let kept = (1...count).map { all[$0 * all.count / count - 1] }
    try RecipeChange.set("layers=\(kept)").apply(to: &node)
    let encoder = ConfigurationNode.Entry(key: selection.name, origin: node.origin, value: node)
    return try ConfigurationNode(.map([encoder]), origin: node.origin).yaml()
  }
}
