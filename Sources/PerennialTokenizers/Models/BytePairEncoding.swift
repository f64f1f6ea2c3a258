/// Byte-pair encoding (Sennrich et al. 2016): symbols are joined pair by pair in the order in which training joined them.
struct BytePairEncoding: Sendable {
  /// What a word starts out as: its bytes, whose stand-ins the vocabulary holds, or its characters.
  enum Alphabet: Sendable { case bytes, scalars }

  private struct Options {
    var prefix: [UInt8]
    var suffix: [UInt8]
    var unknownID: Int32?
    var fusesUnknown: Bool
    var fallsBackToBytes: Bool
    var ignoresMerges: Bool
  }

  let vocabulary: Vocabulary
  private let alphabet: Alphabet
  private let options: Options
  private let merges: MergeTable
  /// The id of each byte: of its stand-in, or of `<0x..>` where bytes are the fallback.
  private let byteIDs: [Int32]
  /// Whole words, for `ignore_merges`.
  private let words: ByteTable

  init(_ node: JSONNode, alphabet preferred: Alphabet) throws {
    vocabulary = try Vocabulary(node.required("vocab"))
    var options = Options(
      prefix: Array(try node.optional("continuing_subword_prefix")?.string().utf8 ?? "".utf8),
      suffix: Array(try node.optional("end_of_word_suffix")?.string().utf8 ?? "".utf8),
      fusesUnknown: try node.flag("fuse_unk"), fallsBackToBytes: try node.flag("byte_fallback"),
      ignoresMerges: try node.flag("ignore_merges"))
    if let dropout = try node.optional("dropout"), try dropout.number() != 0 {
      throw dropout.invalid(allowed: "null or 0; dropout is for training")
    }
    if let unknown = try node.optional("unk_token") {
      let token = try unknown.string()
      guard let id = vocabulary.id(of: token) else {
        throw TokenizerError.unknownToken(file: node.file, key: unknown.key, token: token)
      }
      options.unknownID = id
    }
    let isPlain = options.prefix.isEmpty && options.suffix.isEmpty && !options.fallsBackToBytes
    alphabet = isPlain ? preferred : .scalars
    self.options = options
    merges = try Self.merges(node.required("merges"), vocabulary, prefix: options.prefix)
    byteIDs = Self.byteIDs(vocabulary, alphabet)
    words = Self.words(vocabulary, alphabet, isNeeded: options.ignoresMerges)
  }

  /// Merges are written "a b", or since 2024 ["a", "b"].
  private static func merges(_ node: JSONNode, _ vocabulary: Vocabulary, prefix: [UInt8]) throws -> MergeTable
  {
    guard case .array(let elements) = node.value else {
      _ = try node.elements()
      return MergeTable(capacity: 0)
    }
    var table = MergeTable(capacity: elements.count)
    var rank = 0
    for (index, value) in elements.enumerated() {
      if case .string(let line) = value, line.utf8.starts(with: "#version".utf8) { continue }
      let (left, right) = try pair(JSONNode(value: value, file: node.file, key: "\(node.key)[\(index)]"))
      func id(_ token: [UInt8]) throws -> Int32 {
        guard let id = token.withUnsafeBufferPointer({ vocabulary.table[$0] }) else {
          throw TokenizerError.unknownMergeToken(
            file: node.file, merge: index, token: String(decoding: token, as: UTF8.self))
        }
        return id
      }
      let leftID = try id(left)
      let rightID = try id(right)
      let joined = left + right.dropFirst(prefix.count)
      table.insert(leftID, rightID, rank: rank, id: try id(joined))
      rank += 1
    }
    return table
  }

  private static func pair(_ node: JSONNode) throws -> ([UInt8], [UInt8]) {
    switch node.value {
    case .string(let line):
      let parts = line.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
      guard parts.count == 2 else { throw node.invalid(allowed: "two tokens with one space between them") }
      return (Array(parts[0]), Array(parts[1]))
    case .array(let parts):
      guard parts.count == 2, case .string(let left) = parts[0], case .string(let right) = parts[1] else {
        throw node.invalid(allowed: "two tokens")
      }
      return (Array(left.utf8), Array(right.utf8))
    default: throw node.invalid(allowed: "a string \"a b\" or an array [\"a\", \"b\"]")
    }
  }

