import Torch

/// An external memory of keys with a class or token each: written, read by nearest neighbours, deleted from by identifier.
///
/// All of it takes effect at once, in a time that does not depend on how much else is there. Search is exact unless there is
/// a ``NeighbourGraph``. The places of items change when others are deleted.
public final class KeyValueMemory: Module {
  /// The most items there can be, and what goes when there would be more.
  public let capacity: Int
  public let eviction: Eviction
  /// The numbers of a key.
  public let width: Int
  private var keyColumn, valueColumn, identifierColumn, timeColumn: GrowingColumn
  /// What the directory and the index say is of the columns; nil where they were loaded since.
  private var directory: MemoryDirectory?
  private let graphOptions: NeighbourGraph.Options?
  private var graph: NeighbourGraph?
  /// Keys in half precision as bytes, and what goes with them, for exact search on the CPU.
  private var codeColumn, factColumn: GrowingColumn?

  /// - Parameters:
  ///   - width: the numbers of a key.
  ///   - precision: of the keys, float32 or float16, which takes a fifth of the time and about three quarters of the
  ///     memory with the bytes that search reads first.
  ///   - graph: an approximate index, for keys in float16; exact search when nil.
  /// - Throws: `TorchError` (`dtype`) for another precision.
  public init(
    capacity: Int, width: Int, precision: DType = .float32, eviction: Eviction = .classBalanced,
    graph: NeighbourGraph.Options? = nil
  ) throws {
    guard precision == .float16 || (precision == .float32 && graph == nil) else {
      throw TorchError(.dtype, "keys of a memory are float32, or float16 as those of a graph must be")
    }
    (self.capacity, self.width, self.eviction, graphOptions) = (capacity, width, eviction, graph)
    keyColumn = try GrowingColumn(width: [width], dtype: precision)
    valueColumn = try GrowingColumn(width: [], dtype: .int64)
    identifierColumn = try GrowingColumn(width: [], dtype: .int64)
    timeColumn = try GrowingColumn(width: [], dtype: .int64)
    super.init()
    register("keys", keyColumn.parameter)
    register("values", valueColumn.parameter)
    register("identifiers", identifierColumn.parameter)
    register("times", timeColumn.parameter)
  }

  /// Keys `[n, D]`, and the value and the identifier of each, int64 `[n]`.
  public var keys: Tensor { keyColumn.rows }
  public var values: Tensor { valueColumn.rows }
  public var identifiers: Tensor { identifierColumn.rows }
  /// When each was written, int64 `[n]`: the later, the greater.
  public var times: Tensor { timeColumn.rows }
  /// n
  public var count: Int { valueColumn.count }

  /// Bytes that the items take, with what search needs.
  public var byteCount: Int {
    [keyColumn, valueColumn, identifierColumn, timeColumn, codeColumn, factColumn].reduce(0) {
      $0 + ($1?.rows.byteCount ?? 0)
    }
  }

  private var isScreened: Bool {
    get throws { try keys.dtype == .float16 && keys.device == .cpu }
  }

  public override func fit(_ shapes: [String: [Int]]) throws {
    (directory, graph, codeColumn, factColumn) = (nil, nil, nil, nil)
    guard let rows = shapes["values"]?.first, rows != count else { return }
    for column in [keyColumn, valueColumn, identifierColumn, timeColumn] { try column.resize(to: rows) }
  }

  /// Puts items in; one whose identifier is there already takes its place.
  ///
  /// - Parameters:
  ///   - keys: `[N, D]`
  ///   - values: int64 `[N]`
  ///   - identifiers: int64 `[N]`, all different.
  /// - Throws: `MemoryError` for what cannot be kept; then nothing was changed.
  public func write(_ keys: Tensor, _ values: Tensor, identifiers: Tensor) throws {
    try noGrad {
      let numbers = try identifiers.integers()
      let labels = try values.integers()
      let rows = try checked(keys, labels, numbers)
      var directory = try borrowed()
      try close(directory.remove(numbers), directory.count)
      let places = count..<(count + numbers.count)
      let times = directory.append(numbers, labels)
      let device = try self.keys.device
      try keyColumn.append(rows.to(device))
      try valueColumn.append(values.to(device))
      try identifierColumn.append(identifiers.to(device))
      try timeColumn.append(Tensor(times).to(device))
      try screen(places)
      try graph?.add(rows.to(.cpu), labels: times)
      let surplus = directory.surplus(over: capacity)
      try close(directory.remove(surplus, isEvicted: true), directory.count)
      self.directory = directory
    }
  }

