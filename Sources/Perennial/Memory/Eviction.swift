import Torch

/// What a memory at its capacity gives up.
public enum Eviction: String, Codable, CaseIterable, Sendable {
  /// An item of the most frequent value: of each value there stays a uniform sample of all that was written.
  case classBalanced = "class-balanced"
  /// Any: there stays a uniform sample of all that was written.
  case reservoir
  /// The oldest.
  case ring
}

/// The order in which the items of a memory go.
///
/// Samples follow from a fixed pseudo-random number of each item's identifier, so that there is no random state to keep.
struct EvictionOrder {
  /// An item, as it was when it was written.
  struct Item {
    let identifier, time: Int
    let rank: UInt64

    /// Whether it goes before another.
    func precedes(_ other: Item) -> Bool { (rank, time) > (other.rank, other.time) }
  }

  /// Items of one group as a heap, the first to go on top, and how many of them are still in the memory.
  private struct Group {
    var heap: [Item] = []
    var alive = 0
  }

  let eviction: Eviction
  private var groups: [Int: Group] = [:]

  init(_ eviction: Eviction) { self.eviction = eviction }

  private func group(of value: Int) -> Int { eviction == .classBalanced ? value : 0 }

  mutating func insert(_ identifier: Int, value: Int, time: Int) {
    // The oldest has the highest rank.
    let rank =
      eviction == .ring
      ? UInt64(Int.max - time) : NumberStream(seed: UInt64(bitPattern: Int64(identifier))).next()
    let item = Item(identifier: identifier, time: time, rank: rank)
    var group = groups.removeValue(forKey: self.group(of: value)) ?? Group()
    group.alive += 1
    group.heap.append(item)
    var place = group.heap.count - 1
    while place > 0, group.heap[place].precedes(group.heap[(place - 1) / 2]) {
      group.heap.swapAt(place, (place - 1) / 2)
      place = (place - 1) / 2
    }
    groups[self.group(of: value)] = group
  }

  /// An item of this value was deleted; it stays in the heap until it comes up.
  mutating func remove(value: Int) { groups[group(of: value)]?.alive -= 1 }

  /// The next to go of those that `isAlive` says are still there; it is forgotten here.
  mutating func next(isAlive: (Item) -> Bool) -> Int? {
    let largest = groups.max { ($0.value.alive, $1.key) < ($1.value.alive, $0.key) }
    guard let key = largest?.key, var group = groups.removeValue(forKey: key) else { return nil }
    defer { groups[key] = group }
    while let top = group.heap.first {
      let last = group.heap.removeLast()
      if !group.heap.isEmpty {
        group.heap[0] = last
        Self.sink(&group.heap)
      }
      if isAlive(top) {
        group.alive -= 1
        return top.identifier
      }
    }
    return nil
  }

  private static func sink(_ heap: inout [Item]) {
    var place = 0
    while true {
      var first = place
      for child in [2 * place + 1, 2 * place + 2]
      where child < heap.count && heap[child].precedes(heap[first]) {
        first = child
      }
      guard first != place else { return }
      heap.swapAt(place, first)
      place = first
    }
  }
}
