import Foundation

/// What both kinds of completion answer, whole or in pieces.
struct CompletionAnswer: Encodable, Sendable {
  enum Kind: Sendable { case completion, chat }

  struct Message: Encodable, Sendable {
    var role: String?
    var content: String?
  }

  struct Choice: Encodable, Sendable {
    let index: Int
    var text: String?
    var message: Message?
    var delta: Message?
    let ending: String?

    enum CodingKeys: String, CodingKey {
      case index, text, message, delta
      case ending = "finish_reason"
    }

    /// `finish_reason` is null rather than absent while there is more to come.
    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(index, forKey: .index)
      try container.encodeIfPresent(text, forKey: .text)
      try container.encodeIfPresent(message, forKey: .message)
      try container.encodeIfPresent(delta, forKey: .delta)
      try container.encode(ending, forKey: .ending)
    }
  }

  let id: String
  var object: String
  let created: Int
  let model: String
  var choices: [Choice] = []
  var usage: Usage?
  private let kind: Kind

  enum CodingKeys: String, CodingKey { case id, object, created, model, choices, usage }

  init(_ kind: Kind, model: String) {
    self.kind = kind
    self.model = model
    id = (kind == .chat ? "chatcmpl-" : "cmpl-") + UUID().uuidString.lowercased()
    object = kind == .chat ? "chat.completion" : "text_completion"
    created = Int(Date().timeIntervalSince1970)
  }

  /// A whole answer.
  func choice(_ index: Int, _ text: String, ending: String) -> Choice {
    kind == .chat
      ? Choice(index: index, message: Message(role: "assistant", content: text), ending: ending)
      : Choice(index: index, text: text, ending: ending)
  }

  /// The same, for the pieces of a stream.
  var asChunk: CompletionAnswer {
    var chunk = self
    if kind == .chat { chunk.object = "chat.completion.chunk" }
    return chunk
  }

  /// The JSON of what follows the last piece where the tokens were to be counted.
  func count(_ usage: Usage) throws -> String {
    var chunk = self
    chunk.usage = usage
    return String(decoding: try Reply.encoded(chunk), as: UTF8.self)
  }

  /// The JSON of a piece; of an end where there is no text.
  func piece(_ index: Int, _ text: String?, ending: String? = nil, isFirst: Bool) throws -> String {
    var chunk = self
    chunk.choices = [
      kind == .chat
        ? Choice(
          index: index, delta: Message(role: isFirst ? "assistant" : nil, content: text), ending: ending)
        : Choice(index: index, text: text ?? "", ending: ending)
    ]
    return String(decoding: try Reply.encoded(chunk), as: UTF8.self)
  }
}
