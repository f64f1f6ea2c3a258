/// How a conversation is written as text for a model. There is no template engine: a model's template is recognised
/// once, when its files are read.
public enum ChatFormat: Sendable, Equatable {
  /// `<|im_start|>role … <|im_end|>`; Qwen puts a system message first when there is none.
  case chatML(defaultSystem: String? = nil)
  /// `[INST] <<SYS>> … <</SYS>> … [/INST]`.
  case llama2
  /// `<|start_header_id|>role<|end_header_id|> … <|eot_id|>`.
  case llama3
  /// `<start_of_turn>role … <end_of_turn>`.
  case gemma
  /// `[INST] … [/INST]`, the system message inside the first turn.
  case mistral
  /// `User: …` and `Assistant: …`, for models without a template.
  case plain

  private static let known = ["ChatML", "Qwen2", "Llama 2", "Llama 3", "Gemma", "Mistral"]

  /// Recognises a template by the marks that it writes. Throws `TokenizerError.unknownChatTemplate`.
  public init(template: String, file: String = "chat_template") throws(TokenizerError) {
    func has(_ text: String) -> Bool { template.contains(text) }
    if has("<|im_start|>") {
      self = .chatML(defaultSystem: Self.defaultSystem(in: template))
    } else if has("<|start_header_id|>"), has("<|eot_id|>") {
      self = .llama3
    } else if has("<start_of_turn>") {
      self = .gemma
    } else if has("[INST]"), has("<<SYS>>") {
      self = .llama2
    } else if has("[INST]") {
      self = .mistral
    } else {
      throw TokenizerError.unknownChatTemplate(file: file, template: template, known: Self.known)
    }
  }

  private static func defaultSystem(in template: String) -> String? {
    let texts = [
      "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.", "You are a helpful assistant.",
      "You are a helpful assistant",
    ]
    return texts.first { template.contains($0) }
  }

  private var name: String {
    switch self {
    case .chatML: "ChatML"
    case .llama2: "Llama 2"
    case .llama3: "Llama 3"
    case .gemma: "Gemma"
    case .mistral: "Mistral"
    case .plain: "plain"
    }
  }

  /// What is written that a tokenizer should have as tokens of their own.
  public var marks: [String] {
    switch self {
    case .chatML: ["<|im_start|>", "<|im_end|>"]
    case .llama3: ["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
    case .gemma: ["<bos>", "<start_of_turn>", "<end_of_turn>"]
    case .llama2, .mistral: ["<s>", "</s>"]
    case .plain: []
    }
  }

  /// The text of a conversation, special tokens written out.
  ///
  /// Throws `TokenizerError.unsupportedRole` where the format has no place for a message: turns of user and assistant
  /// alternate in Llama 2, Mistral and Gemma, and a system message comes first.
  ///
  /// - Parameter addGenerationPrompt: whether the text ends where the assistant's answer begins.
  public func text(of messages: [ChatMessage], addGenerationPrompt: Bool = true) throws -> String {
    try check(messages)
    switch self {
    case .chatML(let defaultSystem):
      var turns = messages
      if let defaultSystem, messages.first?.role != .system {
        turns.insert(ChatMessage(.system, defaultSystem), at: 0)
      }
      return turns.map { "<|im_start|>\($0.role.rawValue)\n\($0.content)<|im_end|>\n" }.joined()
        + (addGenerationPrompt ? "<|im_start|>assistant\n" : "")
    case .llama3:
      return "<|begin_of_text|>"
        + messages.map { Self.llama3Header($0.role) + "\($0.content.trimmed)<|eot_id|>" }.joined()
        + (addGenerationPrompt ? Self.llama3Header(.assistant) : "")
    case .gemma:
      let turns = Self.foldSystem(messages) { "\($0)\n\n\($1)" }
      return "<bos>"
        + turns.map { turn in
          let role = turn.role == .assistant ? "model" : "user"
          return "<start_of_turn>\(role)\n\(turn.content.trimmed)<end_of_turn>\n"
        }.joined() + (addGenerationPrompt ? "<start_of_turn>model\n" : "")
    case .llama2:
      return Self.foldSystem(messages) { "<<SYS>>\n\($0)\n<</SYS>>\n\n\($1)" }.map { turn in
        turn.role == .user ? "<s>[INST] \(turn.content.trimmed) [/INST]" : " \(turn.content.trimmed) </s>"
      }.joined()
    case .mistral:
      return "<s>"
        + Self.foldSystem(messages) { "\($0)\n\n\($1)" }.map { turn in
          turn.role == .user ? " [INST] \(turn.content) [/INST]" : " \(turn.content)</s>"
        }.joined()
    case .plain:
      return messages.map { "\($0.role.rawValue.capitalized): \($0.content)\n" }.joined()
        + (addGenerationPrompt ? "Assistant:" : "")
    }
  }

  private static func llama3Header(_ role: ChatMessage.Role) -> String {
    "<|start_header_id|>\(role.rawValue)<|end_header_id|>\n\n"
  }

  /// Takes the system message into the user's first.
  private static func foldSystem(
    _ messages: [ChatMessage], _ join: (String, String) -> String
  ) -> [ChatMessage] {
    guard let system = messages.first, system.role == .system, messages.count > 1 else { return messages }
    return [ChatMessage(.user, join(system.content, messages[1].content))] + messages.dropFirst(2)
  }

  private func check(_ messages: [ChatMessage]) throws {
    func fail(_ role: ChatMessage.Role, _ allowed: [ChatMessage.Role]) -> TokenizerError {
      .unsupportedRole(role: role.rawValue, format: name, allowed: allowed.map(\.rawValue))
    }
    switch self {
    case .chatML, .llama3, .plain:
      for message in messages.dropFirst() where message.role == .system {
        throw fail(.system, [.user, .assistant])
      }
    case .llama2, .gemma, .mistral:
      if messages.count == 1, messages[0].role == .system { throw fail(.system, [.user]) }
      let turns = messages.first?.role == .system ? messages.dropFirst() : messages[...]
      for (index, turn) in turns.enumerated() {
        let expected: ChatMessage.Role = index % 2 == 0 ? .user : .assistant
        guard turn.role == expected else { throw fail(turn.role, [expected]) }
      }
    }
  }
}

extension String {
  fileprivate var trimmed: String {
    let kept = unicodeScalars.drop { $0.properties.isWhitespace }
    return String(String.UnicodeScalarView(kept.reversed().drop { $0.properties.isWhitespace }.reversed()))
  }
}

extension Tokenizer {
  /// The tokens of a conversation. The format writes the special tokens, so that none is added a second time.
  ///
  /// Throws `TokenizerError.noChatFormat` when neither the files nor `format` say how it is written, and
  /// `TokenizerError.unknownChatTemplate` when the files' template is unknown.
  public func encode(
    chat messages: [ChatMessage], format: ChatFormat? = nil, addGenerationPrompt: Bool = true
  ) throws -> Encoding {
    return encode(
      try requiredChatFormat(format).text(of: messages, addGenerationPrompt: addGenerationPrompt),
      addSpecialTokens: false)
  }

  /// This format, or the files'.
  ///
  /// - Throws: `TokenizerError` where neither is there.
  public func requiredChatFormat(_ format: ChatFormat? = nil) throws -> ChatFormat {
    guard let format = format ?? chatFormat else {
      throw unknownTemplate ?? TokenizerError.noChatFormat(file: file)
    }
    return format
  }
}
