/// How normalized text is cut into words, as the `pre_tokenizer` of tokenizer.json says.
indirect enum PreTokenizer: Sendable {
  enum PrependScheme: Sendable { case first, never, always }

  case sequence([PreTokenizer])
  case bert
  case byteLevel(addsPrefixSpace: Bool, usesExpression: Bool)
  case whitespace
  case whitespaceSplit
  case punctuation(SplitBehavior)
  case digits(areSeparate: Bool)
  case split(TextPattern, SplitBehavior, isInverted: Bool)
  case metaspace(replacement: [UInt8], PrependScheme, splits: Bool)
  case delimiter(UInt32)

  private static let names = [
    "BertPreTokenizer", "ByteLevel", "CharDelimiterSplit", "Digits", "Metaspace", "Punctuation", "Sequence",
    "Split", "Whitespace", "WhitespaceSplit",
  ]

  init(_ node: JSONNode) throws {
    let type = try node.required("type").string()
    switch type {
    case "Sequence": self = .sequence(try node.required("pretokenizers").elements().map(PreTokenizer.init))
    case "BertPreTokenizer": self = .bert
    case "ByteLevel":
      self = .byteLevel(
        addsPrefixSpace: try node.required("add_prefix_space").bool(),
        usesExpression: try node.flag("use_regex", default: true))
    case "Whitespace": self = .whitespace
    case "WhitespaceSplit": self = .whitespaceSplit
    case "Punctuation":
      self = .punctuation(try node.optional("behavior")?.choice(SplitBehavior.names) ?? .isolated)
    case "Digits": self = .digits(areSeparate: try node.required("individual_digits").bool())
    case "Split":
      self = .split(
        try TextPattern(node.required("pattern")),
        try node.required("behavior").choice(SplitBehavior.names),
        isInverted: try node.required("invert").bool())
    case "Metaspace":
      let (replacement, scheme) = try Self.metaspace(node)
      self = .metaspace(replacement: replacement, scheme, splits: try node.flag("split", default: true))
    case "CharDelimiterSplit": self = .delimiter(try node.required("delimiter").scalar().value)
    default:
      throw TokenizerError.unknownComponent(file: node.file, key: node.key, type: type, allowed: Self.names)
    }
  }

  /// What a metaspace pre-tokenizer and decoder share.
  static func metaspace(_ node: JSONNode) throws -> (replacement: [UInt8], PrependScheme) {
    var scheme = PrependScheme.always
    let named = try node.optional("prepend_scheme")
    if let named { scheme = try named.choice(["first": .first, "never": .never, "always": .always]) }
    if try !node.flag("add_prefix_space", default: true) {
      // Files from before `prepend_scheme`.
      if let named, scheme != .never {
        throw named.invalid(allowed: "never, where add_prefix_space is false")
      }
      scheme = .never
    }
    return (Array(String(try node.required("replacement").scalar()).utf8), scheme)
  }

  /// The steps in order, sequences unfolded.
  var steps: [PreTokenizer] {
    if case .sequence(let parts) = self { parts.flatMap(\.steps) } else { [self] }
  }

  /// True when the words of this step depend on where in the original they begin.
  var needsOrigins: Bool {
    if case .metaspace(_, .first, _) = self { true } else { false }
  }

  /// - Parameter mapsBytes: whether a byte-level step writes its stand-ins for bytes; a byte-level model reads the bytes
  ///   themselves.
  func apply(to pieces: inout Pieces, mapsBytes: Bool = true) {
    let classes = CharacterClasses.shared
    switch self {
    case .sequence(let parts): for part in parts { part.apply(to: &pieces) }
    case .bert: Self.splitLikeBERT(&pieces)
    case .byteLevel(let addsPrefixSpace, let usesExpression):
      if addsPrefixSpace { Self.prependSpace(&pieces) }
      if usesExpression { pieces.split(with: .gpt2) }
      if mapsBytes { ByteAlphabet.map(&pieces) }
    case .whitespace: Self.splitWords(&pieces)
    case .whitespaceSplit: pieces.split(on: { classes[$0].contains(.space) }, .removed)
    case .punctuation(let behavior): pieces.split(on: { classes[$0].contains(.punctuation) }, behavior)
    case .digits(let areSeparate):
      pieces.split(on: { classes[$0].contains(.number) }, areSeparate ? .isolated : .contiguous)
    case .split(let pattern, let behavior, let isInverted):
      pieces.split(on: pattern, behavior, isInverted: isInverted)
    case .metaspace(let replacement, let scheme, let splits):
      Self.replaceSpaces(&pieces, by: replacement, scheme)
      if splits { pieces.split(on: .string(replacement), .mergedWithNext, isInverted: false) }
    case .delimiter(let delimiter): pieces.split(on: { $0 == delimiter }, .removed)
    }
  }

  private static func prependSpace(_ pieces: inout Pieces) {
    let space = UInt8(ascii: " ")
    guard pieces.words.contains(where: { pieces.text.bytes[$0.lowerBound] != space }) else { return }
    if pieces.words == [0..<pieces.text.bytes.count] {
      pieces.text.prepend([space])
      pieces.words = [0..<pieces.text.bytes.count]
      return
    }
    pieces.rewrite { bytes, word, text, result in
      if bytes[word.lowerBound] != space { result.append([space], origin: text.firstOrigin(of: word)) }
      result.append(text, word)
    }
  }

  private static func replaceSpaces(_ pieces: inout Pieces, by replacement: [UInt8], _ scheme: PrependScheme)
  {
    let isFirst = pieces.isFirst
    pieces.rewrite { bytes, word, text, result in
      let isReplaced =
        bytes[word.lowerBound] == UInt8(ascii: " ") || bytes.starts(with: replacement, at: word.lowerBound)
      let isWanted =
        switch scheme {
        case .always: true
        case .never: false
        case .first:
          text.isTracked ? text.origin(of: word).lowerBound == 0 : isFirst && word.lowerBound == 0
        }
      if isWanted, !isReplaced { result.append(replacement, origin: text.firstOrigin(of: word)) }
      var start = word.lowerBound
      for index in word where bytes[index] == UInt8(ascii: " ") {
        result.append(text, start..<index)
        result.append(replacement, origin: text.origin(of: index..<index + 1))
        start = index + 1
      }
      result.append(text, start..<word.upperBound)
    }
  }

  private static func splitLikeBERT(_ pieces: inout Pieces) {
    let classes = CharacterClasses.shared
    pieces.split { bytes, word, result in
      var start = word.lowerBound
      var index = start
      while index < word.upperBound {
        let (scalar, length) = bytes.scalar(at: index)
        let found = classes[scalar]
        if !found.isDisjoint(with: [.space, .punctuation]) {
          if start < index { result.append(start..<index) }
          start = index + length
          if !found.contains(.space) { result.append(index..<start) }
        }
        index += length
      }
      if start < index { result.append(start..<index) }
    }
  }

  /// `\w+|[^\w\s]+`.
  private static func splitWords(_ pieces: inout Pieces) {
    let classes = CharacterClasses.shared
    pieces.split { bytes, word, result in
      var start = word.lowerBound
      var index = start
      var current: CharacterClass = .space
      while index < word.upperBound {
        let (scalar, length) = bytes.scalar(at: index)
        let found = classes[scalar]
        let kind: CharacterClass = found.contains(.word) ? .word : found.contains(.space) ? .space : .other
        if kind != current {
          if current != .space { result.append(start..<index) }
          start = index
          current = kind
        }
        index += length
      }
      if current != .space, start < index { result.append(start..<index) }
    }
  }
}

extension AlignedText {
  /// The origin of the first byte of a range that is not empty.
  func firstOrigin(of range: Range<Int>) -> Range<Int32> {
    origin(of: range.lowerBound..<range.lowerBound + 1)
  }
}
