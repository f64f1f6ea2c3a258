/// A table of vectors `[vocabulary, width]`, drawn from N(0, 1) as `torch.nn.Embedding`.
public final class Embedding: Module, Layer {
  public let weight: Parameter
  public let padding: Int?

  /// - Parameter padding: an index whose vector is zero at first and never learns.
  public init(_ vocabulary: Int, _ width: Int, padding: Int? = nil, _ generator: Generator) throws {
    let table = try Initializer.normal([vocabulary, width], generator)
    if let padding { try noGrad { try table[padding].zero() } }
    weight = Parameter(table)
    self.padding = padding
    super.init()
    register("weight", weight)
  }

  /// int64 indices of any shape → `[…, width]`
  public func callAsFunction(_ input: Tensor) throws -> Tensor {
    try weight.value.embedding(input, padding: padding)
  }
}
