/// A module whose weight `[out, in]` is multiplied with its input: a linear layer, or a table that is the output layer too.
public protocol MatrixProduct: Module {
  var weight: Parameter { get }

  /// The type in which the product is computed, float32 or bfloat16: factors and product are rounded to it, the weight itself stays
  /// as it is, and so does the type of the output, float32.
  var precision: DType { get set }
}

extension Module {
  /// Computes products in another type (``MatrixProduct/precision``); for training, whose steps would be lost in a weight of
  /// few digits.
  public final func multiply(in type: DType) {
    for product in modules.compactMap({ $0 as? any MatrixProduct }) { product.precision = type }
  }

  /// Keeps the weights of products in bfloat16, for a model that learns no more: half of the memory, and half of the time where
  /// reading them is all the work. Other parameters, and types of outputs, stay float32. Up to four rows at once are multiplied in
  /// float32, more in bfloat16.
  ///
  /// Adapters stay beside such weights: a merged one would be rounded away. A `ParameterVector` made before holds what was.
  /// - Throws: `TorchError` (`dtype`) for another type.
  public final func keepWeights(in type: DType) throws {
    guard type == .bfloat16 else {
      throw TorchError(.dtype, "weights are kept in bfloat16 or as they are, not in \(type)")
    }
    for product in modules.compactMap({ $0 as? any MatrixProduct }) {
      product.weight.isTrainable = false
      product.weight.replace(with: try noGrad { try product.weight.value.detach().to(type) })
      (product as? Embedding)?.output = .float32
    }
  }
}
