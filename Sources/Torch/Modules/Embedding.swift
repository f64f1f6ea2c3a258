/// A table of vectors `[vocabulary, width]`, drawn from N(0, 1) as `torch.nn.Embedding`.
public final class Embedding: Module, Layer, MatrixProduct {
  public let weight: Parameter
  public let padding: Int?
  public var precision = DType.float32
  /// The type of the vectors it gives; nil: the table's.
  var output: DType?

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
    let vectors = try weight.value.embedding(input, padding: padding)
    return try output.map(vectors.to) ?? vectors
  }
}
