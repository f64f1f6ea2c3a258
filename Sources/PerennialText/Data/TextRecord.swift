/// A text with its class, as a data set has it before any tokenizer.
public struct LabeledText: Equatable, Sendable {
  public let text: String
  public let label: String
  /// Nil where the data do not say.
  public let group: TextGroup?
  /// What its owner calls it.
  public let identifier: String?

  public init(_ text: String, label: String, group: TextGroup? = nil, identifier: String? = nil) {
    (self.text, self.label, self.group, self.identifier) = (text, label, group, identifier)
  }
}

/// What is wrong with a file of texts, and where.
public struct TextDataError: Error, Equatable, CustomStringConvertible {
  public let file: String
  /// Counted from 1; nil for the file as a whole.
  public let line: Int?
  public let problem: String

  public init(_ file: String, line: Int? = nil, _ problem: String) {
    (self.file, self.line, self.problem) = (file, line, problem)
  }

  public var description: String { "\(file)\(line.map { ":\($0)" } ?? ""): \(problem)" }
}

/// What happens to a record that cannot be used.
public enum BadRecords: String, Codable, CaseIterable, Sendable {
  case refuse
  /// Left out, and counted in the note beside every number.
  case skip
}
