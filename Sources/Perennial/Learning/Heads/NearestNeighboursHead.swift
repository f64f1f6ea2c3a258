import Torch

/// The k nearest neighbours in an external memory of features vote (Cover & Hart 1967), each with weight
/// 1 / (δ + ‖z − zᵢ‖²), δ = 10⁻³ (Pritzel et al. 2017): outputs are logarithms of the classes' shares.
///
/// Nothing is learned by gradient. Training writes the features it sees into a ``KeyValueMemory``, repetitions as items
/// of their own, so one epoch is enough. Features must not move, so freeze the backbone.
public final class NearestNeighboursHead: Module, Head {
  /// Keys are features, values units, identifiers count the items from 0 in the order of training.
  public let memory: KeyValueMemory
  /// k
  public let neighbours: Int
  /// Examples seen of each class, int64 `[K]`.
  public let counts: Parameter

  /// - Parameter memory: the most items kept.
  public init(features: Int, outputs: Int = 0, memory: Int = 5000, neighbours: Int = 5) throws {
    self.memory = try KeyValueMemory(capacity: memory, width: features)
    self.neighbours = neighbours
    counts = Parameter(try Tensor.zeros([outputs], dtype: .int64), kind: .buffer)
    super.init()
    register("memory", self.memory)
    register("counts", counts)
  }

  public var outputs: Int { counts.value.shape[0] }

  public func grow(to outputs: Int, _ generator: Generator) throws {
    let new = outputs - self.outputs
    if new > 0 { try counts.append(Tensor.zeros([new], dtype: .int64)) }
  }

  /// Writes features `[N, D]` of the units int64 `[N]`.
  public func prepare(_ features: Tensor, _ units: Tensor) throws {
    try noGrad {
      let written = try counts.value.sum().itemInt()
      let identifiers = try Tensor.arange(written, written + features.shape[0])
      try memory.write(features, units, identifiers: identifiers)
      counts.replace(with: try counts.value + units.bincount(minimum: outputs))
    }
  }

  /// Classes without a neighbour share a millionth.
  public func callAsFunction(_ features: Tensor) throws -> Tensor {
    let rows = features.shape[0]
    guard memory.count > 0 else { return try Tensor.zeros([rows, outputs], device: features.device) }
    let places = try memory.read(features, neighbours: neighbours).places
    let keys = try memory.keys.indexSelect(places.flatten()).reshape([rows, places.shape[1], -1])
    let distances = try (features.unsqueeze(1) - keys).square().sum([2])
    let votes = try (distances + 1e-3).reciprocal()
    let units = try memory.values.indexSelect(places.flatten()).reshape(places.shape)
    let shares = try Tensor.zeros([rows, outputs], device: features.device)
      .scatterAdd(units, votes / votes.sum([1], keepDims: true), dim: 1)
    return try (shares + 1e-6).log()
  }
}
