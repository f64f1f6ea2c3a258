import Foundation
import Perennial
import Torch

/// Looking up the ten nearest of a million keys of 384 numbers, or of LOOKUP_KEYS of them, a query a step.
nonisolated(unsafe) let memoryWorks: KeyValuePairs<String, () throws -> Work> = [
  "knn-exact": { try exactLookup() },
  "knn-index": { try indexedLookup() },
]

private let count = ProcessInfo.processInfo.environment["LOOKUP_KEYS"].flatMap { Int($0) } ?? 1_000_000
private let (width, neighbours) = (384, 10)

/// Unit vectors around 10,000 centres, as sentence embeddings lie around their subjects; `hnsw_peer.py` draws the same way.
private func embeddings(_ count: Int, seed: UInt64) throws -> Tensor {
  let centres = try Tensor.normal([10_000, width], Generator(seed: 0))
  let generator = try Generator(seed: seed)
  let parts = try stride(from: 0, to: count, by: 50_000).map { start in
    let rows = min(50_000, count - start)
    let own = try Tensor.randomIntegers(0..<10_000, [rows], generator)
    let keys = try centres.indexSelect(own) + Tensor.normal([rows, width], generator) * 0.7
    return try (keys / keys.norm([1], keepDims: true)).to(.float16)
  }
  return try Tensor.concatenate(parts)
}

private func filled() throws -> KeyValueMemory {
  let memory = try KeyValueMemory(capacity: count, width: width, precision: .float16, eviction: .ring)
  try memory.write(
    embeddings(count, seed: 1), Tensor.zeros([count], dtype: .int64), identifiers: Tensor.arange(0, count))
  return memory
}

private func exactLookup() throws -> Work {
  let memory = try filled()
  let queries = try embeddings(1000, seed: 2).to(.float32)
  return { steps in
    let start = ContinuousClock.now
    for step in 0..<steps {
      let place = step % 1000
      _ = try memory.read(queries[place..<(place + 1)], neighbours: neighbours)
    }
    return ["seconds": (ContinuousClock.now - start) / .seconds(1)]
  }
}

/// Times also come with the share of the nearest that were found.
private func indexedLookup() throws -> Work {
  let memory = try filled()
  let graph = try NeighbourGraph(width: width)
  try graph.add(memory.keys, labels: Array(0..<count), threads: Runtime.threads)
  let queries = try embeddings(1000, seed: 2).to(.float32)
  let truth = try memory.read(queries[0..<100], neighbours: neighbours).places
  let found = try graph.search(queries[0..<100], neighbours: neighbours, breadth: 100)
  let hits = try found.enumerated().reduce(0) {
    $0 + Set($1.element).intersection(try truth[$1.offset].integers()).count
  }
  let recall = Double(hits) / Double(100 * neighbours)
  return { steps in
    let start = ContinuousClock.now
    for step in 0..<steps {
      let place = step % 1000
      _ = try graph.search(queries[place..<(place + 1)], neighbours: neighbours, breadth: 100)
    }
    return ["seconds": (ContinuousClock.now - start) / .seconds(1), "recall": recall]
  }
}
