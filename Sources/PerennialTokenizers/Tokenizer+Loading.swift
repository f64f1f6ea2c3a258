import Foundation

extension Tokenizer {
  /// Reads one tokenizer.json. Throws `TokenizerError`, which names the file and the key.
  public convenience init(file: URL) throws {
    try self.init(document: Self.read(file), file: file.path)
  }

  /// Reads a model's folder: tokenizer.json, and tokenizer_config.json, special_tokens_map.json and
  /// chat_template.jinja where they are there.
  ///
  /// A chat template that is unknown is an error once a conversation is encoded; with `chatFormat` the template is not looked
  /// at.
  public convenience init(folder: URL, chatFormat: ChatFormat? = nil) throws {
    let file = folder.appendingPathComponent("tokenizer.json")
    let document = try Self.read(file)
    let configuration = try Self.optionalNode(folder, "tokenizer_config.json")
    let map = try Self.optionalNode(folder, "special_tokens_map.json")
    // The vocabulary is needed to know the ids, and some ids to complete the post-processor.
    let plain = try Tokenizer(document: document, file: file.path)
    let special = try Self.specialTokens([configuration, map].compactMap(\.self), of: plain)
    try self.init(
      document: document, file: file.path, specialTokens: special,
      chatFormat: try chatFormat.map { .success($0) } ?? Self.chatFormat(folder, configuration),
      leadingToken: try Self.leadingToken(configuration, special))
  }

  private static func read(_ file: URL) throws -> Data {
    guard FileManager.default.fileExists(atPath: file.path) else {
      throw TokenizerError.missingFile(path: file.path)
    }
    do {
      return try Data(contentsOf: file)
    } catch {
      throw TokenizerError.unreadable(file: file.path, reason: error.localizedDescription)
    }
  }

  private static func optionalNode(_ folder: URL, _ name: String) throws -> JSONNode? {
    let file = folder.appendingPathComponent(name)
    guard FileManager.default.fileExists(atPath: file.path) else { return nil }
    return JSONNode(value: try JSONParser.parse(read(file), file: file.path), file: file.path, key: "")
  }

  /// The tokens that the configurations name, as strings or as objects with a `content`.
  private static func specialTokens(_ nodes: [JSONNode], of tokenizer: Tokenizer) throws -> SpecialTokens {
    var tokens = tokenizer.specialTokens
    for (key, path, _) in SpecialTokens.keys {
      guard let named = try nodes.lazy.compactMap({ try $0.optional(key) }).first else { continue }
      var name = named
      if case .object = named.value { name = try named.required("content") }
      guard let id = tokenizer.id(of: try name.string()) else {
        throw TokenizerError.unknownToken(file: name.file, key: name.key, token: try name.string())
      }
      tokens[keyPath: path] = id
    }
    return tokens
  }

  /// Llama's tokenizer class begins sequences with `bos_token` when told so, whatever tokenizer.json puts first.
  private static func leadingToken(_ configuration: JSONNode?, _ special: SpecialTokens) throws -> Int? {
    guard let configuration, try configuration.flag("add_bos_token"),
      let name = try configuration.optional("tokenizer_class")?.string(), name.contains("LlamaTokenizer")
    else { return nil }
    return special.begin
  }

  /// - Returns: A failure for a template that is unknown.
  /// - Throws: What files cannot be read.
  private static func chatFormat(_ folder: URL, _ configuration: JSONNode?) throws -> Result<
    ChatFormat?, TokenizerError
  > {
    guard let (template, file) = try template(folder, configuration) else { return .success(nil) }
    return Result { () throws(TokenizerError) in try ChatFormat(template: template, file: file) }
  }

  private static func template(_ folder: URL, _ configuration: JSONNode?) throws -> (
    text: String, file: String
  )? {
    let file = folder.appendingPathComponent("chat_template.jinja")
    if FileManager.default.fileExists(atPath: file.path) {
      guard let text = String(data: try read(file), encoding: .utf8) else {
        throw TokenizerError.invalidUTF8(file: file.path)
      }
      return (text, file.path)
    }
    guard let template = try configuration?.optional("chat_template") else { return nil }
    if case .array = template.value {
      // Several named templates; `default` is the one for conversations.
      let named = try template.elements()
      guard let chosen = try named.first(where: { try $0.required("name").string() == "default" }) else {
        throw template.invalid(allowed: "templates of which one is named default")
      }
      return (try chosen.required("template").string(), template.file)
    }
    return (try template.string(), template.file)
  }
}
