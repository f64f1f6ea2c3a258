import Torch

/// Embeddings that learn, in front of the tokens of every text: prompt tuning (Lester et al. 2021).
public final class SoftPrompt: Module, PromptSource {
  /// What the embeddings are at first.
  public enum Start: String, Codable, CaseIterable, Sendable {
    /// Those of tokens drawn from the vocabulary, the better of the two in the paper.
    case vocabulary
    /// N(0, 1)
    case normal
  }

  /// `[P, D]`
  public let embeddings: Parameter

  /// - Parameter length: P
  public init(_ length: Int, for model: any Promptable, start: Start = .vocabulary, _ generator: Generator)
    throws
  {
    let table = model.tokenTable.value
    embeddings = Parameter(
      try noGrad {
        switch start {
        case .normal: return try Tensor.normal([length, model.promptShape.width], generator)
        case .vocabulary:
          let drawn = try Tensor.randomIntegers(0..<table.shape[0], [length], generator)
          return try table.detach().to(.cpu).indexSelect(drawn).to(.float32)
        }
      }, kind: .prompt)
    super.init()
    register("prompt_embeddings", embeddings)
  }

  public var promptLength: Int { embeddings.value.shape[0] }

  public func callAsFunction(_ ids: Tensor) throws -> Prompt? {
    .embeddings(try embeddings.value.unsqueeze(0))
  }
}
