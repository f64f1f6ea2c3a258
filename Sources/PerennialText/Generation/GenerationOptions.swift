/// How texts are continued.
public struct GenerationOptions: Sendable {
  /// Tokens to be added at most.
  public var maximumNewTokens = 128
  /// Tokens before an end token can come.
  public var minimumNewTokens = 0
  /// How the next token is drawn; nil: the likeliest is taken.
  public var sampling: Sampling?
  /// Scores of tokens that the text has already are divided by this where positive, else multiplied (Keskar et al. 2019).
  public var repetitionPenalty = 1.0
  /// Ids that end a text; nil: those of the model.
  public var endTokens: [Int]?
  /// Runs of new tokens that end a text.
  public var stopSequences: [[Int]] = []
  /// The seed of the draws.
  public var seed: UInt64 = 0
  /// Whether keys and values are kept from token to token; without, every token costs a whole pass.
  public var usesCache = true

  public init() {}

  /// How the next token is drawn, in this order.
  public struct Sampling: Sendable, Equatable {
    /// Scores are divided by it: below 1 the likely become likelier.
    public var temperature = 1.0
    /// Only so many tokens take part; nil: all.
    public var topK: Int?
    /// Only the likeliest take part whose probabilities first reach this sum (Holtzman et al. 2020); nil: all.
    public var topP: Double?

    public init(temperature: Double = 1, topK: Int? = nil, topP: Double? = nil) {
      (self.temperature, self.topK, self.topP) = (temperature, topK, topP)
    }
  }

  /// - Throws: `GenerationError` for a value that is not allowed.
  func check() throws {
    func require(_ condition: Bool, _ option: String, _ allowed: String) throws {
      if !condition { throw GenerationError(option: option, allowed: allowed) }
    }
    try require(maximumNewTokens >= 0, "maximumNewTokens", "at least 0")
    try require(repetitionPenalty > 0 && repetitionPenalty.isFinite, "repetitionPenalty", "above 0")
    try require(stopSequences.allSatisfy { !$0.isEmpty }, "stopSequences", "at least one token each")
    guard let sampling else { return }
    try require(sampling.temperature > 0 && sampling.temperature.isFinite, "temperature", "above 0")
    try require(sampling.topK.map { $0 > 0 } ?? true, "topK", "at least 1")
    try require(sampling.topP.map { $0 > 0 && $0 <= 1 } ?? true, "topP", "above 0 and at most 1")
  }
}

/// An option of generation outside of what is allowed.
public struct GenerationError: Error, Equatable, CustomStringConvertible {
  public let option: String
  /// The values that are allowed.
  public let allowed: String
  public var description: String { "\(option) must be \(allowed)" }
}

/// A token that was just added.
public struct GeneratedToken: Sendable {
  /// The text's place in the batch.
  public let row: Int
  public let token: Int
  /// All new tokens of the text, this one last.
  public let tokens: [Int]
}

/// What a listener wants after a token.
public enum GenerationDecision: Sendable {
  case more
  /// The text ends here.
  case stop
}

/// The continuation of a text.
public struct Generation: Equatable, Sendable {
  /// Why a text ended.
  public enum Ending: String, Sendable {
    /// An end token came.
    case endToken
    /// A stop sequence came.
    case stopSequence
    /// The listener said so.
    case listener
    /// There is no room for more, or no more was asked for.
    case length
  }

  /// The new tokens, an end token or stop sequence included.
  public var tokens: [Int] = []
  public var ending = Ending.length
}
