/// A module whose weight `[out, in]` is multiplied with its input: a linear layer, or a table that is the output layer too.
public protocol MatrixProduct: Module {
  var weight: Parameter { get }

  /// The type in which the product is computed, float32 or bfloat16; the weight stays as it is, sums and the output are float32.
  var precision: DType { get set }
}

extension Module {
  /// Computes products in another type (``MatrixProduct/precision``); for training, whose steps would be lost in a weight of
  /// few digits.
  public final func multiply(in type: DType) {
    for product in modules.compactMap({ $0 as? any MatrixProduct }) { product.precision = type }
  }

  /// Keeps the weights of products in a shorter type, for a model that learns no more: half of the memory, and half of the time
  /// where reading them is all the work. Everything else stays float32, sums too.
  public final func keepWeights(in type: DType) throws {
    for product in modules.compactMap({ $0 as? any MatrixProduct }) {
      product.weight.isTrainable = false
      product.weight.replace(with: try noGrad { try product.weight.value.detach().to(type) })
      (product as? Embedding)?.output = .float32
    }
  }
}
