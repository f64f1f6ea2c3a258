import Foundation
import Perennial

/// A run that the user names by its folder or by its `results.json`.
struct RunReference {
  let folder: URL
  let results: RunResults

  /// Reads the results of a run.
  init(_ path: String) throws {
    let url = URL(fileURLWithPath: path)
    folder = url.lastPathComponent == RunResults.fileName ? url.deletingLastPathComponent() : url
    let file = folder.appendingPathComponent(RunResults.fileName)
    guard FileManager.default.fileExists(atPath: file.path) else { throw RunReferenceError(folder) }
    results = try RunResults(contentsOf: file)
  }

  /// The recipe as it was resolved, empty where the folder has none.
  var recipe: String {
    (try? String(contentsOf: folder.appendingPathComponent("recipe.yaml"), encoding: .utf8)) ?? ""
  }

  /// Short names that differ: the recipe's where that is enough, with as much of the folder as it takes
  /// otherwise.
  static func named(_ runs: [RunReference]) -> [NamedRun] {
    let recipes = runs.map(\.results.recipe)
    let names =
      Set(recipes).count == runs.count
      ? recipes : shortestDifferent(runs.map(\.folder.standardized.pathComponents))
    return zip(names, runs).map { NamedRun(name: $0, results: $1.results) }
  }

  static func shortestDifferent(_ paths: [[String]]) -> [String] {
    for length in 1...max(1, paths.map(\.count).max() ?? 1) {
      let names = paths.map { $0.suffix(length).joined(separator: "/") }
      if Set(names).count == names.count { return withoutSharedDay(names) }
    }
    return paths.indices.map { "\(paths[$0].last ?? "run") (\($0 + 1))" }
  }

  /// `10-20-30` rather than `2026-03-01T10-20-30` where all runs are of one day.
  private static func withoutSharedDay(_ names: [String]) -> [String] {
    let days = Set(names.map { $0.prefix(11) })
    guard days.count == 1, let day = days.first, day.wholeMatch(of: /\d{4}-\d\d-\d\dT/) != nil else {
      return names
    }
    return names.map { String($0.dropFirst(day.count)) }
  }
}

/// A folder without results.
struct RunReferenceError: Error, CustomStringConvertible {
  let description: String

  init(_ folder: URL) {
    let path = folder.relativePath
    var isFolder: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: folder.path, isDirectory: &isFolder)
    description =
      if !exists {
        "there is no run at \(path)"
      } else if !isFolder.boolValue {
        "\(path) is neither a run folder nor a \(RunResults.fileName)"
      } else {
        "\(path) has no \(RunResults.fileName): no strategy has finished yet, or this is no run"
      }
  }
}
