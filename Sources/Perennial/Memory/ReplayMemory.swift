import Torch

/// Examples kept for rehearsal: preallocated columns, filled by index.
///
/// Inputs stay raw, so that each draw is normalised and changed at random afresh. Inserting and drawing take the same
/// time however long the stream is.
public final class ReplayMemory {
  public private(set) var placement: Placement
  private let random: NumberStream
  private(set) var columns: Columns?

  struct Columns {
    var inputs: Tensor
    var targets: Tensor
    var tasks: Tensor?
    var experiences: Tensor
    var identifiers: Tensor
    /// What a strategy keeps beside, by name: outputs, features, ages `[capacity, …]`.
    var extras: [String: Tensor] = [:]

    var all: [Tensor] {
      [inputs, targets, experiences, identifiers] + [tasks].compactMap { $0 } + extras.values
    }
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
    return columns.all.reduce(0) { $0 + $1.byteCount } / capacity * count
  }

  /// Offers examples, in order; the placement decides which are kept.
  ///
  /// - Parameters:
  ///   - places: which of the examples, int64 `[n]`.
  ///   - extras: further columns `[n, …]`, in the order of `places`; one that grew wider than what is kept widens that,
  ///     with NaN where nothing was.
  /// - Returns: the slots that were filled, with the position in `places` that each was filled from.
  @discardableResult
  public func insert(
    _ examples: Examples, _ places: Tensor, experience: Int, extras: [String: Tensor] = [:]
  ) throws -> [Int: Int] {
    try insert(
      examples, places, experiences: [Int](repeating: experience, count: places.count), extras: extras)
  }

  private func insert(
    _ examples: Examples, _ places: Tensor, experiences: [Int], extras: [String: Tensor]
  ) throws -> [Int: Int] {
    try noGrad {
      let offered = try places.integers()
      let groups =
        placement.grouping == .unit ? try examples.targets.indexSelect(places).integers() : experiences
      var source: [Int: Int] = [:]
      var generator = random
      for position in offered.indices {
        if let slot = placement.place(group: groups[position], using: &generator) { source[slot] = position }
      }
      try write(examples, offered, source, experiences: experiences, extras: extras)
      return source
    }
  }

  /// Puts the example at `place` into a slot in use, whatever the placement would decide.
  func overwrite(
    _ slot: Int, with examples: Examples, _ place: Tensor, experience: Int, extras: [String: Tensor] = [:]
  ) throws {
    try noGrad {
      try write(examples, place.integers(), [slot: 0], experiences: [experience], extras: extras)
    }
  }

  /// Fills slots from positions in the places `offered`.
  private func write(
    _ examples: Examples, _ offered: [Int], _ source: [Int: Int], experiences: [Int],
    extras: [String: Tensor]
  ) throws {
    guard !source.isEmpty else { return }
    let slots = source.keys.sorted()
    let positions = slots.map { source[$0] ?? 0 }
    var columns = try self.columns ?? allocate(like: examples)
    let to = try Tensor(slots)
    let from = try Tensor(positions.map { offered[$0] })
    try columns.inputs.indexCopy(to, from: examples.inputs.indexSelect(from))
    try columns.targets.indexCopy(to, from: examples.targets.indexSelect(from))
    if let tasks = columns.tasks, let new = examples.tasks {
      try tasks.indexCopy(to, from: new.indexSelect(from))
    }
    try columns.experiences.indexCopy(to, from: Tensor(positions.map { experiences[$0] }))
    try columns.identifiers.indexCopy(to, from: examples.identifiers.indexSelect(from))
    for (name, values) in extras {
      let column = try room(for: values, in: columns.extras[name])
      columns.extras[name] = column
      try column.indexCopy(
        to, from: widened(values.detach().to(.cpu), like: column).indexSelect(Tensor(positions)))
    }
    self.columns = columns
  }

  /// Keeps these examples, in this order, in place of all that were kept; what has no room is left out.
  ///
  /// - Parameter capacity: how many items there is room for from now on, where that changes.
  func replace(with parts: [(examples: Examples, experience: Int)], capacity room: Int? = nil) throws {
    placement = Placement(
      capacity: room ?? capacity, grouping: placement.grouping, replacement: placement.replacement)
    columns = nil
    for part in parts where part.examples.count > 0 {
      let room = min(part.examples.count, capacity - count)
      try insert(part.examples, Tensor.arange(0, room), experience: part.experience)
    }
  }

  /// Forgets what came from an experience.
  func forget(experience index: Int) throws {
    let origins = try experiences()
    try keep(origins.indices.filter { origins[$0] != index })
  }

  /// Forgets the examples of these identifiers, with all that was kept beside them.
  ///
  /// - Returns: how many items went.
  @discardableResult
  func forget(identifiers: Set<Int>) throws -> Int {
    guard !identifiers.isEmpty, let own = try examples?.identifiers.integers() else { return 0 }
    return try keep(own.indices.filter { !identifiers.contains(own[$0]) })
  }

  /// Keeps the items at these places alone, in their order; groups then share the memory as if only those had ever been
  /// offered.
  ///
  /// - Returns: how many items went.
  @discardableResult
  private func keep(_ places: [Int]) throws -> Int {
    let before = count
    guard places.count < before, let columns, let examples = try examples else { return 0 }
    let origins = try experiences()
    try replace(with: [])
    guard !places.isEmpty else { return before }
    try noGrad {
      let rows = try Tensor(places)
      _ = try insert(
        examples, rows, experiences: places.map { origins[$0] },
        extras: columns.extras.mapValues { try $0.indexSelect(rows) })
    }
    return before - count
  }

  /// A further column `[count, …]` under the name it was inserted with; nil while there is none.
  public func extra(_ name: String) throws -> Tensor? {
    try columns?.extras[name]?.narrow(dim: 0, start: 0, count: count)
  }

  /// Writes a further column anew at some places, rows of `values` in their order.
  public func update(_ name: String, at places: Tensor, with values: Tensor) throws {
    try noGrad {
      guard var columns else { return }
      let column = try room(for: values, in: columns.extras[name])
      columns.extras[name] = column
      self.columns = columns
      try column.indexCopy(places, from: widened(values.detach().to(.cpu), like: column))
    }
  }

  private func room(for values: Tensor, in column: Tensor?) throws -> Tensor {
    guard let column else {
      let shape = [capacity] + values.shape.dropFirst()
      guard values.dtype == .float32 else { return try Tensor.zeros(shape, dtype: values.dtype) }
      return try Tensor.full(shape, Double.nan)
    }
    return try widened(column, like: values)
  }

  /// Columns of NaN behind those that are there, up to the width of another.
  private func widened(_ values: Tensor, like other: Tensor) throws -> Tensor {
    guard values.rank == 2, other.rank == 2, values.shape[1] < other.shape[1] else { return values }
    return try values.padded([0, other.shape[1] - values.shape[1]], value: .nan)
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
    for (name, column) in columns.extras { state.tensors["extra/\(name)"] = try column.clone() }
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
      identifiers: state.requireTensor("identifiers"), extras: state.scoped("extra").tensors)
  }
}
