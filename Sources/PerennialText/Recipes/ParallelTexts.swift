import Foundation
import Perennial
import PerennialTokenizers
import Torch

/// Options of `parallel-captions`: captions of Multi30k in some languages, each to be given the vector that a teacher gives
/// the English caption of the same picture.
struct ParallelCaptionOptions: Configurable {
  /// Among `cs`, `de`, `en` and `fr`; each is a group.
  var languages = ["en", "de", "fr"]
  /// The folder of the encoder that reads English, below the data root unless absolute.
  var teacher = ""
  var tokenizer: String?
  /// The most tokens of a text.
  var length = 64
  /// The first so many training captions of each language; all 29,000 when nil.
  var limit: Int?

  func validate(at node: ConfigurationNode) throws {
    guard !teacher.isEmpty else {
      throw node.error("missing key `teacher`: the folder of an encoder for English")
    }
    guard !languages.isEmpty, Set(languages).count == languages.count,
      languages.allSatisfy(Multi30k.languages.contains)
    else {
      throw node.error(
        at: "languages",
        "must be some of \(Multi30k.languages.joined(separator: ", ")), each once, found \(languages)")
    }
    try node.require("length", length, atLeast: 3)
    try node.require("limit", limit, atLeast: 1)
  }
}

/// Captions with the vectors of their English translations (Reimers & Gurevych 2020; Elliott et al. 2016).
struct ParallelTexts {
  let options: ParallelCaptionOptions
  let root: DataRoot

  /// Inputs are int64 `[N, L]` in the student's tokens, targets `[N, D]`; the 1,000 of `test_2016_flickr` test.
  ///
  /// - Parameter tokenizer: the student's.
  /// - Throws: `MissingDataError`, `TextDataError` for files of different lengths, what loading the teacher throws.
  func source(_ tokenizer: Tokenizer, teacher: TextEmbedder, padding: Int) throws -> DataSource {
    var cut = 0
    func examples(_ part: String, limit: Int?) throws -> [Examples] {
      let english = try captions(part, "en", limit)
      let vectors = try teacher(english)
      return try options.languages.map { language in
        let texts = try captions(part, language, limit)
        guard texts.count == english.count else {
          throw TextDataError(
            "multi30k", "\(part) has \(english.count) captions in English and \(texts.count) in \(language)")
        }
        let tokens = try TokenizedTexts(
          texts, tokenizer, length: options.length, padding: padding, file: part)
        cut += tokens.truncated
        return try Examples(inputs: tokens.ids, targets: vectors)
      }
    }
    let (train, test) = (
      try examples("train", limit: options.limit), try examples("test_2016_flickr", limit: nil)
    )
    let width = (train + test).map { $0.inputs.shape[1] }.max() ?? 1
    func joined(_ sets: [Examples], first: Int) throws -> Examples {
      let all = try Examples.concatenate(
        sets.map { set in
          let fill = try Tensor.full([set.count, width - set.inputs.shape[1]], padding, dtype: .int64)
          return try Examples(
            inputs: Tensor.concatenate([set.inputs, fill], dim: 1), targets: set.targets)
        })
      return try Examples(
        inputs: all.inputs, targets: all.targets, identifiers: Tensor.arange(first, first + all.count))
    }
    func groups(_ sets: [Examples]) -> [Int] {
      sets.enumerated().flatMap { [Int](repeating: $0.offset, count: $0.element.count) }
    }
    let learned = try joined(train, first: 0)
    return DataSource(
      name: "parallel-captions", train: learned, test: try joined(test, first: learned.count),
      pipeline: try InputPipeline(),
      note: cut > 0 ? "\(cut) captions were cut to \(options.length) tokens." : nil,
      groups: DataGroups(names: options.languages, train: groups(train), test: groups(test)))
  }

  private func captions(_ part: String, _ language: String, _ limit: Int?) throws -> [String] {
    let lines = try Multi30k.captions(part, language, root).lines
    return Array(lines.prefix(limit ?? lines.count))
  }
}

extension TextSources {
  func parallelCaptions(_ selection: Selection, model: URL?) throws -> Texts {
    let options = try selection.decode(ParallelCaptionOptions.self)
    guard let place = options.tokenizer.map(url) ?? model else {
      throw selection.node.error("missing key `tokenizer`: the model comes without one")
    }
    let tokenizer = try Self.tokenizer(place)
    let padding = tokenizer.specialTokens.padding ?? 0
    let teacher = try TextEmbedder(folder: url(options.teacher), length: options.length)
    return Texts(
      source: try ParallelTexts(options: options, root: root).source(
        tokenizer, teacher: teacher, padding: padding),
      facts: TextFacts(
        tokenizer, length: options.length, padding: padding,
        end: tokenizer.specialTokens.end))
  }
}
