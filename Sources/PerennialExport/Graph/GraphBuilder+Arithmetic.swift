import Torch

extension GraphBuilder {
  /// Element by element, with broadcasting.
  public func add(_ a: GraphValue, _ b: GraphValue) -> GraphValue { node("Add", a, b) }
  public func subtract(_ a: GraphValue, _ b: GraphValue) -> GraphValue { node("Sub", a, b) }
  public func multiply(_ a: GraphValue, _ b: GraphValue) -> GraphValue { node("Mul", a, b) }
  public func divide(_ a: GraphValue, _ b: GraphValue) -> GraphValue { node("Div", a, b) }

  /// Every element times a number.
  public func scale(_ value: GraphValue, by factor: Double) throws -> GraphValue {
    factor == 1 ? value : multiply(value, try scalar(factor))
  }

  /// Products of matrices, the last two dimensions of each value.
  public func matmul(_ a: GraphValue, _ b: GraphValue) -> GraphValue { node("MatMul", a, b) }

  /// x Wᵀ + b on `[…, in]`.
  ///
  /// - Parameter weight: `[out, in]`; the graph holds it transposed.
  func linear(_ input: GraphValue, weight: Tensor, bias: Tensor?, of module: Module) throws -> GraphValue {
    let product = matmul(input, try constant(noGrad { try weight.detach().T }, of: module, "weight"))
    return try bias.map { add(product, try constant($0, of: module, "bias")) } ?? product
  }

  /// Rows of length 1 of `[N, D]`; a row of zeros stays.
  func unitRows(_ value: GraphValue) throws -> GraphValue {
    let length = node("ReduceL2", value, attributes: ["axes": .integers([1]), "keepdims": .integer(1)])
    return divide(value, node("Clip", length, try scalar(1e-12), nil))
  }

  /// The sum along one dimension.
  func sum(_ value: GraphValue, axis: Int, keepDims: Bool = false) throws -> GraphValue {
    node(
      "ReduceSum", value, try integers([axis]), attributes: ["keepdims": .integer(keepDims ? 1 : 0)])
  }

  /// The mean along dimensions.
  func mean(_ value: GraphValue, axes: [Int], keepDims: Bool = false) -> GraphValue {
    node(
      "ReduceMean", value,
      attributes: ["axes": .integers(axes), "keepdims": .integer(keepDims ? 1 : 0)])
  }

  // MARK: - Shapes

  /// Another shape; 0 keeps a size, −1 takes what is left.
  public func reshape(_ value: GraphValue, _ shape: [Int]) throws -> GraphValue {
    node("Reshape", value, try integers(shape))
  }

  /// The dimensions in another order.
  public func transpose(_ value: GraphValue, _ order: [Int]) -> GraphValue {
    node("Transpose", value, attributes: ["perm": .integers(order)])
  }

  /// New dimensions of size 1 at these places of the result.
  func unsqueeze(_ value: GraphValue, _ axes: [Int]) throws -> GraphValue {
    node("Unsqueeze", value, try integers(axes))
  }

  /// Without dimensions of size 1.
  func squeeze(_ value: GraphValue, _ axes: [Int]) throws -> GraphValue {
    node("Squeeze", value, try integers(axes))
  }

  /// One value behind the other.
  func concatenate(_ values: [GraphValue], axis: Int) -> GraphValue {
    node("Concat", over: values, attributes: ["axis": .integer(axis)])
  }

  /// Parts of these sizes.
  func split(_ value: GraphValue, _ sizes: [Int], axis: Int) throws -> [GraphValue] {
    nodes("Split", [value, try integers(sizes)], outputs: sizes.count, ["axis": .integer(axis)])
  }

  /// The size of one dimension, int64 `[]`.
  func size(_ value: GraphValue, _ axis: Int) throws -> GraphValue {
    node("Gather", node("Shape", value), try integer(axis), attributes: ["axis": .integer(0)])
  }

  /// The same values as another type.
  func cast(_ value: GraphValue, to dtype: DType) -> GraphValue {
    node("Cast", value, attributes: ["to": .integer(dtype.onnxType)])
  }
}

extension DType {
  /// What ONNX calls the type.
  var onnxType: Int {
    switch self {
    case .uint8: 2
    case .int8: 3
    case .int16: 5
    case .int32: 6
    case .int64: 7
    case .float16: 10
    case .float32: 1
    case .float64: 11
    case .bool: 9
    case .bfloat16: 16
    }
  }

  /// The type that ONNX calls by this number, nil where there is none here.
  init?(onnxType: Int) {
    guard let type = Self.allCases.first(where: { $0.onnxType == onnxType }) else { return nil }
    self = type
  }
}
