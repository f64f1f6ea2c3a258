import Torch

/// The outputs of a model: features `[N, D]` to outputs `[N, K]`, where K grows as classes arrive.
public protocol Head: Module {
  /// K
  var outputs: Int { get }

  /// Adds units up to `outputs`; those that are there keep their weights.
  func grow(to outputs: Int, _ generator: Generator) throws

  func callAsFunction(_ features: Tensor) throws -> Tensor

  /// Sees the features `[N, D]` and units int64 `[N]` of a training batch before its outputs are asked for.
  func prepare(_ features: Tensor, _ units: Tensor) throws
}

extension Head {
  public func prepare(_ features: Tensor, _ units: Tensor) throws {}
}

/// A head whose outputs are w_k · feature + b_k: the longer the vector of a class, the louder the class.
public protocol InnerProductHead: Head {
  /// A row for each unit `[≥ K, D]`.
  var weight: Parameter { get }
}

/// A linear layer whose rows arrive with the classes: `single` for one set of classes, masked by task for many.
public final class LinearHead: Module, InnerProductHead {
  /// `[K, D]`
  public let weight: Parameter
  /// `[K]`
  public let bias: Parameter

  /// - Parameter outputs: units from the start; a fixed head has all of them.
  public init(features: Int, outputs: Int = 0, _ generator: Generator) throws {
    weight = Parameter(try Tensor.zeros([0, features]), kind: .head)
    bias = Parameter(try Tensor.zeros([0]), kind: .head)
    super.init()
    register("weight", weight)
    register("bias", bias)
    try grow(to: outputs, generator)
  }

  public var outputs: Int { weight.value.shape[0] }

  public func grow(to outputs: Int, _ generator: Generator) throws {
    let new = outputs - self.outputs
    guard new > 0 else { return }
    let rows = try Linear(weight.value.shape[1], new, generator)
    try weight.append(rows.weight.value)
    if let added = rows.bias?.value { try bias.append(added) }
  }

  public func callAsFunction(_ features: Tensor) throws -> Tensor {
    taped(self, input: features, output: try features.linear(weight.value, bias: bias.value))
  }
}

extension LinearHead: PerSampleLayer {
  public func gradientSums(_ magnitude: GradientMagnitude, input: Tensor, gradient: Tensor) throws
    -> [(Parameter, Tensor)]
  {
    try linearGradientSums(magnitude, weight: weight, bias: bias, input: input, gradient: gradient)
  }
}

/// A linear layer with all its units from the start, of which those that arrived take part: the outputs are the first K
/// columns. Its memory and its random numbers do not depend on when classes arrive.
public final class FixedHead: Module, InnerProductHead {
  /// `[capacity, D]`
  public let weight: Parameter
  /// `[capacity]`
  public let bias: Parameter
  /// How many units take part, int64 `[]`.
  public let active: Parameter
  public private(set) var outputs = 0

  /// - Parameter capacity: the most units there can ever be.
  public init(features: Int, capacity: Int, _ generator: Generator) throws {
    let all = try Linear(features, capacity, kind: .head, generator)
    weight = all.weight
    bias = try all.bias ?? Parameter(Tensor.zeros([capacity]), kind: .head)
    active = Parameter(try Tensor.zeros([], dtype: .int64), kind: .buffer)
    super.init()
    register("weight", weight)
    register("bias", bias)
    register("active", active)
  }

  /// - Throws: `TorchError` (`shape`) beyond the capacity.
  public func grow(to outputs: Int, _ generator: Generator) throws {
    let capacity = weight.value.shape[0]
    guard outputs <= capacity else {
      throw TorchError(.shape, "a fixed head of \(capacity) units has no room for \(outputs)")
    }
    self.outputs = Swift.max(outputs, self.outputs)
    try active.value.fill(self.outputs)
  }

  public func callAsFunction(_ features: Tensor) throws -> Tensor {
    let all = taped(self, input: features, output: try features.linear(weight.value, bias: bias.value))
    return try all.narrow(dim: 1, start: 0, count: outputs)
  }
}

