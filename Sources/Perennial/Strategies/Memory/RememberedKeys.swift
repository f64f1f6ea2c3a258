import Torch

/// The options that every strategy with an external memory of keys has.
public protocol RememberedKeysOptions: Configurable {
  /// Items kept.
  var memory: Int { get }
  /// What goes when there would be more.
  var eviction: Eviction { get }
  /// k
  var neighbours: Int { get }
  /// τ
  var temperature: Double { get }
  /// λ, the share of the memory in the answer.
  var share: Double { get }
  /// How near the nearest must be for the memory to be heard, a distance; however far when nil.
  var scope: Double? { get }
  /// An approximate index; exact search when nil.
  var index: NeighbourGraph.Options? { get }
}

extension RememberedKeysOptions {
  func validateKeys(at node: ConfigurationNode) throws {
    try node.require("memory", memory, atLeast: 1)
    try node.require("neighbours", neighbours, atLeast: 1)
    try node.require("temperature", temperature, above: 0)
    try node.require("share", share, in: 0...1)
    try node.require("scope", scope, atLeast: 0)
  }
}

/// An external memory of a strategy: made when there is the first key to keep, asked by every question, saved with it.
final class RememberedKeys {
  private let options: any RememberedKeysOptions
  private(set) var memory: KeyValueMemory?

  init(_ options: any RememberedKeysOptions) { self.options = options }

  private func made(width: Int) throws -> KeyValueMemory {
    if let memory { return memory }
    let made = try KeyValueMemory(
      capacity: options.memory, width: width, precision: .float16, eviction: options.eviction,
      graph: options.index)
    memory = made
    return made
  }

  func write(_ keys: Tensor, _ values: Tensor, identifiers: Tensor) throws {
    guard keys.shape[0] > 0 else { return }
    try made(width: keys.shape[1]).write(keys, values, identifiers: identifiers)
  }

  func delete(_ identifiers: [Int]) throws {
    guard !identifiers.isEmpty else { return }
    try memory?.delete(Tensor(identifiers))
  }

  /// Outputs `[N, K]`, log-probabilities in which the memory has its share; nil while there is nothing to remember.
  ///
  /// - Parameters:
  ///   - keys: of the questions `[N, D]`.
  ///   - outputs: the model's own `[N, K]`.
  ///   - units: those that take part; all when nil.
  func answer(_ keys: Tensor, _ outputs: Tensor, among units: [Int]? = nil) throws -> Tensor? {
    guard let memory, memory.count > 0 else { return nil }
    let allowed = try units.map { try memory.values.isIn(Tensor($0)) }
    var (distances, places) = try memory.read(keys, neighbours: options.neighbours, among: allowed)
    (distances, places) = try (distances.to(outputs.device), places.to(memory.values.device))
    if let scope = options.scope {
      let isFar = try distances.narrow(dim: 1, start: 0, count: 1) .> scope * scope
      distances = try distances.maskedFill(isFar, Double.infinity)
    }
    let values = try memory.values.indexSelect(places.clamp(min: 0).to(.int64).flatten()).reshape(
      places.shape)
    let shares = try NeighbourShares.shares(
      distances, values.to(outputs.device), outputs: outputs.shape[1], temperature: options.temperature)
    return try NeighbourShares.mixed(shares, outputs, share: options.share)
  }

  var byteCount: Int { memory?.byteCount ?? 0 }

  func state() throws -> State {
    guard let memory else { return State() }
    var state = try memory.state()
    state["width"] = memory.width
    return state
  }

  func restore(_ state: State) throws {
    memory = nil
    guard let width: Int = state["width"] else { return }
    try made(width: width).restore(State(tensors: state.tensors))
  }
}
