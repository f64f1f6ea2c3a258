import Perennial
import PerennialTokenizers
import Torch

/// Records of one file, with the line of each.
struct FiledRecords {
  let file: String
  let records: [LanguageRecord]
  /// Counted from 1; the number of the record where nil.
  var lines: [Int]?

  func problem(_ index: Int, _ text: String) -> TextDataError {
    TextDataError(file, line: lines?[index] ?? index + 1, text)
  }
}

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
  /// Whether tests are judged by what is written for them: each has a row of its own, and its targets are whole.
  var isWritten = false
  /// Whether a row ends in the token that fills up others, so that its length cannot be told.
  private var endsInFiller = false
  private(set) var truncated = 0
  private(set) var unlearned = 0

  init(length: Int, packs: Bool = false, long: LongTexts = .truncate, frame: FrameTokens? = nil) {
    (self.length, self.packs, self.long, self.frame) = (length, packs, long, frame)
  }

  typealias Rows = (inputs: Tensor, targets: Tensor, groups: [TextGroup?])

  /// Inputs and targets of some records, and the group of each row.
  ///
  /// - Throws: `TextDataError` for a record that cannot be used, and where nothing is left.
  mutating func rows(_ filed: FiledRecords, _ tokenizer: Tokenizer, isTest: Bool) throws -> Rows {
    let keepsWhole = isWritten && isTest
    return try frame.map { try pairs(filed, tokenizer, $0, keepsWhole: keepsWhole) }
      ?? texts(filed, tokenizer, keepsWhole: keepsWhole)
  }

  private mutating func texts(_ filed: FiledRecords, _ tokenizer: Tokenizer, keepsWhole: Bool) throws -> Rows
  {
    var texts: [(sequence: TokenSequence, group: TextGroup?)] = []
    for (index, record) in filed.records.enumerated() {
      let whole: TokenSequence
      do {
        whole = try TokenSequence(record, tokenizer, separator: separator, chat: chat)
      } catch let error as TokenizerError {
        throw filed.problem(index, "\(error)")
      }
      var kept = whole
      if keepsWhole {
        guard record.content.asks, let given = whole.answer?.lowerBound else {
          throw filed.problem(
            index, "there is nothing to answer: `prompt` and `completion` are needed, or `messages`")
        }
        guard given <= length else {
          try refuse(given, over: length, filed, index)
          unlearned += 1
          continue
        }
      } else if try cut(whole.count, to: length + 1, filed, index) {
        kept = whole.prefix(length + 1)
      }
      guard kept.count > 1, kept.isLearned.dropFirst().contains(true) else {
        unlearned += 1
        continue
      }
      texts.append((kept, record.group))
    }
    guard !texts.isEmpty else { throw TextDataError(filed.file, "no text has anything to learn") }
    let filler = Self.filler(tokenizer)
    endsInFiller = endsInFiller || texts.contains { $0.sequence.ids.dropLast().last == filler }
    let rows = try TokenRows(
      texts, length: max(length, (texts.map(\.sequence.count).max() ?? 1) - 1), padding: filler,
      packs: packs && !keepsWhole)
    return (try within(rows.inputs), rows.targets, rows.groups)
  }

  private mutating func pairs(
    _ filed: FiledRecords, _ tokenizer: Tokenizer, _ frame: FrameTokens, keepsWhole: Bool
  ) throws -> Rows {
    var texts: [(source: [Int], target: [Int])] = []
    for (index, record) in filed.records.enumerated() {
      do throws(RecordProblem) {
        texts.append(try record.pair(tokenizer, frame))
      } catch {
        throw filed.problem(index, error.text)
      }
      let (source, target) = texts[index]
      let longest = max(source.count, keepsWhole ? 0 : target.count)
      guard try cut(longest, to: length, filed, index) else { continue }
      texts[index] = (Array(source.prefix(length)), keepsWhole ? target : Array(target.prefix(length)))
    }
    let rows = try SourceTargetRows(
      texts, length: max(length, texts.map(\.target.count).max() ?? 0), padding: frame.padding,
      start: frame.start)
    return (try within(rows.inputs), rows.targets, filed.records.map(\.group))
  }

  /// What a model is given is no longer than rows are, however long a reference is.
  private func within(_ inputs: Tensor) throws -> Tensor {
    try inputs.narrow(dim: inputs.rank - 1, start: 0, count: length).contiguous()
  }

  /// Whether a text is too long, which is counted, or refused.
  private mutating func cut(_ count: Int, to limit: Int, _ filed: FiledRecords, _ index: Int) throws -> Bool {
    guard count > limit else { return false }
    try refuse(count, over: limit, filed, index)
    truncated += 1
    return true
  }

  private func refuse(_ count: Int, over limit: Int, _ filed: FiledRecords, _ index: Int) throws {
    guard long == .refuse else { return }
    throw filed.problem(index, "the text has \(count) tokens, and a row takes \(limit)")
  }

  /// The id that fills up rows of a model that goes on with a text.
  static func filler(_ tokenizer: Tokenizer) -> Int {
    tokenizer.specialTokens.padding ?? tokenizer.specialTokens.end ?? 0
  }

  /// How much of each row is no filling; nil for rows of several texts, which are full, and where it cannot be told.
  func lengths(_ tokenizer: Tokenizer) -> ((Tensor) throws -> Tensor)? {
    if let frame { return { try ($0 .!= frame.padding).to(.int64).sum([2]).amax([1]) } }
    guard !packs, !endsInFiller else { return nil }
    let filler = Self.filler(tokenizer)
    return { try TokenRows.lengths($0.to(.int64), filler: filler) }
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
    _ name: String, train: FiledRecords, test: FiledRecords, _ tokenizer: Tokenizer, _ form: RecordRows,
    note: String? = nil
  ) throws -> DataSource {
    var form = form
    let learned = try form.rows(train, tokenizer, isTest: false)
    let judged = try form.rows(test, tokenizer, isTest: true)
    let order = TextGroup.ordered(learned.groups.compactMap { $0 })
    let places = TextGroup.Order(order)
    if !order.isEmpty, let stranger = judged.groups.first(where: { places.place(of: $0) == nil }) {
      throw TextDataError(test.file, "the group `\(stranger?.name ?? "")` of a test text is never learned")
    }
    let shared = Set(train.records.map(\.content)).intersection(test.records.map(\.content)).count
    let overlap = shared > 0 ? ["\(shared) of the test texts are among those that are learned."] : []
    let notes = [note].compactMap { $0 } + form.notes + overlap
    let first = learned.targets.shape[0]
    return DataSource(
      name: name, train: try Examples(inputs: learned.inputs, targets: learned.targets),
      test: try Examples(
        inputs: judged.inputs, targets: judged.targets,
        identifiers: Tensor.arange(first, first + judged.targets.shape[0])),
      pipeline: try InputPipeline(lengths: form.lengths(tokenizer)),
      note: notes.isEmpty ? nil : notes.joined(separator: " "),
      groups: order.isEmpty ? nil : DataGroups(order, train: learned.groups, test: judged.groups))
  }
}
