import Foundation

/// A tokenizer read from Hugging Face's tokenizer.json, or trained here. It gives the same ids as the `tokenizers`
/// library does.
///
/// Any thread may use it; it keeps the tokens of words that it has seen.
public final class Tokenizer: Sendable {
  /// The name of the file it came from, for errors.
  let file: String
  /// The file as it was read, which is what `save` writes.
  let document: Data
  let model: Model
  let added: AddedVocabulary
  let normalizer: Normalizer?
  /// Pre-tokenizers in order, and whether each writes stand-ins for bytes.
  let steps: [(step: PreTokenizer, mapsBytes: Bool)]
  let postProcessor: PostProcessor?
  let decoder: Decoder?
  let pool = WorkspacePool()
  /// Whether text must know where it came from although nobody asked for offsets.
  let needsOrigins: Bool

  /// What the file asks for. Neither is applied unless it is passed on to `encode`.
  public let truncation: Truncation?
  public let padding: Padding?
  /// The tokens with a part to play.
  public let specialTokens: SpecialTokens
  /// How conversations are written, or nil when the files do not say.
  public let chatFormat: ChatFormat?
  /// Why there is none although the files have a template: none that is known.
  let unknownTemplate: TokenizerError?

  init(
    document: Data, file: String, specialTokens: SpecialTokens? = nil,
    chatFormat: Result<ChatFormat?, TokenizerError> = .success(nil), leadingToken: Int? = nil
  ) throws {
    let root = JSONNode(value: try JSONParser.parse(document, file: file), file: file, key: "")
    if let version = try root.optional("version"), try version.string() != "1.0" {
      throw version.invalid(allowed: "1.0")
    }
    self.file = file
    self.document = document
    let normalizer = try root.optional("normalizer").map(Normalizer.init)
    let preTokenizer = try root.optional("pre_tokenizer").map(PreTokenizer.init)?.steps ?? []
    var alphabet = BytePairEncoding.Alphabet.scalars
    if case .byteLevel? = preTokenizer.last { alphabet = .bytes }
    let model = try Model(root.required("model"), alphabet: alphabet)
    let lastMaps = !model.readsBytes
    steps = preTokenizer.enumerated().map { ($1, mapsBytes: $0 < preTokenizer.count - 1 || lastMaps) }
    needsOrigins = normalizer != nil && preTokenizer.contains(where: \.needsOrigins)
    added = try AddedVocabulary(
      root.optional("added_tokens"), model: model.vocabulary, normalizer: normalizer)
    self.normalizer = normalizer
    self.model = model
    postProcessor = try Self.postProcessor(root, leadingToken: leadingToken)
    decoder = try root.optional("decoder").map(Decoder.init)
    truncation = try root.optional("truncation").map(Truncation.init)
    padding = try root.optional("padding").map(Padding.init)
    let (vocabulary, addedTokens) = (model.vocabulary, added)
    self.specialTokens =
      specialTokens
      ?? SpecialTokens.conventional { name in
        (addedTokens.id(of: name) ?? vocabulary.id(of: name)).map(Int.init)
      }
    switch chatFormat {
    case .success(let format): (self.chatFormat, unknownTemplate) = (format, nil)
    case .failure(let error): (self.chatFormat, unknownTemplate) = (nil, error)
    }
  }

  /// The file's post-processor; a leading token that it lacks is put first.
  private static func postProcessor(_ root: JSONNode, leadingToken: Int?) throws -> PostProcessor? {
    let read = try root.optional("post_processor").map(PostProcessor.init)
    guard let leadingToken, read?.leadingIDs.first != Int32(leadingToken) else { return read }
    let first = PostProcessor.Piece.special([Int32(leadingToken)], typeID: 0)
    let second = PostProcessor.Piece.special([Int32(leadingToken)], typeID: 1)
    let template = PostProcessor.template(
      single: [first, .sequence(0, typeID: 0)],
      pair: [first, .sequence(0, typeID: 0), second, .sequence(1, typeID: 1)])
    return template
  }

  /// One more than the largest id of the vocabulary, added tokens left out.
  package var vocabularyEndID: Int { model.vocabulary.endID }

  /// The number of tokens, added ones included.
  public var vocabularyCount: Int {
    model.vocabulary.count + added.ids.filter { model.vocabulary.token($0) == nil }.count
  }

  /// One past the highest id: the rows that an embedding needs at least.
  public var endID: Int { max(model.vocabulary.endID, added.endID) }

  /// The id of a token as it is written in the vocabulary, or nil.
  public func id(of token: String) -> Int? {
    (added.id(of: token) ?? model.vocabulary.id(of: token)).map(Int.init)
  }

  /// The token of an id as it is written in the vocabulary, or nil.
  public func token(of id: Int) -> String? {
    added.token(id)?.content ?? model.vocabulary.token(id).map { String(decoding: $0, as: UTF8.self) }
  }

  /// Whether an id is that of a special token.
  public func isSpecial(_ id: Int) -> Bool { added.isSpecial(id) }

  /// Writes tokenizer.json into a file, or into that file of an existing folder. Throws `TokenizerError.notWritten`.
  public func save(to url: URL) throws {
    var isFolder: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder)
    let target = exists && isFolder.boolValue ? url.appendingPathComponent("tokenizer.json") : url
    do {
      try document.write(to: target, options: .atomic)
    } catch {
      throw TokenizerError.notWritten(path: target.path, reason: error.localizedDescription)
    }
  }
}
