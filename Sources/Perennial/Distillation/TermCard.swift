import Foundation

/// What there is to know of a distillation term before one chooses it, and how a recipe makes it.
public struct TermCard: Sendable {
  /// What is compared.
  public enum Family: String, CaseIterable, Sendable {
    case response = "Response"
    case feature = "Feature"
    case relation = "Relation"
  }

  /// The name in recipes.
  public let name: String
  public let family: Family
  /// One line.
  public let summary: String
  /// What is computed, as the paper writes it, in plain text.
  public let formula: String
  /// Authors, title, year.
  public let paper: String
  /// Options and their default values.
  public let defaults: [(key: String, value: String)]
  let make: @Sendable (Selection) throws -> any DistillationTerm
  /// All options as a recipe's choice has them, defaults included.
  let settings: @Sendable (Selection) throws -> [(key: String, value: String)]

  /// - Parameter make: makes the term from decoded options.
  public init<Options: Configurable>(
    _ name: String, _ family: Family, summary: String, formula: String, paper: String,
    make: @escaping @Sendable (Options) throws -> any DistillationTerm
  ) {
    (self.name, self.family, self.summary) = (name, family, summary)
    (self.formula, self.paper) = (formula, paper)
    defaults = Options().settings
    settings = { try $0.decode(Options.self).settings }
    self.make = { selection in try make(selection.decode(Options.self)) }
  }
}

extension Configurable {
  /// The options and their values, as documentation shows them.
  var settings: [(key: String, value: String)] {
    let entries = (try? NodeEncoder.encode(self))?.entries ?? []
    return entries.map { entry in
      let text = (try? entry.value.yaml()) ?? ""
      return (entry.key, entry.value.isNull ? "none" : text.trimmingCharacters(in: .whitespacesAndNewlines))
    }
  }
}
