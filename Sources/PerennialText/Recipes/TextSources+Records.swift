import Foundation
import Perennial
import PerennialTokenizers

extension TextSources {
  /// Records for language models: prompts and what is to be written after them.
  func records(_ selection: Selection, model: URL?, _ kind: TextModels.Kind?) throws -> Texts {
    let (train, test, options, skipped) = try read(selection)
    let tokenizer = try tokenizer(options, train, model)
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
    let note = skipped > 0 ? "\(skipped) records could not be used and were left out." : nil
    let source = try DataSource.records(
      selection.name, train: train, test: test, tokenizer, form, note: note)
    return Texts(
      source: source,
      facts: TextFacts(
        tokenizer, length: options.length,
        padding: frame.map(\.padding) ?? special.padding, end: special.end),
      tokenizer: tokenizer)
  }

  private func read(_ selection: Selection) throws -> (
    train: [LanguageRecord], test: [LanguageRecord], RecordRowOptions, skipped: Int
  ) {
    guard selection.isNamed("multi30k") else {
      let options = try selection.decode(RecordFileOptions.self)
      let learned = try LanguageRecordFile(url(options.train), bad: options.bad)
      let judged = try LanguageRecordFile(url(options.test), bad: options.bad)
      return (learned.records, judged.records, options.rows, learned.skipped.count + judged.skipped.count)
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
    return (train, test, options.rows, 0)
  }

  private func tokenizer(_ options: RecordRowOptions, _ train: [LanguageRecord], _ model: URL?) throws
    -> Tokenizer
  {
    if let place = options.tokenizer.map(url) ?? model { return try Self.tokenizer(place) }
    return try Tokenizer.trainByteLevelBPE(
      on: train.flatMap(\.content.texts), size: options.vocabulary,
      specialTokens: ["<pad>", "</s>"] + [options.separator].compactMap { $0 })
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
