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
    let labels = Dictionary(uniqueKeysWithValues: classes.enumerated().map { ($1, $0) })
    var counts: [String: Int] = [:]
    let learned = train.filter { text in
      counts[text.label, default: 0] += 1
      return limit.map { counts[text.label, default: 0] <= $0 } ?? true
    }
    var truncated = 0
    func examples(_ texts: [LabeledText], first: Int) throws -> Examples {
      let tokens = try TokenizedTexts(
        texts.map(\.text), tokenizer, length: length, padding: padding, long: long, file: name)
      truncated += tokens.truncated
      return try Examples(
        inputs: tokens.ids, targets: Tensor(texts.compactMap { labels[$0.label] }),
        identifiers: Tensor.arange(first, first + texts.count))
    }
    let groups = self.groups.map { names in
      let places = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
      func own(_ texts: [LabeledText]) -> [Int] { texts.map { places[$0.group ?? ""] ?? 0 } }
      return DataGroups(names: names, train: own(learned), test: own(test), replaced: replaced)
    }
    let strangers =
      outOfScope.isEmpty
      ? nil : try TokenizedTexts(outOfScope, tokenizer, length: length, padding: padding).ids
    // Rows of both sets are as wide as the longer one needs.
    let sets = try Self.padded(
      [examples(learned, first: 0), examples(test, first: train.count)], with: padding)
    let cut = truncated > 0 ? "\(truncated) texts were cut to \(length) tokens." : nil
    let notes = [note, cut].compactMap { $0 }
    return DataSource(
      name: name, train: sets[0], test: sets[1], pipeline: try InputPipeline(),
      note: notes.isEmpty ? nil : notes.joined(separator: " "), groups: groups, outOfScope: strangers)
  }

  private static func padded(_ sets: [Examples], with padding: Int) throws -> [Examples] {
    let width = sets.map { $0.inputs.shape[1] }.max() ?? 0
    return try sets.map { set in
      let missing = width - set.inputs.shape[1]
      guard missing > 0 else { return set }
      let fill = try Tensor.full([set.count, missing], padding, dtype: .int64)
      return try Examples(
        inputs: Tensor.concatenate([set.inputs, fill], dim: 1), targets: set.targets,
        identifiers: set.identifiers)
    }
  }
}
