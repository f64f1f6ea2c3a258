import PerennialTokenizers

/// What running text is cut into.
public enum Alphabet: Sendable {
  /// UTF-8, 256 tokens.
  case bytes
  /// Unicode scalars in ascending order.
  case characters([Unicode.Scalar])
  case tokenizer(Tokenizer)

  /// The characters of some texts.
  ///
  /// - Throws: what reading them throws.
  public static func characters(of corpora: [Corpus]) throws -> Alphabet {
    var all: Set<Unicode.Scalar> = []
    for corpus in corpora { try corpus.pieces { all.formUnion($0.unicodeScalars) } }
    return .characters(all.sorted())
  }

  /// The number of tokens.
  public var count: Int {
    switch self {
    case .bytes: 256
    case .characters(let all): all.count
    case .tokenizer(let tokenizer): tokenizer.endID
    }
  }

  /// The tokenizer, where it is one.
  var tokenizer: Tokenizer? {
    if case .tokenizer(let tokenizer) = self { tokenizer } else { nil }
  }

  /// The token that ends a text, where there is one.
  public var end: Int? {
    if case .tokenizer(let tokenizer) = self { tokenizer.specialTokens.end } else { nil }
  }

  /// The tokens of a text; characters that are none of the alphabet's are left out.
  public func encode(_ text: String) -> [Int] {
    switch self {
    case .bytes: return text.utf8.map(Int.init)
    case .characters(let all):
      let places = Dictionary(uniqueKeysWithValues: all.enumerated().map { ($1, $0) })
      return text.unicodeScalars.compactMap { places[$0] }
    case .tokenizer(let tokenizer):
      return tokenizer.encode(text, addSpecialTokens: false).ids.map(Int.init)
    }
  }

  /// The text of some tokens.
  public func decode(_ tokens: [Int]) -> String {
    switch self {
    case .bytes: return String(decoding: tokens.compactMap { UInt8(exactly: $0) }, as: UTF8.self)
    case .characters(let all):
      return String(String.UnicodeScalarView(tokens.filter(all.indices.contains).map { all[$0] }))
    case .tokenizer(let tokenizer): return tokenizer.decode(tokens.map(Int32.init))
    }
  }
}