  private func checked(_ keys: Tensor, _ values: [Int], _ identifiers: [Int]) throws -> Tensor {
    guard keys.rank == 2, keys.shape[1] == width else {
      throw MemoryError.keys(shape: keys.shape, width: width)
    }
    guard keys.shape[0] == values.count, values.count == identifiers.count else {
      throw MemoryError.lengths(keys: keys.shape[0], values: values.count, identifiers: identifiers.count)
    }
    var seen: Set<Int> = []
    if let twice = identifiers.first(where: { !seen.insert($0).inserted }) {
      throw MemoryError.repeated(identifier: twice)
    }
    let precision = keyColumn.rows.dtype
    let rows = try keys.detach().to(precision)
    let isFinite = try rows.isFinite().to(.float32).amin([1]).floats()
    if let bad = isFinite.firstIndex(of: 0) {
      throw MemoryError.notFinite(identifier: identifiers[bad], precision: "\(precision)")
    }
    return rows
  }

  /// Takes out the items of these identifiers int64 `[N]`; those that are not there are passed over.
  public func delete(_ identifiers: Tensor) throws {
    try noGrad {
      let gone = Set(try identifiers.integers()).sorted()
      var directory = try borrowed()
      try close(directory.remove(gone), directory.count)
      self.directory = directory
    }
  }

  /// Takes out all items of a value.
  public func delete(value: Int) throws {
    try delete(noGrad { try identifiers.indexSelect((values .== value).nonzero().flatten()) })
  }

  /// Takes rows out of all columns.
  private func close(_ removal: MemoryDirectory.Removal, _ left: Int) throws {
    guard !removal.times.isEmpty else { return }
    try graph?.remove(removal.times)
    try keyColumn.close(removal.moved, count: left)
    try valueColumn.close(removal.moved, count: left)
    try identifierColumn.close(removal.moved, count: left)
    try timeColumn.close(removal.moved, count: left)
    try codeColumn?.close(removal.moved, count: left)
    try factColumn?.close(removal.moved, count: left)
  }

  /// The directory, to be changed and put back: it is made anew should that fail in between.
  private func borrowed() throws -> MemoryDirectory {
    let directory = try opened()
    self.directory = nil
    return directory
  }

  /// The directory and the index, made anew where the columns came from outside.
  private func opened() throws -> MemoryDirectory {
    if let directory { return directory }
    let made = try MemoryDirectory(
      identifiers: identifiers.integers(), values: values.integers(), times: times.integers(),
      eviction: eviction)
    if try isScreened {
      codeColumn = try GrowingColumn(width: [width], dtype: .int8)
      factColumn = try GrowingColumn(width: [3])
      try screen(0..<count)
    }
    if let graphOptions, graph?.count != count {
      let graph = try NeighbourGraph(width: width, graphOptions)
      try graph.add(keys.to(.cpu), labels: times.integers())
      self.graph = graph
    }
    directory = made
    return made
  }

  private func screen(_ places: Range<Int>) throws {
    guard codeColumn != nil, !places.isEmpty, try isScreened else { return }
    let (codes, facts) = try KeyScreen.encoded(keys[places])
    try codeColumn?.append(codes)
    try factColumn?.append(facts)
  }
}

// MARK: - Reading

