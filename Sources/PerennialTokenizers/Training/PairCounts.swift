/// How often pairs of symbols stand side by side, and a queue of them by count.
struct PairCounts {
  struct Pair: Hashable {
    let left: Int32
    let right: Int32

    init(_ left: Int32, _ right: Int32) {
      self.left = left
      self.right = right
    }
  }

  struct Candidate {
    let pair: Pair
    var count: Int
    /// The words that the pair was seen in since it was last queued.
    let words: [Int]

    /// The more frequent first, then the one of lower ids.
    func precedes(_ other: Candidate) -> Bool {
      if count != other.count { return count > other.count }
      return (pair.left, pair.right) < (other.pair.left, other.pair.right)
    }
  }

  private var counts: [Pair: Int] = [:]
  private var fresh: [Pair: [Int]] = [:]
  private var heap: [Candidate] = []

  /// Changes a count. A pair that gains is queued by the next `enqueue`.
  mutating func add(_ pair: Pair, _ change: Int, word: Int) {
    counts[pair, default: 0] += change
    guard change > 0 else { return }
    if fresh[pair]?.last != word { fresh[pair, default: []].append(word) }
  }

  mutating func enqueue() {
    for (pair, words) in fresh {
      if let count = counts[pair], count > 0 { push(Candidate(pair: pair, count: count, words: words)) }
    }
    fresh.removeAll(keepingCapacity: true)
  }

  /// The most frequent pair. Counts in the queue are brought up to date as they come to the top.
  mutating func next() -> Candidate? {
    while var top = pop() {
      let count = counts[top.pair] ?? 0
      if top.count == count { return top }
      top.count = count
      push(top)
    }
    return nil
  }

  private mutating func push(_ candidate: Candidate) {
    heap.append(candidate)
    var index = heap.count - 1
    while index > 0, heap[index].precedes(heap[(index - 1) / 2]) {
      heap.swapAt(index, (index - 1) / 2)
      index = (index - 1) / 2
    }
  }

  private mutating func pop() -> Candidate? {
    guard let top = heap.first, let last = heap.popLast() else { return nil }
    guard !heap.isEmpty else { return top }
    heap[0] = last
    var index = 0
    while true {
      var first = index
      for child in [2 * index + 1, 2 * index + 2]
      where child < heap.count && heap[child].precedes(heap[first]) {
        first = child
      }
      guard first != index else { return top }
      heap.swapAt(index, first)
      index = first
    }
  }
}
