import Foundation
import Perennial
import PerennialTokenizers
import Torch

/// The sets of texts that a recipe can name, read once.
final class TextSources {
  /// A data set with what a model must know of it.
  struct Texts {
    let source: DataSource
    /// Nil for vectors.
    let facts: TextFacts?
    /// What made tokens of them, where there is one.
    var tokenizer: Tokenizer?
  }

  static let names = [
    "clinc150", "banking77", "texts", "facts", "stories", "corpora", "records", "multi30k",
    "parallel-captions",
  ]
  /// Those of records.
  static let recordNames = ["records", "multi30k"]
  let root: DataRoot
  private var newest: (choice: String, texts: Texts)?

  init(root: DataRoot) { self.root = root }

  /// - Throws: `ConfigurationError` for a wrong option; what reading the files throws.
  func texts(_ recipe: Recipe) throws -> Texts {
    let model = try TextModels.folder(recipe.model, url)
    let kind = TextModels.kind(of: recipe.model)
    let isPaired =
      try kind == .reader && recipe.model.decode(MemoryNetworkOptions.self).kind == .keyValue
    let isWritten = recipe.objective.isNamed("writing")
    let choice =
      try recipe.stream.data.node.yaml() + (model?.path ?? "")
      + (kind == .encoderDecoder || isPaired ? " pairs" : "") + (isWritten ? " written" : "")
    if let newest, newest.choice == choice { return newest.texts }
    let texts =
      try recipe.stream.data.isNamed("stories")
      ? stories(recipe.stream.data, isPaired: isPaired)
      : read(recipe.stream.data, model: model, kind, isWritten: isWritten)
    newest = (choice, texts)
    return texts
  }

  private func read(
    _ selection: Selection, model: URL?, _ kind: TextModels.Kind?, isWritten: Bool
  ) throws -> Texts {
    if selection.isNamed("corpora") { return try corpora(selection, model: model) }
    if selection.isNamed("parallel-captions") { return try parallelCaptions(selection, model: model) }
    if Self.recordNames.contains(where: selection.isNamed) {
      return try records(selection, model: model, kind, isWritten: isWritten)
    }
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
      let set = try TextDataset(file, isParaphrased: options.paraphrased)
      return try labeled(set, reading, selection, model: model)
    }
    let options = try selection.decode(LabeledTextOptions.self)
    let set: TextDataset = try selection.isNamed("clinc150") ? .clinc150(root) : .banking77(root)
    return try labeled(set, options, selection, model: model)
  }

  private func stories(_ selection: Selection, isPaired: Bool) throws -> Texts {
    let options = try selection.decode(StoryOptions.self)
    let set = try TextDataset.files(train: url(options.train), test: url(options.test), bad: options.bad)
    let learned = set.train.map(\.text)
    let rows = StoryRows(
      learned: learned, all: learned + set.test.map(\.text), most: options.memories, isPaired: isPaired)
    return Texts(
      source: try set.source(rows),
      facts: TextFacts(
        vocabulary: rows.vocabulary, length: rows.width, padding: 0, end: nil, memories: rows.memories))
  }

  private func labeled(
    _ set: TextDataset, _ options: LabeledTextOptions, _ selection: Selection, model: URL?
  ) throws -> Texts {
    if let folder = options.vectors { return try vectors(of: set, options, url(folder)) }
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
        tokenizer, length: options.length, width: source.train.inputs.shape[1], padding: padding,
        end: tokenizer.specialTokens.end),
      tokenizer: tokenizer)
  }

  private func vectors(of set: TextDataset, _ options: LabeledTextOptions, _ folder: URL) throws -> Texts {
    let embedder = try TextEmbedder(folder: folder, length: options.length)
    return Texts(source: try set.source(embedder, long: options.long, limit: options.limit), facts: nil)
  }

  private func corpora(_ selection: Selection, model: URL?) throws -> Texts {
    let options = try selection.decode(CorporaOptions.self)
    let corpora = try options.texts.map { try Corpus.named($0, root) ?? Corpus.runningText(url($0)) }
    let alphabet = try self.alphabet(options.tokenizer, corpora, selection, model: model)
    let source = try DataSource.blocks(
      of: corpora, name: selection.name, block: options.block, stride: options.stride, test: options.test,
      limit: options.limit, tokens: alphabet.encode)
    return Texts(
      source: source,
      facts: TextFacts(
        vocabulary: alphabet.count, length: options.block, padding: nil, end: alphabet.end,
        needed: alphabet.tokenizer?.vocabularyEndID),
      tokenizer: alphabet.tokenizer)
  }

  private func alphabet(_ name: String?, _ corpora: [Corpus], _ selection: Selection, model: URL?) throws
    -> Alphabet
  {
    switch name {
    case "bytes": return .bytes
    case "characters": return try .characters(of: corpora)
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
