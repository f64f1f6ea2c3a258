/// Where each parameter lies in a flat vector.
public struct VectorLayout: Equatable, Sendable, Codable {
  /// The place of one parameter.
  public struct Slot: Equatable, Sendable, Codable {
    public let path: String
    public let shape: [Int]
    /// The steps in elements of each dimension: channels-last weights keep their order.
    public let strides: [Int]
    public let offset: Int
    public var count: Int { shape.reduce(1, *) }
  }

  /// In the order of the vector, without gaps.
  public let slots: [Slot]

  /// The vector's length.
  public var count: Int { slots.last.map { $0.offset + $0.count } ?? 0 }

  /// A parameter's part of a vector `[count]`, in the parameter's shape; memory is shared.
  public func view(_ slot: Slot, of vector: Tensor) throws -> Tensor {
    try vector.asStrided(slot.shape, strides: slot.strides, offset: try vector.storageOffset + slot.offset)
  }

  /// The values of a vector of another layout at this one's places: by path, the common leading block of each
  /// parameter; what is new is zero.
  ///
  /// This is how optimizer moments, importances and anchors follow a head that grew.
  public func carry(_ vector: Tensor, from old: VectorLayout) throws -> Tensor {
    if old == self { return vector }
    guard vector.shape == [old.count] else {
      throw TorchError(.shape, "a vector of \(old.count) values is carried over, not \(vector.shape)")
    }
    return try noGrad {
      let result = try Tensor.zeros([count], dtype: vector.dtype, device: vector.device)
      let known = Dictionary(old.slots.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
      for slot in slots {
        guard let source = known[slot.path], source.shape.count == slot.shape.count else { continue }
        var to = try view(slot, of: result)
        var from = try old.view(source, of: vector)
        for (dim, (new, before)) in zip(slot.shape, source.shape).enumerated() where new != before {
          let common = Swift.min(new, before)
          to = try to.narrow(dim: dim, start: 0, count: common)
          from = try from.narrow(dim: dim, start: 0, count: common)
        }
        try to.copy(from: from)
      }
      return result
    }
  }
}

/// All trainable parameters of a model as views of one contiguous vector, and their gradients as views of
/// another.
///
/// Optimizers, importances, projections, masks and averages are a few fused operations on `values` and
/// `gradients`, however many layers there are. Making a vector rebinds the parameters; when a head grows,
/// make a new one and carry the state over with `layout.carry`.
public final class ParameterVector {
  /// Where each parameter lies.
  public let layout: VectorLayout
  /// `[P]`
  public let values: Tensor
  /// `[P]`, added to by `backward`
  public let gradients: Tensor
  /// The parameters in the order of the layout.
  public let parameters: [Parameter]

  /// Gathers parameters into one vector on their device.
  ///
  /// - Throws: `TorchError` when two paths are equal, two are one parameter or of one tensor, or a parameter is not
  ///   float32.
  public init(_ named: [(path: String, parameter: Parameter)]) throws {
    var slots: [VectorLayout.Slot] = []
    var paths: Set<String> = []
    var owners: [ObjectIdentifier: String] = [:]
    var tensors: [ObjectIdentifier: String] = [:]
    var offset = 0
    for (path, parameter) in named {
      guard paths.insert(path).inserted else {
        throw TorchError(.other, "two parameters have the path \(path)")
      }
      if let owner = owners.updateValue(path, forKey: ObjectIdentifier(parameter)) {
        throw TorchError(.other, "\(owner) and \(path) are one parameter, which has one place in the vector")
      }
      if let owner = tensors.updateValue(path, forKey: ObjectIdentifier(parameter.value)) {
        throw TorchError(
          .other, "\(owner) and \(path) are two parameters of one tensor: let them share one Parameter")
      }
      guard parameter.value.dtype == .float32 else {
        throw TorchError(.dtype, "\(path) is \(parameter.value.dtype); parameters are float32")
      }
      let shape = parameter.value.shape
      slots.append(.init(path: path, shape: shape, strides: Self.dense(parameter.value), offset: offset))
      offset += parameter.value.count
    }
    layout = VectorLayout(slots: slots)
    parameters = named.map(\.parameter)
    let device = try parameters.first?.value.device ?? .cpu
    values = try Tensor.zeros([offset], device: device)
    gradients = try Tensor.zeros([offset], device: device)
    try noGrad {
      for (slot, parameter) in zip(slots, parameters) {
        let place = try layout.view(slot, of: values)
        try place.copy(from: parameter.value)
        let leaf = try place.detach()
        try leaf.setRequiresGrad(true)
        try leaf.setGradient(try layout.view(slot, of: gradients).detach())
        parameter.value = leaf
      }
    }
  }

