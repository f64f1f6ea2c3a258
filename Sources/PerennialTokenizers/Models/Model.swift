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

  /// Appends the tokens of a word that is not empty to those of the workspace.
  @inline(__always)
  func encode(_ word: ByteText, _ workspace: inout Workspace) {
    guard word.count <= WordCache.longestWord else { return encodeAfresh(word, &workspace) }
    let hash = WordCache.hash(word)
    if workspace.cache.append(word, hash: hash, to: &workspace.tokens) { return }
    let first = workspace.tokens.count
    encodeAfresh(word, &workspace)
    workspace.cache.insert(word, hash: hash, workspace.tokens[first...])
  }

  @inline(never)
  private func encodeAfresh(_ word: ByteText, _ workspace: inout Workspace) {
    switch self {
    case .bytePairEncoding(let model): model.encode(word, into: &workspace.tokens, &workspace.symbols)
    case .wordPiece(let model): model.encode(word, into: &workspace.tokens)
    case .unigram(let model): model.encode(word, into: &workspace.tokens)
    }
  }
}
