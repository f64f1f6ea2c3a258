import Torch

/// Ridge regression of one-hot classes on a fixed random expansion of the features (RanPAC; McDonnell et al. 2023).
///
///     h = max(z P, 0),   P ∈ ℝ^{D×M} drawn once from N(0, 1)
///     W = (G + λ I)⁻¹ C,   G = Σ h hᵀ,  C = Σ h yᵀ,   output = h W
///
/// λ ∈ {10⁻⁸ … 10⁸} minimises the squared error on a held-out fifth of what was seen, for weights fitted on the rest;
/// that error follows from Gram matrices too, ‖Y − HW‖² = n − 2 tr(WᵀC) + tr(WᵀGW), so no example is kept, and all
/// experiences vote where the paper asks the current one alone. Afterwards W is fitted on everything. Features must not
/// move, so freeze the backbone. While training, outputs are inner products with class means, since a solution for every
/// batch would be waste.
///
/// The paper's M is 10,000, for features of width 768; 1,000 is the default here.
public final class RidgeHead: Module, Head {
  /// P, `[D, M]`.
  public let projection: Parameter
  /// G float64 `[M, M]` and C float64 `[K, M]` of all examples but the held-out ones, and those of the held-out.
  public let gram: Parameter
  public let sums: Parameter
  public let heldOutGram: Parameter
  public let heldOutSums: Parameter
  /// Examples counted, those held out included, float64 `[K]`.
  public let counts: Parameter
  /// The strengths to choose from.
  public static let strengths = (-8...8).map { exponent in
    (0..<abs(exponent)).reduce(1.0) { value, _ in exponent < 0 ? value / 10 : value * 10 }
  }
  /// Every so many examples one is held out.
  static let heldOutEvery = 5
  private var solution: (weight: Tensor, strength: Double)?

  /// - Parameter width: M
  public init(features: Int, outputs: Int = 0, width: Int = 1000, _ generator: Generator) throws {
    func buffer(_ shape: [Int]) throws -> Parameter {
      Parameter(try Tensor.zeros(shape, dtype: .float64), kind: .buffer)
    }
    projection = Parameter(try Tensor.normal([features, width], generator), kind: .buffer)
    gram = try buffer([width, width])
    sums = try buffer([outputs, width])
    heldOutGram = try buffer([width, width])
    heldOutSums = try buffer([outputs, width])
    counts = try buffer([outputs])
    super.init()
    register("projection", projection)
    register("gram", gram)
    register("sums", sums)
    register("held_out_gram", heldOutGram)
    register("held_out_sums", heldOutSums)
    register("counts", counts)
  }

  public var outputs: Int { counts.value.shape[0] }

  public func grow(to outputs: Int, _ generator: Generator) throws {
    let new = outputs - self.outputs
    guard new > 0 else { return }
    solution = nil
    for parameter in [sums, heldOutSums] {
      try parameter.append(Tensor.zeros([new, parameter.value.shape[1]], dtype: .float64))
    }
    try counts.append(Tensor.zeros([new], dtype: .float64))
  }

  public override func fit(_ shapes: [String: [Int]]) throws { solution = nil }

  /// Counts features `[N, D]` of the units int64 `[N]`.
  public func prepare(_ features: Tensor, _ units: Tensor) throws {
    try noGrad {
      solution = nil
      let rows = try expanded(features.detach())
      let first = Int(try counts.value.sum().item())
      let places = Array(0..<rows.shape[0])
      func isHeldOut(_ place: Int) -> Bool {
        (first + place) % Self.heldOutEvery == Self.heldOutEvery - 1
      }
      try count(rows, units, places.filter { !isHeldOut($0) }, gram, sums)
      try count(rows, units, places.filter(isHeldOut), heldOutGram, heldOutSums)
      let ones = try Tensor.ones([rows.shape[0]], dtype: .float64, device: rows.device)
      counts.replace(with: try counts.value.indexAdd(units, ones))
    }
  }

  private func count(
    _ rows: Tensor, _ units: Tensor, _ places: [Int], _ gram: Parameter, _ sums: Parameter
  ) throws {
    guard !places.isEmpty else { return }
    let places = try Tensor(places).to(rows.device)
    let rows = try rows.indexSelect(places)
    try gram.value.add(rows.T.matmul(rows))
    sums.replace(with: try sums.value.indexAdd(units.indexSelect(places), rows.to(.float64)))
  }

  /// Classes without an example do not take part.
  public func callAsFunction(_ features: Tensor) throws -> Tensor {
    let rows = try expanded(features)
    let weight = try isTraining ? classMeans() : solved().weight
    return try rows.matmul(weight).maskedFill(counts.value .== 0, -Double.infinity)
  }

  /// The chosen λ.
  public func strength() throws -> Double { try solved().strength }

  private func expanded(_ features: Tensor) throws -> Tensor { try features.matmul(projection.value).relu() }

  /// Means of the expanded features of each class over M, float32 `[M, K]`.
  private func classMeans() throws -> Tensor {
    try noGrad {
      let total = try sums.value + heldOutSums.value
      let means = try total / (counts.value.clamp(min: 1).unsqueeze(1) * total.shape[1])
      return try means.T.to(.float32)
    }
  }

  /// W float32 `[M, K]`, and its λ.
  package func solved() throws -> (weight: Tensor, strength: Double) {
    if let solution { return solution }
    return try noGrad {
      let identity = try Tensor.eye(gram.value.shape[0], dtype: .float64, device: gram.value.device)
      var best = (error: Double.infinity, strength: 1.0)
      if try heldOutSums.value.any().item() != 0 {
        for strength in Self.strengths {
          let weight = try (gram.value + identity * strength).solve(sums.value.T)
          let cross = try (weight * heldOutSums.value.T).sum() * -2
          let error = try (cross + (weight * heldOutGram.value.matmul(weight)).sum()).item()
          if error < best.error { best = (error, strength) }
        }
      }
      let all = try gram.value + heldOutGram.value + identity * best.strength
      let weight = try all.solve((sums.value + heldOutSums.value).T)
      let solved = (weight: try weight.to(.float32), strength: best.strength)
      solution = solved
      return solved
    }
  }
}
