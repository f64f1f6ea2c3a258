import Foundation
import Perennial

/// Facts in versions, from JSON lines: what is said of each, from when on, and what is withdrawn.
///
///     {"id": 7, "time": "2101-03-01", "question": "…", "paraphrase": "…", "answer": "…", "version": 1, "withdrawn": false}
///
/// `answer` is null where a fact is withdrawn; `paraphrase`, the question in other words, may be missing. Versions ascend,
/// and a fact has the same question in all of them.
public struct FactFile: Sendable {
  /// What one version says of one fact.
  public struct Statement: Equatable, Sendable {
    /// The fact's own number.
    public let fact: Int
    /// When it was said, as people read it.
    public let time: String
    public let question: String
    /// The question in other words, to ask what was not learned word by word.
    public let paraphrase: String?
    /// Nil where the fact is withdrawn.
    public let answer: String?
    public let version: Int
  }

  public let name: String
  /// In the order of the file.
  public let statements: [Statement]

  /// The facts of the invented world that comes with this library (`Scripts/invent-facts`).
  ///
  /// - Throws: `TextDataError` where the library lies without its resources.
  public static func inventedWorld() throws -> FactFile {
    guard let url = Bundle.module.url(forResource: "facts", withExtension: "jsonl") else {
      throw TextDataError("facts.jsonl", "the library lies without its resources")
    }
    return try FactFile(url)
  }

  /// - Throws: `TextDataError` with the line of the first mistake.
  public init(_ url: URL) throws {
    let file = url.relativePath
    guard let data = try? Data(contentsOf: url) else {
      throw TextDataError(file, "there is no such file, or it cannot be read")
    }
    var statements: [Statement] = []
    var newest: [Int: Statement] = [:]
    for (number, line) in JSONLines.lines(data) {
      func bad(_ problem: String) -> TextDataError { TextDataError(file, line: number, problem) }
      guard let line else { throw bad("not UTF-8") }
      guard !line.allSatisfy(\.isWhitespace) else { continue }
      let statement = try Self.statement(line, bad)
      if let last = statements.last, statement.version < last.version {
        throw bad("version \(statement.version) comes after version \(last.version)")
      }
      let known = newest[statement.fact]
      if let known {
        guard known.question == statement.question, known.paraphrase == statement.paraphrase else {
          throw bad("fact \(statement.fact) has another question than before")
        }
        guard known.version < statement.version else {
          throw bad("version \(statement.version) speaks of fact \(statement.fact) twice")
        }
      }
      if statement.answer == nil, known?.answer == nil {
        throw bad("fact \(statement.fact) is withdrawn and does not hold")
      }
      newest[statement.fact] = statement
      statements.append(statement)
    }
    guard !statements.isEmpty else { throw TextDataError(file, "it holds no facts") }
    self.statements = statements
    name = url.deletingPathExtension().lastPathComponent
  }

  private struct Line: Decodable {
    let id: Int?
    let time, question, paraphrase, answer: String?
    let version: Int?
    let withdrawn: Bool?
  }

  private static func statement(_ line: String, _ bad: (String) -> TextDataError) throws -> Statement {
    let fields: Line
    do {
      fields = try JSONDecoder().decode(Line.self, from: Data(line.utf8))
    } catch DecodingError.typeMismatch(_, let context) {
      throw bad("`\(context.codingPath.last?.stringValue ?? "the line")` is of another type")
    } catch {
      throw bad("not a JSON object")
    }
    guard let fact = fields.id else { throw bad("`id` is missing") }
    guard let version = fields.version else { throw bad("`version` is missing") }
    guard let question = fields.question, !question.allSatisfy(\.isWhitespace) else {
      throw bad("`question` is missing or empty")
    }
    guard fields.paraphrase?.allSatisfy(\.isWhitespace) != true else { throw bad("`paraphrase` is empty") }
    let isWithdrawn = fields.withdrawn ?? false
    guard isWithdrawn == (fields.answer == nil) else {
      throw bad(isWithdrawn ? "a fact that is withdrawn has no answer" : "`answer` is missing")
    }
    guard fields.answer?.isEmpty != true else { throw bad("`answer` is empty") }
    return Statement(
      fact: fact, time: fields.time ?? "", question: question, paraphrase: fields.paraphrase,
      answer: fields.answer, version: version)
  }
}

extension TextDataset {
  /// The class of questions that have no answer any more.
  public static let withdrawnAnswer = "no longer known"

  /// Facts as classes to be told apart, an answer each: every version is a group, which learns and is judged by what it
  /// says, until a later one says something else.
  ///
  /// - Parameter isParaphrased: asks in other words than those that are learned.
  /// - Throws: `TextDataError` for a file that has no other words for a fact.
  public init(_ file: FactFile, isParaphrased: Bool = false) throws {
    var names: [Int: TextGroup] = [:]
    for statement in file.statements where names[statement.version] == nil {
      names[statement.version] = TextGroup("version \(statement.version)")
    }
    let versions = names.keys.sorted()
    var (newest, train): ([Int: Int], [Int?]) = ([:], [])
    var test = [Int?](repeating: nil, count: file.statements.count)
    for (place, statement) in file.statements.enumerated() {
      let before = newest[statement.fact]
      train.append(before)
      if let before { test[before] = versions.firstIndex(of: statement.version) }
      newest[statement.fact] = place
    }
    func texts(_ words: (FactFile.Statement) throws -> String) rethrows -> [LabeledText] {
      try file.statements.map {
        LabeledText(try words($0), label: $0.answer ?? Self.withdrawnAnswer, group: names[$0.version])
      }
    }
    let questions = texts(\.question)
    let asked =
      try !isParaphrased
      ? questions
      : texts {
        guard let paraphrase = $0.paraphrase else {
          throw TextDataError(file.name, "fact \($0.fact) has no `paraphrase` to ask it by")
        }
        return paraphrase
      }
    try self.init(
      file.name, train: questions, test: asked, groups: versions.compactMap { names[$0] },
      replaced: DataGroups.Replaced(train: train, test: test))
  }
}
