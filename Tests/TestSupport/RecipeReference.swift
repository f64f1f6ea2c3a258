import Foundation

/// `Documentation/Recipes.md`, which names every key and everything that can be chosen by name.
public enum RecipeReference {
  public static func text() throws -> String {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return try String(contentsOf: root.appendingPathComponent("Documentation/Recipes.md"), encoding: .utf8)
  }

  /// Those of some names that it has nowhere as code, in `section` and what is below it where one is given.
  public static func missing(_ names: [String], in section: String? = nil) throws -> [String] {
    var text = try text()
    if let section {
      let parts = text.components(separatedBy: "\n## ").filter { $0.hasPrefix("\(section)\n") }
      text = parts.first ?? ""
    }
    return names.filter { !text.contains("`\($0)`") }
  }

  /// The first example, a whole recipe.
  public static func example() throws -> String {
    let parts = try text().components(separatedBy: "```")
    return String(parts[1].dropFirst("yaml\n".count))
  }
}
