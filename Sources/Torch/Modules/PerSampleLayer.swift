/// What is summed of each example's gradient. Both turn products into products.
public enum GradientMagnitude: Sendable {
  case squared, absolute

  /// The magnitude of every value.
  public func of(_ tensor: Tensor) throws -> Tensor {
    self == .squared ? try tensor.square() : try tensor.abs()
  }
}

/// A layer whose parameters' gradients can be told example by example without a loop over examples.
public protocol PerSampleLayer: Module {
  /// Σₙ m(∂ℓₙ/∂θ) for each trainable parameter, where ℓₙ depends on row n of the output alone and m is the magnitude.
  ///
  /// - Parameters:
  ///   - input: what the layer was given, `[N, …]`.
  ///   - gradient: ∂Σℓ/∂output, `[N, …]`.
  func gradientSums(_ magnitude: GradientMagnitude, input: Tensor, gradient: Tensor) throws
    -> [(Parameter, Tensor)]
}

/// What layers were given and gave in one forward pass, for per-sample gradients.
public final class ActivationTape {
  public struct Entry {
    public let layer: any PerSampleLayer
    public let input: Tensor
    public let output: Tensor
  }

  /// In the order of the pass.
  public private(set) var entries: [Entry] = []

  public init() {}

  func record(_ layer: any PerSampleLayer, input: Tensor, output: Tensor) {
    entries.append(Entry(layer: layer, input: input, output: output))
  }

  /// Whether every one of the parameters belongs to exactly one entry: else sums of squares would be wrong.
  public func covers(_ parameters: [Parameter]) -> Bool {
    var owners: [ObjectIdentifier: Int] = [:]
    for entry in entries {
      for (_, parameter) in entry.layer.parameters { owners[ObjectIdentifier(parameter), default: 0] += 1 }
    }
    return parameters.allSatisfy { owners[ObjectIdentifier($0)] == 1 }
  }
}

extension Module {
  /// Runs `body` while layers of this tree record into a new tape.
  public func recording(_ body: () throws -> Void) rethrows -> ActivationTape {
    let tape = ActivationTape()
    setTape(tape)
    defer { setTape(nil) }
    try body()
    return tape
  }
}

// MARK: - Layers

/// The sums of a linear map: m(δ)ᵀ m(a) where every example has one row, else m of each example's δᵀ a.
public func linearGradientSums(
  _ magnitude: GradientMagnitude, weight: Parameter, bias: Parameter?, input: Tensor, gradient: Tensor
) throws -> [(Parameter, Tensor)] {
  var sums: [(Parameter, Tensor)] = []
  if input.rank == 2 {
    sums.append((weight, try magnitude.of(gradient).T.matmul(magnitude.of(input))))
    if let bias { sums.append((bias, try magnitude.of(gradient).sum([0]))) }
  } else {
    let (n, inputs, outputs) = (
      input.shape[0], input.shape[input.rank - 1], gradient.shape[gradient.rank - 1]
    )
    let a = try input.reshape([n, -1, inputs])
    let d = try gradient.reshape([n, -1, outputs])
    sums.append((weight, try products(magnitude, d.transpose(1, 2), a)))
    if let bias { sums.append((bias, try magnitude.of(d.sum([1])).sum([0]))) }
  }
  return sums
}

/// Σₙ m(Aₙ Bₙ) for `[N, p, l]` and `[N, l, q]`, in pieces that keep memory small.
private func products(_ magnitude: GradientMagnitude, _ a: Tensor, _ b: Tensor) throws -> Tensor {
  let n = a.shape[0]
  let piece = Swift.max(1, (1 << 24) / Swift.max(a.shape[1] * b.shape[2], 1))
  let total = try Tensor.zeros([a.shape[1], b.shape[2]], device: a.device)
  for start in stride(from: 0, to: n, by: piece) {
    let range = start..<Swift.min(start + piece, n)
    try total.add(magnitude.of(a[range].batchedMatmul(b[range])).sum([0]))
  }
  return total
}

extension Linear: PerSampleLayer {
  public func gradientSums(_ magnitude: GradientMagnitude, input: Tensor, gradient: Tensor) throws
    -> [(Parameter, Tensor)]
  {
    try linearGradientSums(magnitude, weight: weight, bias: bias, input: input, gradient: gradient)
  }
}

extension Conv2d: PerSampleLayer {
  public func gradientSums(_ magnitude: GradientMagnitude, input: Tensor, gradient: Tensor) throws
    -> [(Parameter, Tensor)]
  {
    guard groups == 1 else { throw TorchError(.unsupported, "per-sample gradients of grouped convolutions") }
    let shape = weight.value.shape
    let columns = try input.contiguous().unfold2d(
      [shape[2], shape[3]], stride: stride, padding: padding, dilation: dilation)
    let flat = try gradient.contiguous().flatten(from: 2)
    var sums = [(weight, try products(magnitude, flat, columns.transpose(1, 2)).reshape(shape))]
    if let bias { sums.append((bias, try magnitude.of(flat.sum([2])).sum([0]))) }
    return sums
  }
}

/// The sums of y = x̂ · weight + bias, where `dims` are the positions that share a weight within an example.
private func scaleGradientSums(
  _ magnitude: GradientMagnitude, weight: Parameter, bias: Parameter, normalized: Tensor, gradient: Tensor,
  dims: [Int]
) throws -> [(Parameter, Tensor)] {
  func sum(_ x: Tensor) throws -> Tensor {
    try magnitude.of(dims.isEmpty ? x : x.sum(dims)).sum([0]).reshape(weight.value.shape)
  }
  return [(weight, try sum(normalized * gradient)), (bias, try sum(gradient))]
}

extension BatchNorm: PerSampleLayer {
  /// In evaluation mode; in training mode examples are not independent.
  public func gradientSums(_ magnitude: GradientMagnitude, input: Tensor, gradient: Tensor) throws
    -> [(Parameter, Tensor)]
  {
    guard !isTraining else {
      throw TorchError(.unsupported, "per-sample gradients of batch normalisation in training mode")
    }
    let normalized = try input.batchNorm(
      weight: nil, bias: nil, runningMean: runningMean.value, runningVariance: runningVariance.value,
      training: false, momentum: momentum, epsilon: epsilon)
    return try scaleGradientSums(
      magnitude, weight: weight, bias: bias, normalized: normalized, gradient: gradient,
      dims: Array(2..<Swift.max(input.rank, 2)))
  }
}

extension LayerNorm: PerSampleLayer {
  public func gradientSums(_ magnitude: GradientMagnitude, input: Tensor, gradient: Tensor) throws
    -> [(Parameter, Tensor)]
  {
    let normalized = try input.layerNorm(shape, weight: nil, bias: nil, epsilon: epsilon)
    return try scaleGradientSums(
      magnitude, weight: weight, bias: bias, normalized: normalized, gradient: gradient,
      dims: Array(1..<Swift.max(input.rank - shape.count, 1)))
  }
}

extension GroupNorm: PerSampleLayer {
  public func gradientSums(_ magnitude: GradientMagnitude, input: Tensor, gradient: Tensor) throws
    -> [(Parameter, Tensor)]
  {
    let normalized = try input.groupNorm(groups, weight: nil, bias: nil, epsilon: epsilon)
    return try scaleGradientSums(
      magnitude, weight: weight, bias: bias, normalized: normalized, gradient: gradient,
      dims: Array(2..<Swift.max(input.rank, 2)))
  }
}
