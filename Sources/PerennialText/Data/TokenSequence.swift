import PerennialTokenizers

/// Tokens in order, and which of them are to be learned.
struct TokenSequence: Equatable {
  var ids: [Int] = []
  var isLearned: [Bool] = []

  var count: Int { ids.count }

  mutating func append(_ more: [Int], isLearned: Bool) {
    ids += more
    self.isLearned += [Bool](repeating: isLearned, count: more.count)
  }

  /// A record between the tokens that begin and end a text. The end is learned where it follows what is learned.
  ///
  /// Parts are cut into tokens each by itself, as they are in use, where an answer is written after a prompt.
  init(_ record: LanguageRecord, _ tokenizer: Tokenizer, separator: String = "", file: String) throws {
    let special = tokenizer.specialTokens
    let isChat = if case .chat = record.content { true } else { false }
    // A chat format writes its own marks.
    if !isChat, let begin = special.begin ?? special.end { append([begin], isLearned: false) }
    for part in try record.parts(tokenizer.chatFormat, separator: separator, file: file) {
      append(
        tokenizer.encode(part.text, addSpecialTokens: false).ids.map(Int.init), isLearned: part.isLearned)
    }
    if !isChat, let end = special.end { append([end], isLearned: isLearned.last ?? true) }
  }

  /// The first so many tokens.
  func prefix(_ count: Int) -> TokenSequence {
    var short = self
    (short.ids, short.isLearned) = (Array(ids.prefix(count)), Array(isLearned.prefix(count)))
    return short
  }
}