  private static func byteIDs(_ vocabulary: Vocabulary, _ alphabet: Alphabet) -> [Int32] {
    (0..<256).map { byte in
      let digits = String(byte, radix: 16, uppercase: true)
      let name =
        switch alphabet {
        case .bytes: Unicode.Scalar(ByteAlphabet.scalars[byte]).map { String($0) } ?? ""
        case .scalars: byte < 16 ? "<0x0\(digits)>" : "<0x\(digits)>"
        }
      return vocabulary.id(of: name) ?? -1
    }
  }

  private static func words(_ vocabulary: Vocabulary, _ alphabet: Alphabet, isNeeded: Bool) -> ByteTable {
    guard isNeeded else { return ByteTable() }
    guard alphabet == .bytes else { return vocabulary.table }
    var words = ByteTable(capacity: vocabulary.count)
    for id in 0..<vocabulary.endID {
      guard let token = vocabulary.token(id) else { continue }
      let bytes = token.withUnsafeBufferPointer(ByteAlphabet.decode)
      bytes?.withUnsafeBufferPointer { _ = words.insert($0, Int32(id)) }
    }
    return words
  }

  /// Whether words are passed as bytes and not as the characters that stand for them.
  var readsBytes: Bool { alphabet == .bytes }

  /// Appends the tokens of a word that is not empty.
  func encode(_ word: ByteText, into tokens: inout [Token], _ symbols: inout SymbolList) {
    if options.ignoresMerges, let id = words[word] {
      tokens.append(Token(id: id, length: Int32(word.count)))
      return
    }
    symbols.removeAll()
    switch alphabet {
    case .bytes: spellBytes(word, into: &symbols)
    case .scalars: spellScalars(word, into: &symbols)
    }
    symbols.merge(with: merges)
    symbols.append(to: &tokens)
  }

  private func spellBytes(_ word: ByteText, into symbols: inout SymbolList) {
    var unknown: Int32 = 0
    for byte in word {
      let id = byteIDs[Int(byte)]
      if id >= 0 {
        flush(&unknown, into: &symbols)
        symbols.append(id, length: 1)
      } else {
        addUnknown(length: 1, to: &unknown, into: &symbols)
      }
    }
    flush(&unknown, into: &symbols)
  }

  private func spellScalars(_ word: ByteText, into symbols: inout SymbolList) {
    var unknown: Int32 = 0
    var affixed: [UInt8] = []
    word.forEachScalar { _, range in
      let prefix = range.lowerBound > 0 ? options.prefix : []
      let suffix = range.upperBound == word.count ? options.suffix : []
      var id: Int32?
      if prefix.isEmpty, suffix.isEmpty {
        id = vocabulary.table[word[slice: range]]
      } else {
        affixed = prefix + Array(word[range]) + suffix
        id = affixed.withUnsafeBufferPointer { vocabulary.table[$0] }
      }
      if let id {
        flush(&unknown, into: &symbols)
        symbols.append(id, length: Int32(range.count))
      } else if options.fallsBackToBytes {
        let spelled = prefix + Array(word[range]) + suffix
        if spelled.allSatisfy({ byteIDs[Int($0)] >= 0 }) {
          // As in the reference implementation, a pending unknown token then lands behind these.
          for byte in spelled { symbols.append(byteIDs[Int(byte)], length: 1) }
        } else {
          addUnknown(length: Int32(range.count), to: &unknown, into: &symbols)
        }
      } else {
        addUnknown(length: Int32(range.count), to: &unknown, into: &symbols)
      }
    }
    flush(&unknown, into: &symbols)
  }

  private func addUnknown(length: Int32, to unknown: inout Int32, into symbols: inout SymbolList) {
    guard options.unknownID != nil else { return }
    if !options.fusesUnknown { flush(&unknown, into: &symbols) }
    unknown += length
  }

  @inline(__always)
  private func flush(_ unknown: inout Int32, into symbols: inout SymbolList) {
    guard unknown > 0, let id = options.unknownID else { return }
    symbols.append(id, length: unknown)
    unknown = 0
  }
}
