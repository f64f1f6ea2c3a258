/// What is put around sequences of tokens, as the `post_processor` of tokenizer.json says.
indirect enum PostProcessor: Sendable {
  enum Piece: Sendable {
    /// The first sequence (0) or the second (1).
    case sequence(Int, typeID: Int32)
    case special([Int32], typeID: Int32)
  }

  case sequence([PostProcessor])
  case template(single: [Piece], pair: [Piece])
  case byteLevel(OffsetTrimming?)

  /// White space that a byte-level token carries is no part of its offsets.
  struct OffsetTrimming: Sendable {
    let addsPrefixSpace: Bool
  }

  private static let names = [
    "BertProcessing", "ByteLevel", "RobertaProcessing", "Sequence", "TemplateProcessing",
  ]

  init(_ node: JSONNode) throws {
    let type = try node.required("type").string()
    switch type {
    case "Sequence": self = .sequence(try node.required("processors").elements().map(PostProcessor.init))
    case "TemplateProcessing": self = try Self.template(node)
    case "BertProcessing": self = try Self.bert(node)
    case "RobertaProcessing": self = try Self.roberta(node)
    case "ByteLevel": self = .byteLevel(try Self.trimming(node))
    default:
      throw TokenizerError.unknownComponent(file: node.file, key: node.key, type: type, allowed: Self.names)
    }
  }

  private static func id(_ node: JSONNode) throws -> Int32 {
    Int32(try node.integer(in: 0...Vocabulary.highestID))
  }

  /// Reads `["[SEP]", 102]`.
  private static func special(_ node: JSONNode) throws -> Int32 {
    let pair = try node.elements()
    guard pair.count == 2 else { throw node.invalid(allowed: "a token and its id") }
    _ = try pair[0].string()
    return try id(pair[1])
  }

  private static func trimming(_ node: JSONNode) throws -> OffsetTrimming? {
    guard try node.flag("trim_offsets", default: true) else { return nil }
    return OffsetTrimming(addsPrefixSpace: try node.flag("add_prefix_space", default: true))
  }

  private static func bert(_ node: JSONNode) throws -> PostProcessor {
    let (start, end) = (try special(node.required("cls")), try special(node.required("sep")))
    let single = [Piece.special([start], typeID: 0), .sequence(0, typeID: 0), .special([end], typeID: 0)]
    return .template(single: single, pair: single + [.sequence(1, typeID: 1), .special([end], typeID: 1)])
  }

  private static func roberta(_ node: JSONNode) throws -> PostProcessor {
    let (start, end) = (try special(node.required("cls")), try special(node.required("sep")))
    let single = [Piece.special([start], typeID: 0), .sequence(0, typeID: 0), .special([end], typeID: 0)]
    let second = [Piece.special([end], typeID: 0), .sequence(1, typeID: 0), .special([end], typeID: 0)]
    return .sequence([
      .byteLevel(try trimming(node)), .template(single: single, pair: single + second),
    ])
  }

  private static func template(_ node: JSONNode) throws -> PostProcessor {
    var special: [String: [Int32]] = [:]
    let place = try node.required("special_tokens")
    for member in try place.members() {
      let ids = try place.child(member.key, member.value).required("ids").elements().map(id)
      special[member.key] = ids
    }
    func pieces(_ key: String) throws -> [Piece] {
      try node.required(key).elements().map { piece in
        if let sequence = try piece.optional("Sequence") {
          return .sequence(
            try sequence.required("id").choice(["A": 0, "B": 1]), typeID: try id(sequence.required("type_id"))
          )
        }
        let token = try piece.required("SpecialToken")
        let name = try token.required("id").string()
        guard let ids = special[name] else {
          throw TokenizerError.unknownToken(file: node.file, key: token.key, token: name)
        }
        return .special(ids, typeID: try id(token.required("type_id")))
      }
    }
    return .template(single: try pieces("single"), pair: try pieces("pair"))
  }

  /// The ids that are put before a single sequence.
  var leadingIDs: [Int32] {
    switch self {
    case .sequence(let parts): return parts.flatMap(\.leadingIDs)
    case .template(let single, _):
      if case .special(let ids, _)? = single.first { return ids }
      return []
    case .byteLevel: return []
    }
  }

  /// How many tokens are added to one sequence or to two.
  func addedCount(isPair: Bool) -> Int {
    switch self {
    case .sequence(let parts): return parts.reduce(0) { $0 + $1.addedCount(isPair: isPair) }
    case .template(let single, let pair):
      return (isPair ? pair : single).reduce(0) { count, piece in
        if case .special(let ids, _) = piece { count + ids.count } else { count }
      }
    case .byteLevel: return 0
    }
  }

  /// - Parameter vocabulary: tells where tokens begin and end with spaces.
  func apply(to parts: [Encoding], addsSpecialTokens: Bool, vocabulary: Vocabulary) -> [Encoding] {
    switch self {
    case .sequence(let processors):
      return processors.reduce(parts) {
        $1.apply(to: $0, addsSpecialTokens: addsSpecialTokens, vocabulary: vocabulary)
      }
    case .template(let single, let pair):
      var result = Encoding(
        capacity: parts.reduce(8) { $0 + $1.count }, hasOffsets: parts.first?.offsets != nil)
      for piece in parts.count > 1 ? pair : single {
        switch piece {
        case .sequence(let index, let typeID):
          if parts.indices.contains(index) { result.append(parts[index], typeID: typeID) }
        case .special(let ids, let typeID):
          if addsSpecialTokens { result.append(special: ids, typeID: typeID) }
        }
      }
      return [result]
    case .byteLevel(let trim): return parts.map { $0.trimmed(trim, vocabulary) }
    }
  }
}
