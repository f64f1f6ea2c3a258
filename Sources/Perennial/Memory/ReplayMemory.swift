import Torch

/// Examples kept for rehearsal: preallocated columns, filled by index.
///
/// Inputs stay raw, so that each draw is normalised and changed at random afresh. Inserting and drawing take the same
/// time however long the stream is.
public final class ReplayMemory {
  public private(set) var placement: Placement
  private let random: NumberStream
  private var columns: Columns?

  struct Columns {
    var inputs: Tensor
    var targets: Tensor
    var tasks: Tensor?
    var experiences: Tensor
    var identifiers: Tensor
  }

  /// - Parameter random: decides what stays and what is drawn.
  public init(
    capacity: Int, grouping: Placement.Grouping = .none, replacement: Placement.Replacement = .reservoir,
    random: NumberStream
  ) {
    placement = Placement(capacity: capacity, grouping: grouping, replacement: replacement)
    self.random = random
  }

  /// How many items there is room for, and how many are there.
  public var capacity: Int { placement.capacity }
  public var count: Int { placement.filled }

  /// Bytes that the kept examples take.
  public var byteCount: Int {
    guard let columns, capacity > 0 else { return 0 }
    let all =
      [columns.inputs, columns.targets, columns.experiences, columns.identifiers]
      + [columns.tasks].compactMap { $0 }
    return all.reduce(0) { $0 + $1.byteCount } / capacity * count
  }

  /// Offers examples, in order; the placement decides which are kept.
  ///
  /// - Parameter places: which of the examples, int64 `[n]`.
  public func insert(_ examples: Examples, _ places: Tensor, experience: Int) throws {
    try noGrad {
      let offered = try places.integers()
      let groups =
        placement.grouping == .unit ? try examples.targets.indexSelect(places).integers() : []
      var source: [Int: Int] = [:]
      var generator = random
      for (position, place) in offered.enumerated() {
        let group = placement.grouping == .unit ? groups[position] : experience
        if let slot = placement.place(group: group, using: &generator) { source[slot] = place }
      }
      guard !source.isEmpty else { return }
      let slots = source.keys.sorted()
      let columns = try self.columns ?? allocate(like: examples)
      self.columns = columns
      let to = try Tensor(slots)
      let from = try Tensor(slots.map { source[$0] ?? 0 })
      try columns.inputs.indexCopy(to, from: examples.inputs.indexSelect(from))
      try columns.targets.indexCopy(to, from: examples.targets.indexSelect(from))
      if let tasks = columns.tasks, let new = examples.tasks {
        try tasks.indexCopy(to, from: new.indexSelect(from))
      }
      try columns.experiences.indexFill(to, experience)
      try columns.identifiers.indexCopy(to, from: examples.identifiers.indexSelect(from))
    }
  }

  /// The places of `count` different items at random, or of all when there are fewer.
  public func draw(_ count: Int) throws -> Tensor {
    let count = min(count, self.count)
    var chosen: Set<Int> = []
    var order: [Int] = []
    var generator = random
    // Floyd's sampling: as many draws as items, whatever the memory's size.
    for last in (self.count - count)..<self.count {
      let draw = Int.random(in: 0...last, using: &generator)
      let place = chosen.insert(draw).inserted ? draw : last
      if place == last { chosen.insert(last) }
      order.append(place)
    }
    return try Tensor(order)
  }

  /// All items kept, as columns `[count, …]`; nil while empty.
  public var examples: Examples? {
    get throws {
      guard let columns, count > 0 else { return nil }
      func kept(_ column: Tensor) throws -> Tensor {
        count == capacity ? column : try column.narrow(dim: 0, start: 0, count: count)
      }
      return try Examples(
        inputs: kept(columns.inputs), targets: kept(columns.targets), tasks: columns.tasks.map(kept),
        identifiers: kept(columns.identifiers))
    }
  }

  /// The experience that each kept item came from, int64 `[count]`.
  public func experiences() throws -> [Int] {
    try columns.map { try $0.experiences.narrow(dim: 0, start: 0, count: count).integers() } ?? []
  }

  private func allocate(like examples: Examples) throws -> Columns {
    func column(_ tensor: Tensor) throws -> Tensor {
      try Tensor.zeros([capacity] + tensor.shape.dropFirst(), dtype: tensor.dtype)
    }
    return try Columns(
      inputs: column(examples.inputs), targets: column(examples.targets), tasks: examples.tasks.map(column),
      experiences: Tensor.zeros([capacity], dtype: .int64), identifiers: column(examples.identifiers))
  }

  public func state() throws -> State {
    var state = State()
    state["placement"] = placement
    guard let columns else { return state }
    state.tensors["inputs"] = try columns.inputs.clone()
    state.tensors["targets"] = try columns.targets.clone()
    state.tensors["tasks"] = try columns.tasks?.clone()
    state.tensors["experiences"] = try columns.experiences.clone()
    state.tensors["identifiers"] = try columns.identifiers.clone()
    return state
  }

  public func restore(_ state: State) throws {
    placement = try state.require("placement")
    guard state.tensors["inputs"] != nil else {
      columns = nil
      return
    }
    columns = try Columns(
      inputs: state.requireTensor("inputs"), targets: state.requireTensor("targets"),
      tasks: state.tensors["tasks"], experiences: state.requireTensor("experiences"),
      identifiers: state.requireTensor("identifiers"))
  }
}
