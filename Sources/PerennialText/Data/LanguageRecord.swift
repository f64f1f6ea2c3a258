import Foundation
import PerennialTokenizers

/// A text that a language model learns to write, or a part of.
public struct LanguageRecord: Equatable, Sendable {
  /// What there is of it.
  public enum Content: Hashable, Sendable {
    /// A text, to be written from its start.
    case text(String)
    /// What is given, and what is to be written after it.
    case answer(prompt: String, completion: String)
    /// A conversation, in which the assistant's words are to be written.
    case chat([ChatMessage])

    /// Whether something is given that is to be answered.
    var asks: Bool {
      if case .text = self { false } else { true }
    }
  }

  public let content: Content
  /// Nil where the data do not say.
  public let group: TextGroup?

  public init(_ content: Content, group: TextGroup? = nil) {
    (self.content, self.group) = (content, group)
  }

  /// A piece of a text, and whether it is to be learned.
  struct Part: Equatable {
    let text: String
    let isLearned: Bool
  }

  /// The text in pieces.
  ///
  /// - Parameter separator: comes between a prompt and its completion.
  /// - Parameter format: of a conversation; without one there are none.
  /// - Throws: `TokenizerError` for a conversation that the format has no place for.
  func parts(_ format: ChatFormat?, separator: String = "") throws -> [Part] {
    switch content {
    case .text(let text): return [Part(text: text, isLearned: true)]
    case .answer(let prompt, let completion):
      return [prompt, separator].filter { !$0.isEmpty }.map { Part(text: $0, isLearned: false) }
        + [Part(text: completion, isLearned: true)]
    case .chat(let messages):
      return try format.map { try Self.parts(of: messages, $0) } ?? []
    }
  }

  /// What a format writes before and after each answer is given; the answer, with what ends it, is learned.
  private static func parts(of messages: [ChatMessage], _ format: ChatFormat) throws -> [Part] {
    let whole = try format.text(of: messages, addGenerationPrompt: false)
    var parts: [Part] = []
    var written = whole.startIndex
    func write(upTo text: String, isLearned: Bool) {
      guard whole.hasPrefix(text) else { return }
      let end = whole.index(whole.startIndex, offsetBy: text.count)
      guard end > written else { return }
      parts.append(Part(text: String(whole[written..<end]), isLearned: isLearned))
      written = end
    }
    for (index, message) in messages.enumerated() where message.role == .assistant {
      let past = Array(messages[..<index])
      if !past.isEmpty { write(upTo: try format.text(of: past), isLearned: false) }
      write(upTo: try format.text(of: past + [message], addGenerationPrompt: false), isLearned: true)
    }
    write(upTo: whole, isLearned: false)
    return parts
  }
}

/// Records from a file of JSON lines: `text`, or `prompt` and `completion`, or `messages`, and perhaps `task` or `time`.
public struct LanguageRecordFile {
  public let records: [LanguageRecord]
  /// The line that each stands in, counted from 1.
  public let lines: [Int]
  /// Records that were left out.
  public let skipped: [TextDataError]

  /// - Throws: `TextDataError` with the line of the first bad record, unless those are skipped.
  public init(_ url: URL, bad: BadRecords = .refuse) throws {
    let read = try JSONLines(url).records { (object, line) throws(RecordProblem) in
      let group = TextGroup(task: JSONLines.name(object["task"]), time: JSONLines.name(object["time"]))
      return (record: LanguageRecord(try Self.content(object), group: group), line: line)
    }
    let sorted = try bad.sort(read, of: url.relativePath)
    (records, lines) = (sorted.records.map(\.record), sorted.records.map(\.line))
    skipped = sorted.skipped
  }

  private static func content(_ object: [String: Any]) throws(RecordProblem) -> LanguageRecord.Content {
    func text(_ key: String) throws(RecordProblem) -> String? {
      guard let value = object[key] else { return nil }
      guard let text = value as? String else { throw RecordProblem("`\(key)` is no text") }
      guard !text.allSatisfy(\.isWhitespace) else { throw RecordProblem("`\(key)` is empty") }
      return text
    }
    let (whole, prompt, completion) = (try text("text"), try text("prompt"), try text("completion"))
    switch (whole, prompt, completion, object["messages"]) {
    case (let text?, nil, nil, nil): return .text(text)
    case (nil, let prompt?, let completion?, nil): return .answer(prompt: prompt, completion: completion)
    case (nil, nil, nil, let messages?): return .chat(try chat(messages))
    default:
      throw RecordProblem("one of `text`, `prompt` with `completion`, or `messages` is needed")
    }
  }

  private static func chat(_ value: Any) throws(RecordProblem) -> [ChatMessage] {
    guard let items = value as? [[String: Any]] else {
      throw RecordProblem("`messages` is no list of objects")
    }
    var messages: [ChatMessage] = []
    for (index, item) in items.enumerated() {
      guard let role = (item["role"] as? String).flatMap(ChatMessage.Role.init) else {
        throw RecordProblem("the role of message \(index + 1) is none of system, user, assistant")
      }
      guard let content = item["content"] as? String else {
        throw RecordProblem("the content of message \(index + 1) is missing or no text")
      }
      messages.append(ChatMessage(role, content))
    }
    guard messages.contains(where: { $0.role == .assistant }) else {
      throw RecordProblem("no message is the assistant's, so that there is nothing to learn")
    }
    return messages
  }
}
