import Perennial
import PerennialTokenizers
import Torch

/// How records become rows of tokens.
struct RecordRows {
  /// The most tokens of a row.
  var length: Int
  /// Puts several short texts of those that are learned into a row.
  var packs = false
  var long = LongTexts.truncate
  /// Put between a prompt and its completion.
  var separator = ""
  /// How conversations are written; as the tokenizer's files say when nil.
  var chat: ChatFormat?
  /// For an encoder-decoder, which reads prompts and writes completions; nil for a model that goes on with a text.
  var frame: FrameTokens?
  private(set) var truncated = 0
  private(set) var unlearned = 0

  init(length: Int, packs: Bool = false, long: LongTexts = .truncate, frame: FrameTokens? = nil) {
    (self.length, self.packs, self.long, self.frame) = (length, packs, long, frame)
  }

  /// Inputs and targets of some records, and the group of each row.
  ///
  /// - Throws: `TextDataError` for a record that cannot be used, and where nothing is left; as `TokenSequence`.
  mutating func rows(_ records: [LanguageRecord], of file: String, _ tokenizer: Tokenizer, packs: Bool) throws
    -> (
      inputs: Tensor, targets: Tensor, groups: [TextGroup?]
    )
  {
    guard let frame else {
      var texts: [(sequence: TokenSequence, group: TextGroup?)] = []
      for (index, record) in records.enumerated() {
        let whole = try TokenSequence(record, tokenizer, separator: separator, chat: chat)
        let kept = try cut(whole.count, to: length + 1, file, index) ? whole.prefix(length + 1) : whole
        guard kept.count > 1, kept.isLearned.dropFirst().contains(true) else {
          unlearned += 1
          continue
        }
        texts.append((kept, record.group))
      }
      guard !texts.isEmpty else { throw TextDataError(file, "no text has anything to learn") }
      let special = tokenizer.specialTokens
      let rows = try TokenRows(
        texts, length: length, padding: special.padding ?? special.end ?? 0, packs: packs)
      return (rows.inputs, rows.targets, rows.groups)
    }
    var texts: [(source: [Int], target: [Int])] = []
    for (index, record) in records.enumerated() {
      do throws(RecordProblem) {
        texts.append(try record.pair(tokenizer, frame))
      } catch {
        throw TextDataError(file, line: index + 1, error.text)
      }
      let longest = max(texts[index].source.count, texts[index].target.count)
      guard try cut(longest, to: length, file, index) else { continue }
      texts[index] = (Array(texts[index].source.prefix(length)), Array(texts[index].target.prefix(length)))
    }
    let rows = try SourceTargetRows(texts, length: length, padding: frame.padding, start: frame.start)
    return (rows.inputs, rows.targets, records.map(\.group))
  }

  /// Whether a text is too long, which is counted, or refused.
  private mutating func cut(_ count: Int, to limit: Int, _ file: String, _ index: Int) throws -> Bool {
    guard count > limit else { return false }
    guard long == .truncate else {
      throw TextDataError(file, line: index + 1, "the text has \(count) tokens, and a row takes \(limit)")
    }
    truncated += 1
    return true
  }

  /// How much of each row of pairs `[N, 2, L]` is no filling; nil for rows of which every place is computed anyway.
  var lengths: ((Tensor) throws -> Tensor)? {
    frame.map { frame in { try ($0 .!= frame.padding).to(.int64).sum([2]).amax([1]) } }
  }

  /// What a reader must know beside every number.
  var notes: [String] {
    [
      truncated > 0 ? "\(truncated) texts were cut to \(length) tokens." : nil,
      unlearned > 0 ? "\(unlearned) texts were left out: what is to be learned comes later than that." : nil,
    ].compactMap { $0 }
  }
}

extension DataSource {
  /// Records for a language model, as rows of tokens.
  ///
  /// - Throws: as `RecordRows`; `TextDataError` for a group of which there is nothing to learn from.
  static func records(
    _ name: String, train: [LanguageRecord], test: [LanguageRecord], _ tokenizer: Tokenizer,
    _ form: RecordRows,
    note: String? = nil
  ) throws -> DataSource {
    var form = form
    let learned = try form.rows(train, of: name, tokenizer, packs: form.packs)
    let judged = try form.rows(test, of: name, tokenizer, packs: form.packs)
    let order = TextGroup.ordered(learned.groups.compactMap { $0 })
    let places = TextGroup.Order(order)
    if !order.isEmpty, let stranger = judged.groups.first(where: { places.place(of: $0) == nil }) {
      throw TextDataError(name, "the group `\(stranger?.name ?? "")` of a test text is never learned")
    }
    let shared = Set(train.map(\.content)).intersection(test.map(\.content)).count
    let overlap = shared > 0 ? ["\(shared) of the test texts are among those that are learned."] : []
    let notes = [note].compactMap { $0 } + form.notes + overlap
    let first = learned.targets.shape[0]
    return DataSource(
      name: name, train: try Examples(inputs: learned.inputs, targets: learned.targets),
      test: try Examples(
        inputs: judged.inputs, targets: judged.targets,
        identifiers: Tensor.arange(first, first + judged.targets.shape[0])),
      pipeline: try InputPipeline(lengths: form.lengths),
      note: notes.isEmpty ? nil : notes.joined(separator: " "),
      groups: order.isEmpty ? nil : DataGroups(order, train: learned.groups, test: judged.groups))
  }
}
