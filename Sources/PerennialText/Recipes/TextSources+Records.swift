import Foundation
import Perennial
import PerennialTokenizers

extension TextSources {
  /// Records for language models: prompts and what is to be written after them.
  ///
  /// - Parameter isWritten: whether the model is judged by what it writes.
  func records(_ selection: Selection, model: URL?, _ kind: TextModels.Kind?, isWritten: Bool) throws -> Texts
  {
    let read = try read(selection)
    let options = read.options
    let tokenizer = try tokenizer(options, read.train.records, model)
    let special = tokenizer.specialTokens
    var frame: FrameTokens?
    if kind == .encoderDecoder {
      frame =
        try model.map(Self.frame)
        ?? FrameTokens(start: special.padding ?? 0, end: special.end, padding: special.padding ?? 0)
    }
    var form = RecordRows(length: options.length, packs: options.pack, long: options.long, frame: frame)
    form.separator = options.separator ?? ""
    form.chat = options.chat?.format
    form.isWritten = isWritten
    let note = read.skipped > 0 ? "\(read.skipped) records could not be used and were left out." : nil
    let source = try DataSource.records(
      selection.name, train: read.train, test: read.test, tokenizer, form, note: note)
    var facts = TextFacts(
      tokenizer, length: options.length, padding: frame.map(\.padding) ?? special.padding, end: special.end)
    if frame == nil, source.pipeline.lengths != nil { facts.filler = RecordRows.filler(tokenizer) }
    return Texts(source: source, facts: facts, tokenizer: tokenizer)
  }

  private struct Read {
    let train: FiledRecords
    let test: FiledRecords
    let options: RecordRowOptions
    var skipped = 0
  }

  private func read(_ selection: Selection) throws -> Read {
    guard selection.isNamed("multi30k") else {
      let options = try selection.decode(RecordFileOptions.self)
      let files = try [options.train, options.test].map { path in
        (path, try LanguageRecordFile(url(path), bad: options.bad))
      }
      let filed = files.map { FiledRecords(file: $0, records: $1.records, lines: $1.lines) }
      return Read(
        train: filed[0], test: filed[1], options: options.rows,
        skipped: files.reduce(0) { $0 + $1.1.skipped.count })
    }
    let options = try selection.decode(TranslationOptions.self)
    var (train, test) = try LanguageRecord.multi30k(root, pairs: options.pairs)
    if let limit = options.limit {
      var counts: [TextGroup?: Int] = [:]
      train = train.filter {
        counts[$0.group, default: 0] += 1
        return counts[$0.group, default: 0] <= limit
      }
    }
    return Read(
      train: FiledRecords(file: "multi30k", records: train),
      test: FiledRecords(file: "multi30k", records: test), options: options.rows)
  }

  private func tokenizer(_ options: RecordRowOptions, _ train: [LanguageRecord], _ model: URL?) throws
    -> Tokenizer
  {
    if let place = options.tokenizer.map(url) ?? model { return try Self.tokenizer(place) }
    var special = ["<pad>", "</s>"]
    for mark in (options.separator.map { [$0] } ?? []) + (options.chat?.format.marks ?? [])
    where !special.contains(mark) { special.append(mark) }
    return try Tokenizer.trainByteLevelBPE(
      on: train.flatMap(\.content.texts), size: options.vocabulary, specialTokens: special)
  }

  private static func frame(_ folder: URL) throws -> FrameTokens {
    let configuration = try ModelFolder(folder).configuration(of: T5.self)
    return FrameTokens(
      start: configuration.startToken, end: configuration.endTokens.first,
      padding: configuration.paddingToken ?? 0)
  }
}

extension LanguageRecord.Content {
  /// All that is written in it.
  var texts: [String] {
    switch self {
    case .text(let text): [text]
    case .answer(let prompt, let completion): [prompt, completion]
    case .chat(let messages): messages.map(\.content)
    }
  }
}
