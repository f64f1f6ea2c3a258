import Torch

/// What stands in front of the tokens of N texts, in place of words.
public enum Prompt {
  /// Embeddings `[N or 1, P, D]`, which the model reads as it reads those of words.
  case embeddings(Tensor)
  /// Keys and values of every layer `[layers, 2, N or 1, groups, P, d]`, which all tokens look at.
  case prefix(Tensor)

  /// P
  public var length: Int {
    switch self {
    case .embeddings(let rows): rows.shape[1]
    case .prefix(let rows): rows.shape[4]
    }
  }
}

/// Where prompts come from: vectors that learn.
public protocol PromptSource: Module {
  /// P, at most.
  var promptLength: Int { get }

  /// Whether a text's vector is the mean of what the model makes of the prompt, rather than of the tokens.
  var isReadOut: Bool { get }

  /// What stands in front of the tokens int64 `[N, L]`; nil: nothing.
  func callAsFunction(_ ids: Tensor) throws -> Prompt?
}

extension PromptSource {
  public var isReadOut: Bool { false }
}

/// A model that prompts can stand in front of.
public protocol Promptable: Module {
  /// What its prompts are made of.
  var promptShape: PromptShape { get }

  /// The embeddings of its tokens `[V, D]`.
  var tokenTable: Parameter { get }

  /// Whether keys and values of every layer can stand in front, besides embeddings.
  var takesPrefixes: Bool { get }

  /// What PEFT calls the task of such a model.
  var peftTask: String { get }

  /// What stands in front of all texts; nil: nothing. Whoever puts it there makes it part of the model.
  var promptSource: (any PromptSource)? { get set }
}

extension Promptable {
  public var takesPrefixes: Bool { true }
  public var peftTask: String {
    self is any Backbone || !(self is any Layer) ? "FEATURE_EXTRACTION" : "CAUSAL_LM"
  }

  /// Runs `body` without what stands in front.
  public func unprompted<Result>(_ body: () throws -> Result) rethrows -> Result {
    let source = promptSource
    promptSource = nil
    defer { promptSource = source }
    return try body()
  }
}

/// The sizes of a model that its prompts depend on.
public struct PromptShape: Equatable, Sendable {
  /// D
  public let width: Int
  public let layers: Int
  /// Heads with keys of their own, and the width of a head.
  public let groups: Int
  public let headWidth: Int

  public init(width: Int, layers: Int, groups: Int, headWidth: Int) {
    (self.width, self.layers, self.groups, self.headWidth) = (width, layers, groups, headWidth)
  }
}

extension Network {
  /// The part of the backbone that prompts can stand in front of.
  ///
  /// - Throws: `StrategyError.model` for a backbone that reads no tokens.
  private func promptable(_ strategy: String) throws -> any Promptable {
    guard let model = backbone.modules.lazy.compactMap({ $0 as? any Promptable }).first else {
      throw StrategyError.model(
        strategy,
        "the model reads no tokens that prompts could stand in front of; BERT, GPT-2, Llama, Qwen2 and T5 do"
      )
    }
    guard model.promptSource == nil else {
      throw StrategyError.model(strategy, "something else stands in front of the tokens already")
    }
    return model
  }

  /// Puts what learns in front of all texts, under the strategy's name, and lets the backbone rest.
  ///
  /// - Throws: as `promptable`, and what making it throws.
  func learnPrompt(_ strategy: String, _ make: (any Promptable) throws -> some PromptSource) throws {
    let model = try promptable(strategy)
    let source = try make(model)
    model.promptSource = source
    register(strategy, source)
    restBackbone()
  }
}
