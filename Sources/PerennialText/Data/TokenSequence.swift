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
  /// A text is cut into tokens as one, so that what a tokenizer puts in front of it stands there once; its parts each by itself
  /// where a token would belong to two, as in use, where an answer is written after a prompt.
  ///
  /// - Parameter chat: how conversations are written; as the tokenizer's files say when nil.
  /// - Throws: `TokenizerError` for a conversation that has no format, or no place in it.
  init(_ record: LanguageRecord, _ tokenizer: Tokenizer, separator: String = "", chat: ChatFormat? = nil)
    throws
  {
    let special = tokenizer.specialTokens
    let isChat = if case .chat = record.content { true } else { false }
    let format = isChat ? try tokenizer.requiredChatFormat(chat) : nil
    // A chat format writes its own marks, but for the plain one, which has none.
    let isBare = format == nil || format == .plain
    if isBare, let begin = special.begin ?? special.end { append([begin], isLearned: false) }
    append(try record.parts(format, separator: separator), tokenizer)
    if isBare, let end = special.end { append([end], isLearned: isLearned.last ?? true) }
  }

  private mutating func append(_ parts: [LanguageRecord.Part], _ tokenizer: Tokenizer) {
    let whole = tokenizer.encodeWithOrigins(parts.map(\.text).joined())
    if let owners = Self.owners(of: whole.offsets ?? [], parts) {
      for (id, owner) in zip(whole.ids, owners) { append([Int(id)], isLearned: parts[owner].isLearned) }
    } else {
      for part in parts {
        append(
          tokenizer.encode(part.text, addSpecialTokens: false).ids.map(Int.init), isLearned: part.isLearned)
      }
    }
  }

  /// The part that each token comes from, given its bytes in the text; nil where one comes from two.
  private static func owners(of tokens: [Range<Int>], _ parts: [LanguageRecord.Part]) -> [Int]? {
    var ends: [Int] = []
    for part in parts { ends.append((ends.last ?? 0) + part.text.utf8.count) }
    var owners: [Int] = []
    var part = 0
    for token in tokens {
      while part < ends.count - 1, token.lowerBound >= ends[part] { part += 1 }
      guard token.upperBound <= ends[part] else { return nil }
      owners.append(part)
    }
    return owners
  }

  /// The last run of tokens that are to be learned: the answer to all that comes before; nil where there is none.
  var answer: Range<Int>? {
    isLearned.lastIndex(of: true).map { last in
      (isLearned[..<last].lastIndex(of: false).map { $0 + 1 } ?? 0)..<(last + 1)
    }
  }

  /// The first so many tokens.
  func prefix(_ count: Int) -> TokenSequence {
    var short = self
    (short.ids, short.isLearned) = (Array(ids.prefix(count)), Array(isLearned.prefix(count)))
    return short
  }
}
