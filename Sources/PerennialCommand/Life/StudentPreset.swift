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
      let selection = teacher.recipe.model
      if selection.isNamed("encoder") {
        let encoder = try Encoder(selection, size, directory.url)
        files = { try encoder.fill($0, from: directory.store) }
        model = try encoder.node.yaml()
      } else {
        model = try VisionModels.slimmer(selection, by: size.rawValue).node.yaml()
      }
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

  /// An encoder that has some of its teacher's layers.
  private struct Encoder {
    /// As `life.yaml` names it: by its files, which hold these layers alone.
    let node: ConfigurationNode
    private let path: String
    /// Of the teacher's files, counted from 1.
    private let kept: [Int]

    init(_ selection: Selection, _ size: Size, _ directory: URL) throws {
      let options = selection.options
      path = try options["path"]?.decode(String.self) ?? ""
      let files = ModelFolder(directory.appendingPathComponent(path))
      let all =
        try options["layers"]?.decode([Int].self) ?? Array(1...files.configuration(of: BERT.self).layers)
      // The last layer is the one that the pooling knows.
      let count = max(all.count / size.rawValue, 1)
      kept = (1...count).map { all[$0 * all.count / count - 1] }
      var rest = options
      rest.content = .map((options.entries ?? []).filter { $0.key != "layers" })
      node = ConfigurationNode(
        .map([.init(key: selection.name, origin: options.origin, value: rest)]), origin: options.origin)
    }

    /// - Parameter folder: `model/` of the student.
    func fill(_ folder: URL, from store: VersionStore) throws {
      try store.copyModelFiles(to: folder)
      try ModelFolder(folder.deletingLastPathComponent().appendingPathComponent(path)).keep(layers: kept)
    }
  }
}
