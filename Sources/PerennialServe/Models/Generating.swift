import PerennialText
import PerennialTokenizers

/// A text to go on with, or a conversation to answer.
public struct GenerationRequest: Sendable {
  /// What comes before the answer.
  public enum Prompt: Sendable {
    case text(String)
    case chat([ChatMessage])
  }

  /// What comes before the answer, and how the answer is drawn.
  public var prompt: Prompt
  public var options: GenerationOptions
  /// Texts that end the answer.
  public var stops: [String]

  public init(_ prompt: Prompt, options: GenerationOptions = GenerationOptions(), stops: [String] = []) {
    (self.prompt, self.options, self.stops) = (prompt, options, stops)
  }
}

/// What one who listens to a generation wants after a piece of text.
public enum GenerationListening: Sendable {
  case goOn, stop
}

/// How a generation went.
public struct GenerationSummary: Sendable, Equatable {
  public var promptTokens: Int
  public var newTokens: Int
  /// Whether there was no room for more, rather than an end.
  public var isCut: Bool

  public init(promptTokens: Int, newTokens: Int, isCut: Bool) {
    (self.promptTokens, self.newTokens, self.isCut) = (promptTokens, newTokens, isCut)
  }
}
