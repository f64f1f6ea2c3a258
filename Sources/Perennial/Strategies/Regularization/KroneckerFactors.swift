import Torch

/// A layer that is one affine map W applied to many rows: its Fisher information has the shape of a Kronecker product.
public protocol AffineLayer: PerSampleLayer {
  var affine: (weight: Parameter, bias: Parameter?) { get }

  /// What W is applied to, `[N, T, in]`, and the gradients of its outputs `[N, T, out]`, at the T positions that share W.
  func rows(input: Tensor, gradient: Tensor) throws -> (inputs: Tensor, gradients: Tensor)
}

extension AffineLayer {
  public func rows(input: Tensor, gradient: Tensor) throws -> (inputs: Tensor, gradients: Tensor) {
    let n = input.shape[0]
    return (
      try input.reshape([n, -1, input.shape[input.rank - 1]]),
      try gradient.reshape([n, -1, gradient.shape[gradient.rank - 1]])
    )
  }
}

extension Linear: AffineLayer {
  public var affine: (weight: Parameter, bias: Parameter?) { (weight, bias) }
}

extension LinearHead: AffineLayer {
  public var affine: (weight: Parameter, bias: Parameter?) { (weight, bias) }
}

extension FixedHead: AffineLayer {
  public var affine: (weight: Parameter, bias: Parameter?) { (weight, bias) }
}

extension Conv2d: AffineLayer {
  public var affine: (weight: Parameter, bias: Parameter?) { (weight, bias) }

  public func rows(input: Tensor, gradient: Tensor) throws -> (inputs: Tensor, gradients: Tensor) {
    let shape = weight.value.shape
    let columns = try input.contiguous().unfold2d(
      [shape[2], shape[3]], stride: stride, padding: padding, dilation: dilation)
    return (try columns.transpose(1, 2), try gradient.contiguous().flatten(from: 2).transpose(1, 2))
  }
}

/// F ≈ A ⊗ G for one affine layer, its bias as one more input that is always 1 (Martens & Grosse 2015).
struct KroneckerFactors {
  /// Where the layer's weight and bias lie.
  let weight: String
  let bias: String?
  /// A `[in + 1, in + 1]`, without the 1 where there is no bias.
  var inputs: Tensor
  /// G `[out, out]`
  var outputs: Tensor

  /// The rank-one product nearest to `self` + `other` in the Frobenius norm (Van Loan & Pitsianis 1993).
  ///
  /// Both factors lie in the span of those given, so four inner products tell their coefficients: those of A are the
  /// leading eigenvector of K_G K_A, Gram matrices of the factors. These are nonnegative, so both factors stay positive
  /// semidefinite. Factors of a head that has grown are padded with zeros.
  func nearestSum(_ other: KroneckerFactors) throws -> KroneckerFactors {
    try noGrad {
      let a = [try inputs.grown(to: other.inputs), other.inputs]
      let g = [try outputs.grown(to: other.outputs), other.outputs]
      func gram(_ m: [Tensor], _ i: Int, _ j: Int) throws -> Double { try (m[i] * m[j]).sum().item() }
      let (a11, a12, a22) = (try gram(a, 0, 0), try gram(a, 0, 1), try gram(a, 1, 1))
      let (g11, g12, g22) = (try gram(g, 0, 0), try gram(g, 0, 1), try gram(g, 1, 1))
      let (m11, m12) = (g11 * a11 + g12 * a12, g11 * a12 + g12 * a22)
      let (m21, m22) = (g12 * a11 + g22 * a12, g12 * a12 + g22 * a22)
      let half = (m11 - m22) / 2
      let root = (half * half + m12 * m21).squareRoot()
      // Of the two rows that give the eigenvector, the one without cancellation.
      var p = half >= 0 ? (half + root, m21) : (m12, root - half)
      let size = max(p.0, p.1)
      guard size > 0 else { return other }
      p = (p.0 / size, p.1 / size)
      let q = (a11 * p.0 + a12 * p.1, a12 * p.0 + a22 * p.1)
      let norm = p.0 * q.0 + p.1 * q.1
      var sum = other
      sum.inputs = try a[0] * p.0 + a[1] * p.1
      sum.outputs = try g[0] * (q.0 / norm) + g[1] * (q.1 / norm)
      return sum
    }
  }

