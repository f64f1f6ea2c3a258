/// Texts that end a generation, wherever tokens happen to part them.
///
/// Make one a generation and ask it in the listener.
public struct StopTexts {
  private let texts: [String]
  private let window: Int
  private let decode: ([Int]) throws -> String

  /// - Parameter decode: gives the text of tokens.
  public init(_ texts: [String], decode: @escaping ([Int]) throws -> String) {
    self.texts = texts.filter { !$0.isEmpty }
    // A token is at least a byte long, but for a special one in front of a text or in it.
    window = (texts.map(\.utf8.count).max() ?? 0) + 4
    self.decode = decode
  }

  /// Whether one of the texts ends among the newest tokens.
  public func callAsFunction(_ token: GeneratedToken) throws -> GenerationDecision {
    guard !texts.isEmpty else { return .more }
    let text = try decode(Array(token.tokens.suffix(window)))
    return texts.contains(where: text.contains) ? .stop : .more
  }
}