  /// The vector's length.
  public var count: Int { layout.count }

  /// Sets all gradients to zero.
  public func zeroGradients() throws { try gradients.zero() }

  /// Adds the gradient of a scalar loss to `gradients`.
  public func backward(_ loss: Tensor) throws { try loss.directBackward() }

  /// The norm ‖gradients‖₂.
  public func gradientNorm() throws -> Double { try noGrad { try gradients.norm().item() } }

  /// Scales the gradients down to a total norm of at most `maximum`, as `clip_grad_norm_`; gives the norm
  /// before.
  @discardableResult
  public func clipGradientNorm(_ maximum: Double) throws -> Double {
    try noGrad {
      let norm = try gradientNorm()
      let factor = maximum / (norm + 1e-6)
      if factor < 1 { try gradients.scale(by: factor) }
      return norm
    }
  }

  /// Holds every gradient within ±`maximum`, as `clip_grad_value_`.
  public func clipGradientValues(_ maximum: Double) throws {
    try noGrad { try gradients.clampInPlace(min: -maximum, max: maximum) }
  }

  /// The gradient `[P]` of the scalar that `body` gives; `gradients` stay as they are.
  public func gradient(of body: () throws -> Tensor) throws -> Tensor {
    let kept = try noGrad { try gradients.clone() }
    try gradients.zero()
    let result = Result {
      try backward(body())
      return try noGrad { try gradients.clone() }
    }
    try noGrad { try gradients.copy(from: kept) }
    return try result.get()
  }

  /// Writes the gradient of one scalar into each of the rows `[T, P]`; `gradients` stay as they are.
  ///
  /// - Parameter body: gives the scalar of a row.
  public func gradients(into rows: Tensor, of body: (Int) throws -> Tensor) throws {
    let kept = try noGrad { try gradients.clone() }
    let result = Result {
      for index in 0..<rows.shape[0] {
        try gradients.zero()
        try backward(body(index))
        try noGrad { try rows[index].copy(from: gradients) }
      }
    }
    try noGrad { try gradients.copy(from: kept) }
    try result.get()
  }

  /// Runs `body` with other values `[P]` in place; not while a graph waits for its backward pass.
  public func trying<Value>(_ other: Tensor, _ body: () throws -> Value) throws -> Value {
    let kept = try snapshot()
    try noGrad { try values.copy(from: other) }
    let result = Result { try body() }
    try noGrad { try values.copy(from: kept) }
    return try result.get()
  }

  /// Runs `body` with parameters that are views of a tensor `[P]` of a graph: what `body` gives can be derived by it.
  public func bound<Value>(to tensor: Tensor, _ body: () throws -> Value) throws -> Value {
    let own = parameters.map(\.value)
    for (slot, parameter) in zip(layout.slots, parameters) {
      parameter.value = try layout.view(slot, of: tensor)
    }
    defer { for (parameter, value) in zip(parameters, own) { parameter.value = value } }
    return try body()
  }

  /// A copy of the values now.
  public func snapshot() throws -> Tensor { try noGrad { try values.clone() } }

  /// Strides that fill memory without holes: the tensor's own when they do, else row-major.
  private static func dense(_ tensor: Tensor) -> [Int] {
    let (shape, strides) = (tensor.shape, tensor.strides)
    let order = shape.indices.filter { shape[$0] > 1 }.sorted { strides[$0] < strides[$1] }
    var expected = 1
    for dim in order {
      if strides[dim] != expected { return rowMajor(shape) }
      expected *= shape[dim]
    }
    return strides
  }

  private static func rowMajor(_ shape: [Int]) -> [Int] {
    var strides = [Int](repeating: 1, count: shape.count)
    for dim in shape.indices.dropLast().reversed() {
      strides[dim] = strides[dim + 1] * Swift.max(shape[dim + 1], 1)
    }
    return strides
  }
}
