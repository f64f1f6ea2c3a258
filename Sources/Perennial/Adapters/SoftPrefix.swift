import Torch

/// Keys and values that learn, for all layers and in front of the tokens of every text: prefix tuning (Li & Liang 2021).
///
/// With a projection, what learns is a smaller matrix `[P, D]` and a perceptron with tanh that makes the prefix of it, as
/// the paper reparametrises it; what files keep is the prefix itself.
public final class SoftPrefix: Module, PromptSource {
  private let shape: PromptShape
  /// `[P, layers · 2 · groups · d]`, or `[P, groups · d]` under a projection.
  private let embeddings: Parameter
  private let inner, outer: Linear?

  /// - Parameter projection: the inner width of the perceptron; nil for none.
  /// - Throws: `TorchError` (`unsupported`) for a model that takes no prefixes.
  public init(_ length: Int, for model: any Promptable, projection: Int? = nil, _ generator: Generator) throws
  {
    guard model.takesPrefixes else {
      throw TorchError(.unsupported, "a prefix in front of an encoder-decoder: it takes prompts alone")
    }
    shape = model.promptShape
    let width = shape.groups * shape.headWidth
    let count = shape.layers * 2 * width
    embeddings = Parameter(
      try Initializer.normal(
        [length, projection == nil ? count : width], standardDeviation: 0.02, generator),
      kind: .prompt)
    inner = try projection.map { try Linear(width, $0, kind: .prompt, generator) }
    outer = try projection.map { try Linear($0, count, kind: .prompt, generator) }
    super.init()
    register("prompt_embeddings", embeddings)
    if let inner { register("transform.0", inner) }
    if let outer { register("transform.2", outer) }
  }

  public var promptLength: Int { embeddings.value.shape[0] }

  /// The prefix as one matrix `[P, layers · 2 · groups · d]`.
  public func rows() throws -> Tensor {
    guard let inner, let outer else { return embeddings.value }
    return try outer(inner(embeddings.value).tanh())
  }

  public func callAsFunction(_ ids: Tensor) throws -> Prompt? {
    let split = try rows().reshape([promptLength, shape.layers, 2, shape.groups, shape.headWidth])
    return .prefix(try split.permute([1, 2, 3, 0, 4]).unsqueeze(2))
  }
}
