/// The symbols of a word while pairs of them are merged.
struct SymbolList {
  private var ids: [Int32] = []
  private var lengths: [Int32] = []
  /// For each symbol the merge with the next one; rank `Int32.max` where there is none.
  private var ranks: [Int32] = []
  private var merged: [Int32] = []

  /// Longer words go through a heap, so that a word without spaces does not take quadratic time.
  private static let longestScan = 96

  mutating func removeAll() {
    ids.removeAll(keepingCapacity: true)
    lengths.removeAll(keepingCapacity: true)
  }

  @inline(__always)
  mutating func append(_ id: Int32, length: Int32) {
    ids.append(id)
    lengths.append(length)
  }

  func append(to tokens: inout [Token]) {
    for index in ids.indices { tokens.append(Token(id: ids[index], length: lengths[index])) }
  }

  /// Merges the pair of lowest rank, the leftmost first, until none is left.
  mutating func merge(with table: MergeTable) {
    guard ids.count > 1 else { return }
    if ids.count > Self.longestScan { mergeWithHeap(table) } else { mergeByScan(table) }
  }

  private mutating func mergeByScan(_ table: MergeTable) {
    ranks.removeAll(keepingCapacity: true)
    merged.removeAll(keepingCapacity: true)
    for index in 0..<ids.count - 1 {
      let merge = table[ids[index], ids[index + 1]]
      ranks.append(merge.rank)
      merged.append(merge.id)
    }
    while true {
      var best = Int32.max
      var position = 0
      for index in 0..<ranks.count where ranks[index] < best {
        best = ranks[index]
        position = index
      }
      guard best != .max else { return }
      ids[position] = merged[position]
      lengths[position] += lengths[position + 1]
      ids.remove(at: position + 1)
      lengths.remove(at: position + 1)
      ranks.remove(at: position)
      merged.remove(at: position)
      if position > 0 { update(position - 1, table) }
      if position < ranks.count { update(position, table) }
    }
  }

  @inline(__always)
  private mutating func update(_ index: Int, _ table: MergeTable) {
    let merge = table[ids[index], ids[index + 1]]
    ranks[index] = merge.rank
    merged[index] = merge.id
  }

  private mutating func mergeWithHeap(_ table: MergeTable) {
    let count = ids.count
    var next = Array(1...count)
    var previous = Array(-1..<count - 1)
    var heap = Heap()
    func offer(_ left: Int, _ right: Int, _ heap: inout Heap) {
      guard left >= 0, right < count else { return }
      let merge = table[ids[left], ids[right]]
      if merge.rank != .max { heap.push(.init(rank: merge.rank, position: Int32(left), id: merge.id)) }
    }
    for index in 0..<count - 1 { offer(index, index + 1, &heap) }
    while let top = heap.pop() {
      let left = Int(top.position)
      let right = next[left]
      // An entry is stale when either symbol has changed since.
      guard lengths[left] > 0, right < count else { continue }
      let merge = table[ids[left], ids[right]]
      guard merge.rank == top.rank else { continue }
      ids[left] = merge.id
      lengths[left] += lengths[right]
      lengths[right] = 0
      next[left] = next[right]
      if next[left] < count { previous[next[left]] = left }
      offer(previous[left], left, &heap)
      offer(left, next[left], &heap)
    }
    var end = 0
    for index in 0..<count where lengths[index] > 0 {
      ids[end] = ids[index]
      lengths[end] = lengths[index]
      end += 1
    }
    ids.removeSubrange(end...)
    lengths.removeSubrange(end...)
  }
}

/// A binary heap of merges that may be made.
private struct Heap {
  struct Entry {
    let rank: Int32
    let position: Int32
    let id: Int32

    func precedes(_ other: Entry) -> Bool { (rank, position) < (other.rank, other.position) }
  }

  private var entries: [Entry] = []

  mutating func push(_ entry: Entry) {
    entries.append(entry)
    var index = entries.count - 1
    while index > 0, entries[index].precedes(entries[(index - 1) / 2]) {
      entries.swapAt(index, (index - 1) / 2)
      index = (index - 1) / 2
    }
  }

  mutating func pop() -> Entry? {
    guard let top = entries.first, let last = entries.popLast() else { return nil }
    guard !entries.isEmpty else { return top }
    entries[0] = last
    var index = 0
    while true {
      var smallest = index
      for child in [2 * index + 1, 2 * index + 2]
      where child < entries.count && entries[child].precedes(entries[smallest]) {
        smallest = child
      }
      guard smallest != index else { return top }
      entries.swapAt(index, smallest)
      index = smallest
    }
  }
}
