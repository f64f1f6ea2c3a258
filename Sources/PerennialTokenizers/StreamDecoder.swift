/// Text from tokens as they come: a character is handed out when all of its bytes are there.
public struct StreamDecoder: Sendable {
  private let tokenizer: Tokenizer
  private let skipsSpecialTokens: Bool
  /// Tokens whose text is out already, as the context of the next ones, then those that wait.
  private var window: [Int32] = []
  private var contextCount = 0
  private var context = ""

  init(_ tokenizer: Tokenizer, skipSpecialTokens: Bool) {
    self.tokenizer = tokenizer
    skipsSpecialTokens = skipSpecialTokens
  }

  /// The text that is certain now that this token has come, often none.
  public mutating func append(_ id: Int32) -> String {
    window.append(id)
    let text = decode(window)
    guard !text.unicodeScalars.reversed().starts(with: ["\u{fffd}"]) else { return "" }
    return emit(text)
  }

  /// What is left when no more tokens come; broken characters appear as U+FFFD.
  public mutating func finish() -> String {
    defer {
      window = []
      contextCount = 0
      context = ""
    }
    return emit(decode(window))
  }

  private func decode(_ ids: [Int32]) -> String {
    tokenizer.decode(ids, skipSpecialTokens: skipsSpecialTokens)
  }

  private mutating func emit(_ text: String) -> String {
    guard text.utf8.count > context.utf8.count, text.utf8.starts(with: context.utf8) else { return "" }
    let new = String(decoding: text.utf8.dropFirst(context.utf8.count), as: UTF8.self)
    window.removeFirst(contextCount)
    contextCount = window.count
    context = decode(window)
    return new
  }
}