extension KeyValueMemory {
  /// The nearest items of each query: squared Euclidean distances and places `[N, min(k, n)]`, the nearest first.
  ///
  /// Where fewer than k take part, the rest are infinitely far at place −1.
  /// - Parameters:
  ///   - queries: `[N, D]`
  ///   - allowed: the items that take part, bool `[n]`; all when nil. Such a search is exact.
  public func read(_ queries: Tensor, neighbours: Int, among allowed: Tensor? = nil, batch: Int = 1024) throws
    -> (distances: Tensor, places: Tensor)
  {
    guard queries.rank == 2, queries.shape[1] == width else {
      throw MemoryError.keys(shape: queries.shape, width: width)
    }
    return try noGrad {
      let k = min(neighbours, count)
      var found: [(distances: Tensor, places: Tensor)] = []
      for start in stride(from: 0, to: max(queries.shape[0], 1), by: batch) {
        let rows = try queries.narrow(dim: 0, start: start, count: min(batch, queries.shape[0] - start))
        found.append(try near(rows, k, allowed))
      }
      return try (
        Tensor.concatenate(found.map(\.distances)), Tensor.concatenate(found.map(\.places))
      )
    }
  }

  private func near(_ queries: Tensor, _ k: Int, _ allowed: Tensor?) throws -> (
    distances: Tensor, places: Tensor
  ) {
    let directory = try opened()
    if let graph, let options = graphOptions, allowed == nil, k > 0 {
      let labels = try graph.search(queries.to(.cpu), neighbours: k, breadth: options.breadth)
      return try measured(queries, labels.map { $0.map { directory.place(at: $0) ?? -1 } }, k)
    }
    if try isScreened, let codes = codeColumn?.rows, let facts = factColumn?.rows, codes.shape[0] == count {
      return try KeyScreen.search(
        queries, keys: keys, codes: codes, facts: facts, allowed: allowed, neighbours: k)
    }
    var distances = try queries.pairwiseDistances(to: keys.to(.float32)).square()
    if let allowed { distances = try distances.maskedFill(allowed.logicalNot(), Double.infinity) }
    let (values, places) = try distances.topK(k, dim: 1, largest: false)
    guard allowed != nil else { return (values, places) }
    return (values, try places.maskedFill(values .== Double.infinity, -1))
  }

  /// Distances to places, the nearest first.
  private func measured(_ queries: Tensor, _ places: [[Int]], _ k: Int) throws -> (
    distances: Tensor, places: Tensor
  ) {
    let device = try keys.device
    let all = try Tensor(places.flatMap { $0 }, shape: [places.count, k]).to(device)
    let near = try keys.indexSelect(all.clamp(min: 0).to(.int64).flatten()).to(.float32).reshape([
      places.count, k, -1,
    ])
    let distances = try (queries.to(device).unsqueeze(1) - near).square().sum([2])
      .maskedFill(all .< 0, Double.infinity)
    let order = try distances.argsort(1)
    return (try distances.gather(order, dim: 1), try all.gather(order, dim: 1))
  }
}

// MARK: - Saving

extension KeyValueMemory {
  /// Everything needed to go on exactly, the index included.
  public func state() throws -> State {
    var state = State(tensors: try stateDictionary())
    if graphOptions != nil {
      _ = try opened()
      state.tensors["graph"] = try graph?.saved()
    }
    return state
  }

  /// Goes on from a state.
  ///
  /// - Throws: `StateMismatch` for columns of another memory, `MemoryError.damaged` for columns or a graph that contradict
  ///   themselves.
  public func restore(_ state: State) throws {
    var columns = state.tensors
    let saved = columns.removeValue(forKey: "graph")
    let lengths = Set(columns.values.map { $0.shape.first ?? 0 })
    guard lengths.count <= 1 else { throw MemoryError.damaged("its columns differ in length") }
    try load(columns)
    if let saved, graphOptions != nil {
      let graph = try NeighbourGraph(saved, width: width)
      guard graph.count == count else {
        throw MemoryError.damaged("its graph has \(graph.count) keys, and there are \(count)")
      }
      guard try graph.holds(times.integers()) else {
        throw MemoryError.damaged("its graph has other keys than its columns")
      }
      self.graph = graph
    }
    guard count <= capacity else {
      throw MemoryError.damaged("it has \(count) items, and there is room for \(capacity)")
    }
    let directory = try opened()
    guard directory.isUnique else { throw MemoryError.damaged("an identifier is there twice") }
  }
}
