import Foundation
import Perennial
import PerennialVision
import Testing

@testable import PerennialLife

/// A folder for one test, gone with its last user.
final class Scratch {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent("life-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }
}

/// A model directory for rows of four numbers, in which a label is a corner of the cube.
final class Life {
  let scratch: Scratch
  let url: URL
  var modality: VisionModality { VisionModality(root: DataRoot(url.path)) }

  /// A network that learns, with a memory.
  static let learning = """
    inputs: {table: {columns: 4}}
    model: {mlp: {hidden: [16]}}
    training: {optimizer: {adam: {lr: 0.02}}, batch: 16, epochs: 10, checkpoint_every: 5}
    strategies: [{replay: {memory: 100, policy: class-balanced, insert: end}}]
    gate: {drop: 0.05, max_forgetting: 0.05, movement: 10}
    """

  /// A network that rests under a head that counts.
  static let counting = """
    inputs: {table: {columns: 4}}
    model: {mlp: {hidden: [12]}}
    head: streaming-lda
    training: {optimizer: adam, batch: 16, epochs: 1, freeze: backbone}
    """

  init(_ yaml: String = Life.learning) throws {
    scratch = try Scratch()
    url = scratch.url.appendingPathComponent("model")
    _ = try ModelDirectory.create(url, yaml: yaml, modality: modality)
  }

  func open(_ access: ModelDirectory.Access = .write) throws -> ModelDirectory {
    try ModelDirectory(url, for: access)
  }

  @discardableResult
  func learn(_ records: InputRecords?, options: LearnOptions = LearnOptions(), changes: [String] = []) throws
    -> LearnOutcome
  {
    try open().learn(records, modality, options: options, changes: changes.map(RecipeChange.set))
  }

  func forget(_ identifiers: [String], _ policy: ForgetPolicy = .unlearn, force: String? = nil) throws
    -> ForgetReceipt
  {
    try open().forget(identifiers, policy: policy, force: force, modality)
  }

  /// Rows of these labels, the same for the same numbers; a label is told by the signs of the first three columns.
  ///
  /// - Parameter said: what the rows are called, where that is not the truth.
  static func rows(
    _ labels: [Int], _ range: Range<Int>, named: String = "row", as said: ((Int) -> Int)? = nil
  )
    -> InputRecords
  {
    var inputs: [LabeledInput] = []
    for label in labels {
      for index in range {
        var random = SplitMix(state: UInt64(label) << 32 + UInt64(index))
        let cells = (0..<4).map { column -> String in
          let centre = column < 3 ? (label >> column & 1 == 0 ? -1.0 : 1.0) : 0
          return String(format: "%.4f", centre + Double.random(in: -0.4...0.4, using: &random))
        }
        inputs.append(
          LabeledInput(
            payload: Data(cells.joined(separator: ",").utf8), label: "class \(said?(label) ?? label)",
            identifier: "\(named)-\(label)-\(index)", origin: "rows:\(index)"))
      }
    }
    return InputRecords(inputs: inputs)
  }

  /// Every byte below the directory, by file.
  func bytes() throws -> [String: Data] {
    var all: [String: Data] = [:]
    guard let files = FileManager.default.enumerator(atPath: url.path) else { return all }
    for case let path as String in files {
      let file = url.appendingPathComponent(path)
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: file.path, isDirectory: &isFolder), !isFolder.boolValue
      else {
        continue
      }
      all[path] = try Data(contentsOf: file)
    }
    return all
  }

  /// The files that hold some bytes.
  func files(holding wanted: Data) throws -> [String] {
    try bytes().filter { $0.value.range(of: wanted) != nil }.keys.sorted()
  }
}

/// Tables, wherever the directory is.
func visionModality() -> VisionModality { VisionModality(root: DataRoot("/nowhere")) }

/// Random numbers that every test run repeats (Steele, Lea & Flood 2014).
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
