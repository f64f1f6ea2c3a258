import Perennial
import Torch

/// A model that reads from left to right and says what comes next.
public protocol CausalLanguageModel: Layer, TextEncoder, TokenOutputs, Promptable {
  /// The longest sequence it takes, or nil.
  var maximumLength: Int? { get }

  /// The ids that end a text.
  var endTokens: [Int] { get }

  /// Vectors `[N, L, D]` of tokens that follow those in the cache, if there is one, and join them.
  func hiddenStates(_ batch: TokenBatch, cache: KeyValueCache?) throws -> Tensor

  /// Room for what `capacity` tokens of `rows` texts leave behind.
  func makeCache(rows: Int, capacity: Int) throws -> KeyValueCache
}

/// The sizes of a model that reads from left to right.
public protocol DecoderConfiguration: ModelConfiguration {
  /// D
  var width: Int { get }
  /// V
  var vocabularySize: Int { get }
  /// The longest sequence.
  var maximumLength: Int { get }
  /// The ids that end a text.
  var endTokens: [Int] { get }
  /// The id that fills up rows.
  var paddingToken: Int? { get }
}

extension CausalLanguageModel where Self: PublishedModel, Configuration: DecoderConfiguration {
  public var width: Int { configuration.width }
  public var vocabularySize: Int { configuration.vocabularySize }
  public var maximumLength: Int? { configuration.maximumLength }
  public var endTokens: [Int] { configuration.endTokens }
  public var paddingToken: Int? { configuration.paddingToken }
}

extension CausalLanguageModel {
  public func hiddenStates(_ batch: TokenBatch) throws -> Tensor { try hiddenStates(batch, cache: nil) }

  /// Scores of the next token `[N, L, V]`.
  public func callAsFunction(_ batch: TokenBatch) throws -> Tensor { try logits(hiddenStates(batch)) }

  /// Ids int64 `[N, L]`, filled up with the padding id → scores of the next token `[N, L, V]`.
  public func callAsFunction(_ ids: Tensor) throws -> Tensor {
    try callAsFunction(TokenBatch(ids.to(.int64), padding: paddingToken))
  }
}
