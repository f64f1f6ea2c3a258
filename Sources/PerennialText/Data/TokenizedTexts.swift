import Perennial
import PerennialTokenizers
import Torch

/// What happens to texts that are longer than a model takes.
public enum LongTexts: String, Codable, CaseIterable, Sendable {
  /// The rest is left out, and how many there were is said beside every number.
  case truncate
  case refuse
}

/// Texts as rows of token ids of one length.
public struct TokenizedTexts {
  /// int64 `[N, L]`, filled up at the right.
  public let ids: Tensor
  /// How many texts lost their end.
  public let truncated: Int

  /// - Parameters:
  ///   - length: the most tokens of a text, special ones included; rows are as long as the longest text needs.
  ///   - padding: the id that fills up rows.
  /// - Throws: `TextDataError` for a text that is too long, where those are refused.
  public init(
    _ texts: [String], _ tokenizer: Tokenizer, length: Int, padding: Int, long: LongTexts = .truncate,
    file: String = "the texts"
  ) throws {
    var rows: [[Int32]] = []
    var truncated = 0
    let limit = Truncation(length: length)
    for (index, text) in texts.enumerated() {
      let whole = tokenizer.encode(text)
      guard whole.count > length else {
        rows.append(whole.ids)
        continue
      }
      guard long == .truncate else {
        throw TextDataError(
          file, line: index + 1, "the text has \(whole.count) tokens, and the model takes \(length)")
      }
      truncated += 1
      rows.append(tokenizer.encode(text, truncation: limit).ids)
    }
    let width = max(rows.map(\.count).max() ?? 0, 1)
    var flat = [Int](repeating: padding, count: rows.count * width)
    for (index, row) in rows.enumerated() {
      for (place, id) in row.enumerated() { flat[index * width + place] = Int(id) }
    }
    ids = try Tensor(flat, shape: [rows.count, width])
    self.truncated = truncated
  }
}

extension TextDataset {
  /// The texts as a model reads them: labels by the order of the classes, groups as they are.
  ///
  /// - Parameter limit: the first so many training texts of each class; all when nil.
  public func source(
    _ tokenizer: Tokenizer, length: Int, padding: Int, long: LongTexts = .truncate, limit: Int? = nil
  ) throws -> DataSource {
    var truncated = 0
    return try source(limit: limit) { sets in
      let rows = try sets.map { texts in
        let tokens = try TokenizedTexts(
          texts, tokenizer, length: length, padding: padding, long: long, file: name)
        truncated += tokens.truncated
        return tokens.ids
      }
      let note = truncated > 0 ? "\(truncated) texts were cut to \(length) tokens." : nil
      let lengths = { (rows: Tensor) in try (rows .!= padding).to(.int64).sum([1]) }
      return (try Self.padded(rows, with: padding), try InputPipeline(lengths: lengths), note)
    }
  }

  /// The texts as the vectors `[N, D]` that an encoder gives them, made once.
  public func source(_ embedder: TextEmbedder, long: LongTexts = .truncate, limit: Int? = nil) throws
    -> DataSource
  {
    try source(limit: limit) { sets in
      let cut = sets.flatMap { texts in embedder.tooLong(texts).map { texts[$0] } }
      if long == .refuse, let text = cut.first {
        throw TextDataError(
          name, "`\(text.prefix(40))` has more tokens than the \(embedder.length) that the model is given")
      }
      let note = cut.isEmpty ? nil : "\(cut.count) texts were cut to \(embedder.length) tokens."
      return (try sets.map(embedder.callAsFunction), try InputPipeline(), note)
    }
  }

  /// - Parameter inputs: of the texts to be learned, those that test and those of no class, with what a reader must know of them.
  func source(
    limit: Int?, inputs: (_ sets: [[String]]) throws -> (rows: [Tensor], InputPipeline, note: String?)
  ) throws -> DataSource {
    let labels = Dictionary(uniqueKeysWithValues: classes.enumerated().map { ($1, $0) })
    var counts: [String: Int] = [:]
    let learned = train.filter { text in
      counts[text.label, default: 0] += 1
      return limit.map { counts[text.label, default: 0] <= $0 } ?? true
    }
    let (rows, pipeline, cut) = try inputs([learned.map(\.text), test.map(\.text), outOfScope])
    func examples(_ rows: Tensor, _ texts: [LabeledText], first: Int) throws -> Examples {
      try Examples(
        inputs: rows, targets: Tensor(texts.compactMap { labels[$0.label] }),
        identifiers: Tensor.arange(first, first + texts.count))
    }
    let notes = [note, cut].compactMap { $0 }
    return DataSource(
      name: name, train: try examples(rows[0], learned, first: 0),
      test: try examples(rows[1], test, first: train.count), pipeline: pipeline,
      note: notes.isEmpty ? nil : notes.joined(separator: " "),
      groups: groups.map {
        DataGroups($0, train: learned.map(\.group), test: test.map(\.group), replaced: replaced)
      },
      classNames: classes, outOfScope: outOfScope.isEmpty ? nil : rows[2])
  }

  /// Rows of all sets as wide as the longest one needs.
  private static func padded(_ sets: [Tensor], with padding: Int) throws -> [Tensor] {
    let width = sets.map { $0.shape[1] }.max() ?? 0
    return try sets.map { rows in
      let missing = width - rows.shape[1]
      guard missing > 0 else { return rows }
      let fill = try Tensor.full([rows.shape[0], missing], padding, dtype: .int64)
      return try Tensor.concatenate([rows, fill], dim: 1)
    }
  }
}
