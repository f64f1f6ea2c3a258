/// Which item of a memory is where.
struct MemoryDirectory {
  private(set) var identifiers, values, times: [Int]
  private var places: [Int: Int]
  private var placesByTime: [Int: Int]
  /// The greatest of the times, −1 where there are none.
  private var latest: Int
  private var order: EvictionOrder

  /// Columns as they are.
  init(identifiers: [Int], values: [Int], times: [Int], eviction: Eviction) {
    (self.identifiers, self.values, self.times) = (identifiers, values, times)
    places = Dictionary(identifiers.enumerated().map { ($1, $0) }, uniquingKeysWith: { $1 })
    placesByTime = Dictionary(times.enumerated().map { ($1, $0) }, uniquingKeysWith: { $1 })
    latest = times.max() ?? -1
    order = EvictionOrder(eviction)
    for place in identifiers.indices {
      order.insert(identifiers[place], value: values[place], time: times[place])
    }
  }

  var count: Int { identifiers.count }

  /// Whether no identifier and no time is there twice.
  var isUnique: Bool { places.count == count && placesByTime.count == count }

  func place(of identifier: Int) -> Int? { places[identifier] }
  func place(at time: Int) -> Int? { placesByTime[time] }

  /// Puts items behind the others.
  ///
  /// - Returns: the times that they were given.
  mutating func append(_ identifiers: [Int], _ values: [Int]) -> [Int] {
    let new = Array((latest + 1)..<(latest + 1 + identifiers.count))
    latest += identifiers.count
    for (index, identifier) in identifiers.enumerated() {
      places[identifier] = count
      placesByTime[new[index]] = count
      order.insert(identifier, value: values[index], time: new[index])
      self.identifiers.append(identifier)
      self.values.append(values[index])
      times.append(new[index])
    }
    return new
  }

  /// The items to give up, so many that the capacity is kept; the order forgets them.
  mutating func surplus(over capacity: Int) -> [Int] {
    guard count > capacity else { return [] }
    let (places, times) = (places, times)
    return (0..<(count - capacity)).compactMap { _ in
      order.next { item in places[item.identifier].map { times[$0] == item.time } ?? false }
    }
  }

  /// What left: the times that the items had, and who moved from where to where.
  struct Removal {
    let times: [Int]
    let moved: [(from: Int, to: Int)]
  }

  /// Takes items out, those that are there: the ones at the end take the places of others.
  ///
  /// - Parameter isEvicted: whether ``surplus(over:)`` named them.
  mutating func remove(_ gone: [Int], isEvicted: Bool = false) -> Removal {
    let holes = gone.compactMap { places[$0] }.sorted()
    guard !holes.isEmpty else { return Removal(times: [], moved: []) }
    let left = count - holes.count
    let lost = holes.map { times[$0] }
    for hole in holes {
      if !isEvicted { order.remove(value: values[hole]) }
      places[identifiers[hole]] = nil
      placesByTime[times[hole]] = nil
    }
    let empty = Set(holes)
    let movers = (left..<count).filter { !empty.contains($0) }
    let moved = zip(movers, holes.filter { $0 < left }).map { (from: $0, to: $1) }
    for (from, to) in moved {
      (identifiers[to], values[to], times[to]) = (identifiers[from], values[from], times[from])
      places[identifiers[to]] = to
      placesByTime[times[to]] = to
    }
    identifiers.removeLast(holes.count)
    values.removeLast(holes.count)
    times.removeLast(holes.count)
    if lost.contains(latest) { latest = times.max() ?? -1 }
    return Removal(times: lost, moved: moved)
  }
}
