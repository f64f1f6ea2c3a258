import Torch

/// An external memory of keys with a class each: written, read by nearest neighbours, deleted from by identifier.
///
/// Beyond its capacity the most frequent class gives up an item, chosen by a fixed pseudo-random number of the item's
/// identifier: of each class there stays a uniform sample of all that was written, without any random state. Search is
/// exact, by matrix products in batches.
public final class KeyValueMemory: Module {
  /// The most items there can be.
  public let capacity: Int
  private let keyColumn: Parameter
  private let valueColumn: Parameter
  private let identifierColumn: Parameter

  /// - Parameter width: the numbers of a key.
  public init(capacity: Int, width: Int) throws {
    self.capacity = capacity
    keyColumn = Parameter(try Tensor.zeros([0, width]), kind: .buffer)
    valueColumn = Parameter(try Tensor.zeros([0], dtype: .int64), kind: .buffer)
    identifierColumn = Parameter(try Tensor.zeros([0], dtype: .int64), kind: .buffer)
    super.init()
    register("keys", keyColumn)
    register("values", valueColumn)
    register("identifiers", identifierColumn)
  }

  /// Keys `[n, D]`, and the value and the identifier of each, int64 `[n]`.
  public var keys: Tensor { keyColumn.value }
  public var values: Tensor { valueColumn.value }
  public var identifiers: Tensor { identifierColumn.value }
  /// n
  public var count: Int { values.shape[0] }

  public override func fit(_ shapes: [String: [Int]]) throws {
    guard let rows = shapes["values"]?.first, rows != count else { return }
    let device = try keys.device
    keyColumn.replace(with: try Tensor.zeros([rows, keys.shape[1]], device: device))
    valueColumn.replace(with: try Tensor.zeros([rows], dtype: .int64, device: device))
    identifierColumn.replace(with: try Tensor.zeros([rows], dtype: .int64, device: device))
  }

  /// Puts items in; one whose identifier is there already takes its place.
  ///
  /// - Parameters:
  ///   - keys: `[N, D]`
  ///   - values: int64 `[N]`
  ///   - identifiers: int64 `[N]`, all different.
  public func write(_ keys: Tensor, _ values: Tensor, identifiers: Tensor) throws {
    try noGrad {
      try delete(identifiers)
      let device = try self.keys.device
      try keep(
        Tensor.concatenate([self.keys, keys.detach().to(device)]),
        Tensor.concatenate([self.values, values.to(device)]),
        Tensor.concatenate([self.identifiers, identifiers.to(device)]))
      let surplus = count - capacity
      if surplus > 0 { try keepOnly(survivors(surplus)) }
    }
  }

  /// Takes out the items of these identifiers int64 `[N]`; those that are not there are passed over.
  public func delete(_ identifiers: Tensor) throws {
    try noGrad {
      let isGone = try self.identifiers.isIn(identifiers.to(keys.device))
      guard try isGone.any().item() != 0 else { return }
      try keepOnly(isGone.logicalNot().nonzero().flatten())
    }
  }

  /// Takes out all items of a value.
  public func delete(value: Int) throws {
    try noGrad { try keepOnly((values .!= value).nonzero().flatten()) }
  }

  /// The nearest items of each query: squared Euclidean distances and places `[N, min(k, n)]`, the nearest first.
  public func read(_ queries: Tensor, neighbours: Int, batch: Int = 1024) throws
    -> (distances: Tensor, places: Tensor)
  {
    try noGrad {
      let k = min(neighbours, count)
      var found: [(values: Tensor, indices: Tensor)] = []
      for start in stride(from: 0, to: max(queries.shape[0], 1), by: batch) {
        let rows = try queries.narrow(dim: 0, start: start, count: min(batch, queries.shape[0] - start))
        found.append(try rows.pairwiseDistances(to: keys).topK(k, dim: 1, largest: false))
      }
      return try (
        Tensor.concatenate(found.map(\.values)).square(), Tensor.concatenate(found.map(\.indices))
      )
    }
  }

  private func keep(_ keys: Tensor, _ values: Tensor, _ identifiers: Tensor) {
    keyColumn.replace(with: keys)
    valueColumn.replace(with: values)
    identifierColumn.replace(with: identifiers)
  }

  private func keepOnly(_ places: Tensor) throws {
    try keep(
      keys.indexSelect(places), values.indexSelect(places), identifiers.indexSelect(places))
  }

  /// The places that stay when `surplus` items go, in order.
  private func survivors(_ surplus: Int) throws -> Tensor {
    let priorities = try identifiers.integers().map {
      NumberStream(seed: UInt64(bitPattern: Int64($0))).next()
    }
    var groups: [Int: [Int]] = [:]
    for (place, value) in try values.integers().enumerated() { groups[value, default: []].append(place) }
    // The items to give up first come last.
    for key in groups.keys {
      groups[key]?.sort { priorities[$0] < priorities[$1] }
    }
    let order = groups.keys.sorted()
    for _ in 0..<surplus {
      let largest = order.max { (groups[$0]?.count ?? 0) < (groups[$1]?.count ?? 0) }
      if let largest { groups[largest]?.removeLast() }
    }
    return try Tensor(groups.values.flatMap { $0 }.sorted()).to(keys.device)
  }
}
