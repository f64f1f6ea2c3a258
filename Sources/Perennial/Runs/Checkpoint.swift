import Foundation
import Torch

/// Saved states of one run of a strategy with a seed: the two newest, each checked when it is read.
///
/// A checkpoint is a safetensors file whose name carries the SHA-256 of its bytes. It is written beside the others and
/// renamed into place, so a process that dies while writing leaves the one before.
public struct CheckpointStore {
  let folder: URL
  /// `<arm>-<seed>`
  let run: String
  let recipeSHA256: String

  /// - Parameters:
  ///   - run: the name of what is saved, the beginning of its files' names.
  ///   - recipeSHA256: what a state must have been saved for to be gone on from.
  public init(folder: URL, run: String, recipeSHA256: String) {
    (self.folder, self.run, self.recipeSHA256) = (folder, run, recipeSHA256)
  }

  /// Writes a state and drops all but it and the one before.
  ///
  /// What claims to be of a later step was damaged when the run went on from here, and goes too.
  ///
  /// - Throws: `AtomicFileError` where nothing can be written; what was there stays.
  @discardableResult
  public func save(_ state: State, step: Int) throws -> URL {
    var metadata = state.values
    metadata["recipe_sha256"] = recipeSHA256
    let data = try Safetensors.encode(state.tensors, metadata: metadata)
    let number = String(repeating: "0", count: max(0, 10 - "\(step)".count)) + "\(step)"
    let url = folder.appendingPathComponent("\(run)@\(number)-\(try Self.digest(data)).safetensors")
    try AtomicFile.write(data, to: url)
    let before = files().last { $0.lastPathComponent < url.lastPathComponent }
    for old in files() where old != url && old != before { try? FileManager.default.removeItem(at: old) }
    return url
  }

  /// The newest state that is whole; nil where there is none.
  ///
  /// - Throws: `CheckpointError.otherRecipe` for a whole checkpoint of another recipe.
  public func newest(_ warn: (String) -> Void) throws -> State? {
    for url in files().reversed() {
      guard let data = try? Data(contentsOf: url),
        try url.lastPathComponent.contains("-\(Self.digest(data)).")
      else {
        warn("\(url.lastPathComponent) is damaged; going back to the checkpoint before it")
        continue
      }
      let contents = try Safetensors.read(url)
      var values = contents.metadata
      guard values.removeValue(forKey: "recipe_sha256") == recipeSHA256 else {
        throw CheckpointError.otherRecipe(url.lastPathComponent)
      }
      return State(tensors: contents.tensors, values: values)
    }
    return nil
  }

  /// Drops all checkpoints of the run.
  public func clear() {
    for url in files() { try? FileManager.default.removeItem(at: url) }
  }

  private func files() -> [URL] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return names.filter { $0.hasPrefix(run + "@") && $0.hasSuffix(".safetensors") }.sorted()
      .map { folder.appendingPathComponent($0) }
  }

  private static func digest(_ data: Data) throws -> String { try String(Recipe.sha256(of: data).prefix(16)) }
}

/// Why a checkpoint is not gone on from.
public enum CheckpointError: Error, CustomStringConvertible, Equatable {
  case otherRecipe(String)

  public var description: String {
    switch self {
    case .otherRecipe(let file): "\(file) is a checkpoint of another recipe"
    }
  }
}
