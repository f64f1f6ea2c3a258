import Foundation
import Perennial
import PerennialTokenizers
import Torch

/// Options of texts with classes: `clinc150`, `banking77`.
struct LabeledTextOptions: Configurable {
  /// A `tokenizer.json` or a folder with one, below the data root unless absolute; the model's own when nil.
  var tokenizer: String?
  /// The most tokens of a text.
  var length = 64
  var long = LongTexts.truncate
  /// The first so many training texts of each class; all when nil.
  var limit: Int?

  func validate(at node: ConfigurationNode) throws {
    try node.require("length", length, atLeast: 3)
    try node.require("limit", limit, atLeast: 1)
  }
}

/// Options of `texts`: files of records with `text` and `label`, and perhaps `task` or `time`.
struct TextFileOptions: Configurable {
  /// JSON lines or CSV, below the data root unless absolute.
  var train = ""
  var test = ""
  var bad = BadRecords.refuse
  var tokenizer: String?
  var length = 64
  var long = LongTexts.truncate

  func validate(at node: ConfigurationNode) throws {
    for (key, value) in [("train", train), ("test", test)] where value.isEmpty {
      throw node.error("missing key `\(key)`: a file of records")
    }
    try node.require("length", length, atLeast: 3)
  }

  var labeled: LabeledTextOptions {
    var options = LabeledTextOptions()
    (options.tokenizer, options.length, options.long) = (tokenizer, length, long)
    return options
  }
}

/// Options of `facts`: facts in versions.
struct FactOptions: Configurable {
  /// JSON lines, below the data root unless absolute; those of the invented world when nil.
  var path: String?
  var tokenizer: String?
  var length = 64
}

/// Options of `corpora`: running text, to learn the next token of.
struct CorporaOptions: Configurable {
  /// Names of known corpora, or text files or folders of them, below the data root unless absolute.
  var texts: [String] = []
  /// `bytes`, `characters`, or a `tokenizer.json` or a folder with one; the model's own when nil.
  var tokenizer: String?
  /// Tokens of a row.
  var block = 128
  /// From the start of a row that is learned to that of the next; the block when nil. Fewer let a token be learned at more
  /// than one place.
  var stride: Int?
  /// The share of each corpus at its end that tests.
  var test = 0.1
  /// The first so many tokens of each corpus; all when nil.
  var limit: Int?

  func validate(at node: ConfigurationNode) throws {
    guard !texts.isEmpty else { throw node.error(at: "texts", "must name at least one corpus") }
    try node.require("block", block, atLeast: 2)
    try node.require("stride", stride, atLeast: 1)
    try node.require("test", test, in: 0.001...0.9)
    try node.require("limit", limit, atLeast: 4)
  }
}

/// The sets of texts that a recipe can name, read once.
final class TextSources {
  /// A data set with what a model must know of it.
  struct Texts {
    let source: DataSource
    let facts: TextFacts
  }

  static let names = ["clinc150", "banking77", "texts", "facts", "corpora"]
  let root: DataRoot
  private var newest: (choice: String, texts: Texts)?

  init(root: DataRoot) { self.root = root }

  /// - Throws: `ConfigurationError` for a wrong option; what reading the files throws.
  func texts(_ recipe: Recipe) throws -> Texts {
    let model = try TextModels.folder(recipe.model, url)
    let choice = try recipe.stream.data.node.yaml() + (model?.path ?? "")
    if let newest, newest.choice == choice { return newest.texts }
    let texts = try read(recipe.stream.data, model: model)
    newest = (choice, texts)
    return texts
  }

  private func read(_ selection: Selection, model: URL?) throws -> Texts {
    if selection.isNamed("corpora") { return try corpora(selection, model: model) }
    if selection.isNamed("texts") {
      let options = try selection.decode(TextFileOptions.self)
      let set = try TextDataset.files(train: url(options.train), test: url(options.test), bad: options.bad)
      return try labeled(set, options.labeled, selection, model: model)
    }
    if selection.isNamed("facts") {
      let options = try selection.decode(FactOptions.self)
      let file = try options.path.map { try FactFile(url($0)) } ?? .inventedWorld()
      var reading = LabeledTextOptions()
      (reading.tokenizer, reading.length, reading.long) = (options.tokenizer, options.length, .refuse)
      return try labeled(TextDataset(file), reading, selection, model: model)
    }
    let options = try selection.decode(LabeledTextOptions.self)
    let set: TextDataset = try selection.isNamed("clinc150") ? .clinc150(root) : .banking77(root)
    return try labeled(set, options, selection, model: model)
  }

  private func labeled(
    _ set: TextDataset, _ options: LabeledTextOptions, _ selection: Selection, model: URL?
  ) throws -> Texts {
    guard let place = options.tokenizer.map(url) ?? model else {
      throw selection.node.error("missing key `tokenizer`: the model comes without one")
    }
    let tokenizer = try Self.tokenizer(place)
    let padding = tokenizer.specialTokens.padding ?? 0
    let source = try set.source(
      tokenizer, length: options.length, padding: padding, long: options.long, limit: options.limit)
    return Texts(
      source: source,
      facts: TextFacts(
        vocabulary: tokenizer.vocabularyCount, length: options.length, padding: padding,
        end: tokenizer.specialTokens.end))
  }

  private func corpora(_ selection: Selection, model: URL?) throws -> Texts {
    let options = try selection.decode(CorporaOptions.self)
    let corpora = try options.texts.map { try Corpus.named($0, root) ?? Corpus.file(url($0)) }
    let alphabet = try self.alphabet(options.tokenizer, corpora, selection, model: model)
    let source = try DataSource.blocks(
      of: corpora, name: selection.name, block: options.block, stride: options.stride, test: options.test,
      limit: options.limit, tokens: alphabet.encode)
    return Texts(
      source: source,
      facts: TextFacts(vocabulary: alphabet.count, length: options.block, padding: nil, end: alphabet.end))
  }

  private func alphabet(_ name: String?, _ corpora: [Corpus], _ selection: Selection, model: URL?) throws
    -> Alphabet
  {
    switch name {
    case "bytes": return .bytes
    case "characters": return .characters(of: corpora.map(\.text))
    default:
      guard let place = name.map(url) ?? model else {
        throw selection.node.error(
          "missing key `tokenizer`: `bytes`, `characters`, or a file, for the model comes without one")
      }
      return .tokenizer(try Self.tokenizer(place))
    }
  }

  /// A `tokenizer.json`, or the one in a folder.
  static func tokenizer(_ url: URL) throws -> Tokenizer {
    url.pathExtension == "json" ? try Tokenizer(file: url) : try Tokenizer(folder: url)
  }

  /// A path below the data root, unless it is absolute.
  func url(_ path: String) -> URL {
    path.hasPrefix("/") ? URL(fileURLWithPath: path) : root.url.appendingPathComponent(path)
  }
}