  /// Adds scale · G (θ − θ*) A to the gradients; rows that came later are free.
  func addGradient(to vector: ParameterVector, anchor: Tensor, scale: Double) throws {
    guard let own = vector.layout.slots.first(where: { $0.path == weight }) else { return }
    let bias = vector.layout.slots.first { $0.path == self.bias }
    try noGrad {
      let rows = outputs.shape[0]
      func part(_ slot: VectorLayout.Slot, of flat: Tensor) throws -> Tensor {
        try vector.layout.view(slot, of: flat).narrow(dim: 0, start: 0, count: rows)
      }
      func matrix(_ flat: Tensor) throws -> Tensor {
        let weights = try part(own, of: flat).reshape([rows, -1])
        return try bias.map {
          try Tensor.concatenate([weights, part($0, of: flat).unsqueeze(1)], dim: 1)
        } ?? weights
      }
      let force = try outputs.matmul(matrix(vector.values) - matrix(anchor)).matmul(inputs)
      let width = force.shape[1] - (bias == nil ? 0 : 1)
      let place = try part(own, of: vector.gradients)
      try place.add(force.narrow(dim: 1, start: 0, count: width).reshape(place.shape), scale: scale)
      if let bias { try part(bias, of: vector.gradients).add(force.select(width, dim: 1), scale: scale) }
    }
  }
}

extension Tensor {
  /// A square matrix with zeros around it up to the size of another.
  fileprivate func grown(to other: Tensor) throws -> Tensor {
    let missing = other.shape[0] - shape[0]
    return missing > 0 ? try padded([0, missing, 0, missing]) : self
  }
}

// MARK: - Estimate

extension KroneckerFactors {
  /// Factors of all affine layers that a pass goes through once, as means over examples and the model's own predictive
  /// distribution, in evaluation mode.
  ///
  ///     A = mean_x Σ_t ā āᵀ          G = mean_x (1/T) Σ_t Σᵥ δ δᵀ
  ///
  /// over the T positions that share the map: T = 1 but for convolutions (Grosse & Martens 2016) and layers over
  /// sequences.
  static func estimate(of learner: Learner, _ examples: Examples, task: Int?, limit: Int?) throws
    -> [KroneckerFactors]
  {
    let random = try learner.random.stream("kfac")
    var sums: [KroneckerFactors] = []
    var count = 0
    try PerSampleGradients.forEachBatch(of: learner, examples, task: task, limit: limit, random) { batch in
      let fresh = try factors(of: batch, learner, random)
      try noGrad {
        for (index, own) in fresh.enumerated() where !sums.isEmpty {
          try sums[index].inputs.add(own.inputs)
          try sums[index].outputs.add(own.outputs)
        }
      }
      if sums.isEmpty { sums = fresh }
      count += batch.count
    }
    try noGrad {
      for sum in sums {
        try sum.inputs.scale(by: 1 / Double(count))
        try sum.outputs.scale(by: 1 / Double(count))
      }
    }
    return sums
  }

  private static func factors(of batch: Batch, _ learner: Learner, _ random: Generator) throws
    -> [KroneckerFactors]
  {
    var outputs: Tensor?
    let tape = try learner.model.recording { outputs = try learner.model(batch.inputs) }
    guard let outputs else { return [] }
    let paths = Dictionary(
      uniqueKeysWithValues: zip(
        learner.vector.parameters.map(ObjectIdentifier.init), learner.vector.layout.slots.map(\.path)))
    let entries = tape.entries.compactMap { entry -> (ActivationTape.Entry, any AffineLayer, String)? in
      guard let layer = entry.layer as? any AffineLayer,
        let path = paths[ObjectIdentifier(layer.affine.weight)], tape.covers([layer.affine.weight])
      else { return nil }
      return (entry, layer, path)
    }
    guard !entries.isEmpty else { return [] }
    var result: [KroneckerFactors?] = entries.map { _ in nil }
    for root in try FisherInformation.roots(outputs, batch, learner, .exact, random) {
      let deltas = try gradients(
        of: [outputs], withRespectTo: entries.map(\.0.output), seeds: [root], retainGraph: true)
      try noGrad {
        for (index, ((entry, layer, path), delta)) in zip(entries, deltas).enumerated() {
          let bias = layer.affine.bias.flatMap { paths[ObjectIdentifier($0)] }
          let rows = try layer.rows(input: entry.input.detach(), gradient: delta)
          let positions = Double(rows.gradients.shape[1])
          let d = try rows.gradients.reshape([-1, rows.gradients.shape[2]])
          let g = try d.T.matmul(d) / positions
          if let factors = result[index] {
            try factors.outputs.add(g)
            continue
          }
          var a = try rows.inputs.reshape([-1, rows.inputs.shape[2]])
          if bias != nil {
            a = try Tensor.concatenate([a, Tensor.ones([a.shape[0], 1], device: a.device)], dim: 1)
          }
          result[index] = KroneckerFactors(
            weight: path, bias: bias, inputs: try a.T.matmul(a), outputs: g)
        }
      }
    }
    return result.compactMap { $0 }
  }
}
