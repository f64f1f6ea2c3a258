import Foundation

/// Where a configuration value was written: a line of a file, or an option of the command line.
public enum ConfigurationOrigin: Sendable, Hashable, CustomStringConvertible {
  /// A line, counted from 1, of a file.
  case line(Int, of: String)
  /// An option of the command line, as the user typed it.
  case option(String)
  /// A value that the program supplied, such as a published default.
  case builtIn

  /// `recipe.yaml:7`, `--set training.batch=0` or `default`.
  public var description: String {
    switch self {
    case .line(let line, let file): "\(file):\(line)"
    case .option(let text): text
    case .builtIn: "default"
    }
  }
}

/// A mistake in a recipe or in another configuration file, told so that the reader can mend it: where it was
/// written, which key it belongs to, what was found and what is allowed.
public struct ConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The file and line, or the option, that holds the mistake.
  public var origin: ConfigurationOrigin
  /// The dotted path of the key, such as `training.batch`; empty for the document itself.
  public var path: String
  /// What is wrong and what is allowed.
  public var message: String

  /// Creates an error for a value at a place.
  public init(origin: ConfigurationOrigin, path: String = "", message: String) {
    self.origin = origin
    self.path = path
    self.message = message
  }

  /// `recipe.yaml:7: training.batch: must be at least 1, found 0`.
  public var description: String {
    [origin.description, path, message].filter { !$0.isEmpty }.joined(separator: ": ")
  }
}

extension ConfigurationError: LocalizedError {
  /// The same text as ``description``.
  public var errorDescription: String? { description }
}
