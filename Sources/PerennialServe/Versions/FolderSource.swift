import Foundation
import Perennial
import PerennialText
import PerennialTokenizers
import Torch

/// A folder with one model as `transformers` or `sentence-transformers` writes it: one version, which never changes.
public struct FolderSource: VersionSource {
  public let name: String
  private let folder: URL
  private let opened = Date()

  /// - Throws: `FileError` for a folder without a model.
  public init(_ folder: URL) throws {
    self.folder = folder
    name = folder.lastPathComponent
    _ = try ModelFolder(folder).modelType()
  }

  public func history() async throws -> VersionHistory {
    let record = VersionRecord(number: 1, created: opened, examples: 0, reason: "read from a folder")
    return VersionHistory(current: 1, versions: [record])
  }

  public func opener(of version: Int) async throws -> VersionOpener {
    guard version == 1 else { throw ServeError.missing("there is no version \(version), only 1") }
    let folder = folder
    return {
      let isEncoder = BERT.modelTypes.contains(try ModelFolder(folder).modelType())
      return isEncoder ? try EncoderModel(folder) : try LanguageModel(folder)
    }
  }
}

/// A sentence encoder that gives vectors.
final class EncoderModel: ServedModel {
  private let embedder: TextEmbedder
  let card: ModelCard

  init(_ folder: URL) throws {
    embedder = try TextEmbedder(folder: folder)
    card = ModelCard(
      kind: "a sentence encoder", abilities: [.embed], input: .text,
      parameters: embedder.encoder.learnedCount)
  }

  func embed(_ inputs: [ServedInput]) throws -> [ServedVector] {
    let texts = try inputs.map { try $0.text() }
    let vectors = try embedder(texts).array(of: Float.self)
    let width = embedder.encoder.featureCount
    let limit = Truncation(length: embedder.length)
    return texts.enumerated().map { place, text in
      ServedVector(
        values: Array(vectors[place * width..<(place + 1) * width]),
        tokens: embedder.tokenizer.encode(text, truncation: limit).ids.count)
    }
  }
}

/// A language model that goes on with texts and answers in conversations.
final class LanguageModel: ServedModel {
  private let tokenizer: Tokenizer
  private let model: any CausalLanguageModel
  let card: ModelCard

  init(_ folder: URL) throws {
    tokenizer = try Tokenizer(folder: folder)
    model = try ModelFolder(folder).loadLanguageModel()
    card = ModelCard(
      kind: "a language model", abilities: [.generate], input: .text,
      parameters: model.learnedCount)
  }

  func generate(_ request: GenerationRequest, listener: (String) -> GenerationListening) throws
    -> GenerationSummary
  {
    let ids =
      switch request.prompt {
      case .text(let text): tokenizer.encode(text).ids
      case .chat(let messages): try tokenizer.encode(chat: messages).ids
      }
    guard !ids.isEmpty else { throw ServeError.invalid("has no tokens", at: "prompt") }
    if let limit = model.maximumLength, ids.count >= limit {
      throw ServeError.invalid("has \(ids.count) tokens; there is room for \(limit)", at: "prompt")
    }
    var decoder = tokenizer.streamDecoder()
    var stops = StopCutter(request.stops)
    let generations = try model.generate([ids.map(Int.init)], request.options) { token in
      let piece = tokenizer.isSpecial(token.token) ? "" : decoder.append(Int32(token.token))
      let (text, isEnd) = stops.take(piece)
      return !text.isEmpty && listener(text) == .stop || isEnd ? .stop : .more
    }
    if !stops.isEnded {
      let (text, isEnd) = stops.take(decoder.finish())
      let rest = text + (isEnd ? "" : stops.rest())
      if !rest.isEmpty { _ = listener(rest) }
    }
    return GenerationSummary(
      promptTokens: ids.count, newTokens: generations.first?.tokens.count ?? 0,
      isCut: generations.first?.ending == .length && !stops.isEnded)
  }
}

extension ServedInput {
  /// - Throws: `ServeError.invalid` for numbers.
  fileprivate func text() throws -> String {
    guard case .text(let text) = self else { throw ServeError.invalid("must be a text", at: "input") }
    return text
  }
}
