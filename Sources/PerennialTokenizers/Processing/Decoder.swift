/// How tokens become text again, as the `decoder` of tokenizer.json says.
indirect enum Decoder: Sendable {
  case sequence([Decoder])
  case byteLevel
  case wordPiece(prefix: [UInt8], cleansUp: Bool)
  case metaspace(replacement: [UInt8], dropsFirst: Bool)
  case bytePairEncoding(suffix: [UInt8])
  case byteFallback
  case fuse
  case replace(TextPattern, by: [UInt8])
  case strip(content: [UInt8], start: Int, stop: Int)

  private static let names = [
    "BPEDecoder", "ByteFallback", "ByteLevel", "Fuse", "Metaspace", "Replace", "Sequence", "Strip",
    "WordPiece",
  ]

  init(_ node: JSONNode) throws {
    let type = try node.required("type").string()
    switch type {
    case "Sequence": self = .sequence(try node.required("decoders").elements().map(Decoder.init))
    case "ByteLevel": self = .byteLevel
    case "WordPiece":
      self = .wordPiece(
        prefix: Array(try node.required("prefix").string().utf8),
        cleansUp: try node.required("cleanup").bool())
    case "Metaspace":
      let (replacement, scheme) = try PreTokenizer.metaspace(node)
      self = .metaspace(replacement: replacement, dropsFirst: scheme != .never)
    case "BPEDecoder":
      self = .bytePairEncoding(suffix: Array(try node.required("suffix").string().utf8))
    case "ByteFallback": self = .byteFallback
    case "Fuse": self = .fuse
    case "Replace":
      self = .replace(
        try TextPattern(node.required("pattern")), by: Array(try node.required("content").string().utf8))
    case "Strip":
      self = .strip(
        content: Array(String(try node.required("content").scalar()).utf8),
        start: try node.required("start").integer(), stop: try node.required("stop").integer())
    default:
      throw TokenizerError.unknownComponent(file: node.file, key: node.key, type: type, allowed: Self.names)
    }
  }

  func apply(to tokens: [[UInt8]]) -> [[UInt8]] {
    switch self {
    case .sequence(let parts): parts.reduce(tokens) { $1.apply(to: $0) }
    case .byteLevel: [Self.repaired(tokens.flatMap { $0.withUnsafeBufferPointer(ByteAlphabet.decode) ?? $0 })]
    case .wordPiece(let prefix, let cleansUp): Self.joinWordPieces(tokens, prefix, cleansUp: cleansUp)
    case .metaspace(let replacement, let dropsFirst):
      tokens.enumerated().map { index, token in
        let content: [UInt8] = index == 0 && dropsFirst ? [] : [UInt8(ascii: " ")]
        return Self.replacing(.string(replacement), by: content, in: token)
      }
    case .bytePairEncoding(let suffix):
      tokens.enumerated().map { index, token in
        let content: [UInt8] = index == tokens.count - 1 ? [] : [UInt8(ascii: " ")]
        return Self.replacing(.string(suffix), by: content, in: token)
      }
    case .byteFallback: Self.joinBytes(tokens)
    case .fuse: [Array(tokens.joined())]
    case .replace(let pattern, let content): tokens.map { Self.replacing(pattern, by: content, in: $0) }
    case .strip(let content, let start, let stop):
      tokens.map { Self.strip($0, content, start: start, stop: stop) }
    }
  }

  /// Bytes that are no UTF-8 become U+FFFD.
  private static func repaired(_ bytes: [UInt8]) -> [UInt8] {
    Array(String(decoding: bytes, as: UTF8.self).utf8)
  }

  private static func replacing(_ pattern: TextPattern, by content: [UInt8], in token: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    token.withUnsafeBufferPointer { bytes in
      pattern.forEachPiece(of: bytes) { range, isMatch in
        if isMatch { result.append(contentsOf: content) } else { result.append(contentsOf: bytes[range]) }
      }
    }
    return result
  }

  private static func strip(_ token: [UInt8], _ content: [UInt8], start: Int, stop: Int) -> [UInt8] {
    var rest = token[...]
    var count = 0
    while count < start, rest.starts(with: content) {
      rest = rest.dropFirst(content.count)
      count += 1
    }
    count = 0
    while count < stop, rest.suffix(content.count).elementsEqual(content) {
      rest = rest.dropLast(content.count)
      count += 1
    }
    return Array(rest)
  }

  private static let cleanups: [(TextPattern, [UInt8])] = [
    (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"),
    (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
  ].map { (.string(Array($0.0.utf8)), Array($0.1.utf8)) }

  private static func joinWordPieces(_ tokens: [[UInt8]], _ prefix: [UInt8], cleansUp: Bool) -> [[UInt8]] {
    tokens.enumerated().map { index, token in
      var text = token
      if index > 0 {
        text = token.starts(with: prefix) ? Array(token.dropFirst(prefix.count)) : [UInt8(ascii: " ")] + token
      }
      guard cleansUp else { return text }
      return cleanups.reduce(text) { replacing($1.0, by: $1.1, in: $0) }
    }
  }

  /// Runs of `<0x..>` become the text that they spell, or U+FFFD for each when they spell none.
  private static func joinBytes(_ tokens: [[UInt8]]) -> [[UInt8]] {
    var result: [[UInt8]] = []
    var run: [UInt8] = []
    func flush() {
      guard !run.isEmpty else { return }
      if repaired(run) == run {
        result.append(run)
      } else {
        result.append(contentsOf: repeatElement(Array("\u{fffd}".utf8), count: run.count))
      }
      run = []
    }
    for token in tokens {
      if let byte = byte(token) {
        run.append(byte)
      } else {
        flush()
        result.append(token)
      }
    }
    flush()
    return result
  }

  private static func byte(_ token: [UInt8]) -> UInt8? {
    guard token.count == 6, token.starts(with: "<0x".utf8), token.last == UInt8(ascii: ">") else {
      return nil
    }
    return UInt8(String(decoding: token[3..<5], as: UTF8.self), radix: 16)
  }
}