extension FixedHead: PerSampleLayer {
  public func gradientSums(_ magnitude: GradientMagnitude, input: Tensor, gradient: Tensor) throws
    -> [(Parameter, Tensor)]
  {
    try linearGradientSums(magnitude, weight: weight, bias: bias, input: input, gradient: gradient)
  }
}

/// Outputs η · cos(feature, class vector), which weighs new and old classes alike (Hou et al. 2019, eq. 5).
public final class CosineHead: Module, Head {
  /// `[K, D]`
  public let weight: Parameter
  /// The learned factor η, `[]`.
  public let scale: Parameter
  private let features: Int

  /// - Parameter scale: η at the start.
  public init(features: Int, outputs: Int = 0, scale: Double = 10, _ generator: Generator) throws {
    self.features = features
    weight = Parameter(try Tensor.zeros([0, features]), kind: .head)
    self.scale = Parameter(try Tensor.full([], scale), kind: .head)
    super.init()
    register("weight", weight)
    register("scale", self.scale)
    try grow(to: outputs, generator)
  }

  public var outputs: Int { weight.value.shape[0] }

  public func grow(to outputs: Int, _ generator: Generator) throws {
    let new = outputs - self.outputs
    guard new > 0 else { return }
    try weight.append(Initializer.kaimingUniform([new, features], slope: 5.0.squareRoot(), generator))
  }

  public func callAsFunction(_ features: Tensor) throws -> Tensor { try cosines(features) * scale.value }

  /// cos(feature, class vector), `[N, K]`.
  public func cosines(_ features: Tensor) throws -> Tensor {
    try features.unitRows().linear(weight.value.unitRows())
  }
}

/// Outputs −‖feature − class mean‖²: nothing learned by gradient, class means are counted (Mensink et al. 2013).
///
/// Training updates the running mean of each class from the features it sees.
public final class NearestClassMeanHead: Module, Head {
  /// Sums of features `[K, D]`.
  public let sums: Parameter
  /// Examples counted, `[K]`.
  public let counts: Parameter

  /// - Parameter outputs: units from the start.
  public init(features: Int, outputs: Int = 0, _ generator: Generator) throws {
    sums = Parameter(try Tensor.zeros([outputs, features]), kind: .buffer)
    counts = Parameter(try Tensor.zeros([outputs]), kind: .buffer)
    super.init()
    register("sums", sums)
    register("counts", counts)
  }

  public var outputs: Int { sums.value.shape[0] }

  public func grow(to outputs: Int, _ generator: Generator) throws {
    let new = outputs - self.outputs
    guard new > 0 else { return }
    try sums.append(Tensor.zeros([new, sums.value.shape[1]]))
    try counts.append(Tensor.zeros([new]))
  }

  /// Counts features `[N, D]` of the units int64 `[N]`.
  public func prepare(_ features: Tensor, _ units: Tensor) throws { try count(features, units, sign: 1) }

  /// - Parameter sign: −1 takes back what was counted.
  func count(_ features: Tensor, _ units: Tensor, sign: Double) throws {
    try noGrad {
      sums.replace(with: try sums.value.indexAdd(units, features.detach() * sign))
      let ones = try Tensor.full([features.shape[0]], sign, device: features.device)
      counts.replace(with: try counts.value.indexAdd(units, ones))
    }
  }

  /// Classes without an example are infinitely far.
  public func callAsFunction(_ features: Tensor) throws -> Tensor {
    let seen = try counts.value.clamp(min: 1).unsqueeze(1)
    let distance = try features.pairwiseDistances(to: sums.value / seen).square()
    return try (-distance).maskedFill(counts.value .== 0, -Double.infinity)
  }
}

extension Parameter {
  /// Puts rows behind those that are there, on their device.
  func append(_ rows: Tensor) throws {
    try noGrad { replace(with: try Tensor.concatenate([value.detach(), rows.to(value.device)])) }
  }
}
