/// WordPiece (Wu et al. 2016): the longest token that begins the word, then the longest that continues it, and so on.
struct WordPiece: Sendable {
  let vocabulary: Vocabulary
  private let unknownID: Int32
  private let longestWord: Int
  /// Tokens that continue a word, without their prefix.
  private let continuations: ByteTable
  private let longestToken: Int

  init(_ node: JSONNode) throws {
    vocabulary = try Vocabulary(node.required("vocab"))
    let unknown = try node.required("unk_token")
    guard let id = vocabulary.id(of: try unknown.string()) else {
      throw TokenizerError.unknownToken(file: node.file, key: unknown.key, token: try unknown.string())
    }
    unknownID = id
    longestWord = try node.required("max_input_chars_per_word").integer()
    let prefix = Array(try node.required("continuing_subword_prefix").string().utf8)
    var continuations = ByteTable(capacity: vocabulary.count)
    var longestToken = 0
    for id in 0..<vocabulary.endID {
      guard let token = vocabulary.token(id) else { continue }
      longestToken = max(longestToken, token.count)
      guard token.starts(with: prefix) else { continue }
      token.dropFirst(prefix.count).withUnsafeBufferPointer { _ = continuations.insert($0, Int32(id)) }
    }
    self.continuations = continuations
    self.longestToken = longestToken
  }

  /// Appends the tokens of a word that is not empty, or the unknown token alone.
  func encode(_ word: ByteText, into tokens: inout [Token]) {
    let first = tokens.count
    var start = 0
    if isTooLong(word) {
      start = -1
    }
    while start >= 0, start < word.count {
      let (id, length) = longestMatch(in: word, from: start)
      if length == 0 {
        start = -1
      } else {
        tokens.append(Token(id: id, length: Int32(length)))
        start += length
      }
    }
    if start < 0 {
      tokens.removeSubrange(first...)
      tokens.append(Token(id: unknownID, length: Int32(word.count)))
    }
  }

  private func isTooLong(_ word: ByteText) -> Bool {
    guard word.count > longestWord else { return false }
    return word.count { $0 & 0xc0 != 0x80 } > longestWord
  }

  /// One pass hashes every beginning of the rest; then the longest is looked up first.
  @inline(__always)
  private func longestMatch(in word: ByteText, from start: Int) -> (id: Int32, length: Int) {
    let limit = min(word.count - start, longestToken)
    return withUnsafeTemporaryAllocation(of: UInt64.self, capacity: max(limit, 1)) { hashes in
      var hash = ByteTable.seed
      for offset in 0..<limit {
        hash = ByteTable.extend(hash, word[start + offset])
        hashes[offset] = hash
      }
      var length = limit
      while length > 0 {
        let end = start + length
        let isBoundary = end == word.count || word[end] & 0xc0 != 0x80
        if isBoundary {
          let piece = word[slice: start..<end]
          let found =
            start == 0
            ? vocabulary.table.find(piece, hash: hashes[length - 1])
            : continuations.find(piece, hash: hashes[length - 1])
          if let found { return (found, length) }
        }
        length -= 1
      }
      return (0, 0)
    }
  }
}
