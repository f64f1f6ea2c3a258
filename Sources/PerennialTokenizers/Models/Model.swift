/// What turns words into tokens, as the `model` of tokenizer.json says.
enum Model: Sendable {
  case bytePairEncoding(BytePairEncoding)
  case wordPiece(WordPiece)
  case unigram(Unigram)

  private static let names = ["BPE", "Unigram", "WordPiece"]

  /// - Parameter alphabet: bytes when the last pre-tokenizer is byte-level.
  init(_ node: JSONNode, alphabet: BytePairEncoding.Alphabet) throws {
    let type = try node.optional("type")?.string() ?? Self.guess(node)
    switch type {
    case "BPE": self = .bytePairEncoding(try BytePairEncoding(node, alphabet: alphabet))
    case "WordPiece": self = .wordPiece(try WordPiece(node))
    case "Unigram": self = .unigram(try Unigram(node))
    default:
      throw TokenizerError.unknownComponent(file: node.file, key: node.key, type: type, allowed: Self.names)
    }
  }

  /// Old files have no type.
  private static func guess(_ node: JSONNode) throws -> String {
    if try node.optional("merges") != nil { return "BPE" }
    if try node.optional("max_input_chars_per_word") != nil { return "WordPiece" }
    if try node.optional("unk_id") != nil { return "Unigram" }
    throw TokenizerError.missingKey(file: node.file, key: "\(node.key).type")
  }

  var vocabulary: Vocabulary {
    switch self {
    case .bytePairEncoding(let model): model.vocabulary
    case .wordPiece(let model): model.vocabulary
    case .unigram(let model): model.vocabulary
    }
  }

  var readsBytes: Bool {
    if case .bytePairEncoding(let model) = self { model.readsBytes } else { false }
  }

  @inline(__always)
  func encode(_ word: ByteText, into tokens: inout [Token], _ workspace: Workspace) {
    guard word.count <= WordCache.longestWord else { return encodeAfresh(word, into: &tokens, workspace) }
    let hash = WordCache.hash(word)
    if workspace.cache.append(word, hash: hash, to: &tokens) { return }
    let first = tokens.count
    encodeAfresh(word, into: &tokens, workspace)
    workspace.cache.insert(word, hash: hash, tokens[first...])
  }

  private func encodeAfresh(_ word: ByteText, into tokens: inout [Token], _ workspace: Workspace) {
    switch self {
    case .bytePairEncoding(let model): model.encode(word, into: &tokens, &workspace.symbols)
    case .wordPiece(let model): model.encode(word, into: &tokens)
    case .unigram(let model): model.encode(word, into: &tokens)
    }
  }
}
