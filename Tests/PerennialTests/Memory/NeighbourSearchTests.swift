import Testing
import Torch

@testable import Perennial

/// Exact search by bytes first, and the graph, against NumPy and against each other.
@Suite struct NeighbourSearchTests {
  @Test func searchByBytesIsTheGoldenOne() throws {
    let golden = try GoldenTensors("memory")
    let memory = try KeyValueMemory(capacity: 500, width: 24, precision: .float16)
    let keys = try golden["exact/keys"]
    try memory.write(keys, Tensor.zeros([300], dtype: .int64), identifiers: Tensor.arange(0, 300))
    for (name, allowed) in [("all", nil), ("some", try golden["exact/allowed"])] {
      let (distances, places) = try memory.read(golden["exact/queries"], neighbours: 9, among: allowed)
      #expect(try places.equals(golden["exact/\(name)/places"]), "\(name)")
      expectNear(distances, try golden["exact/\(name)/distances"], relative: 1e-6)
    }
  }

  /// Lengths that leave a rest, values near each other, keys of zero, ties: nothing that is among the nearest is lost.
  @Test(arguments: [1, 3, 17, 64, 129], [1e-4, 0.3, 5.0])
  func nothingNearIsLost(width: Int, spread: Double) throws {
    let generator = try Generator(seed: 11)
    let centre = try Tensor.normal([1, width], generator) * 3
    let keys = try (centre + Tensor.normal([700, width], generator) * spread).to(.float16)
    try keys[5].zero()
    try keys[6].copy(from: keys[7])
    let memory = try KeyValueMemory(capacity: 700, width: width, precision: .float16)
    try memory.write(keys, Tensor.zeros([700], dtype: .int64), identifiers: Tensor.arange(0, 700))
    let queries = try Tensor.concatenate([
      centre + Tensor.normal([20, width], generator) * spread, Tensor.zeros([1, width]),
      keys[7..<8].to(.float32),
    ])
    let exact = try (queries.unsqueeze(1).to(.float64) - keys.to(.float64)).square().sum([2])
    let (distances, places) = try memory.read(queries, neighbours: 12, batch: 5)
    let expected = try exact.topK(12, dim: 1, largest: false).values
    try expectNear(distances.to(.float64), expected, relative: 1e-6)
    #expect(try exact.gather(places, dim: 1).to(.float32).equals(distances), "places go with distances")
    let same = try (0..<700).filter { try exact[21][$0].item() == 0 }
    #expect(Set([6, 7]).isSubset(of: same))
    #expect(try places[21][0..<2].integers() == Array(same.prefix(2)), "equal ones by place")
  }

  @Test func fewerThanAskedForEndInNothing() throws {
    let memory = try KeyValueMemory(capacity: 9, width: 2, precision: .float16)
    try memory.write(
      Tensor.normal([6, 2], Generator(seed: 1)), Tensor([0, 1, 0, 1, 0, 1]),
      identifiers: Tensor.arange(0, 6))
    let allowed = try memory.values .== 1
    let (distances, places) = try memory.read(Tensor.zeros([2, 2]), neighbours: 5, among: allowed)
    #expect(places.shape == [2, 5])
    #expect(
      try places[0].integers().suffix(2) == [-1, -1]
        && distances[1].floats().suffix(2) == [.infinity, .infinity])
    #expect(try Set(places[0].integers().prefix(3)) == [1, 3, 5])
  }

  /// Clusters as embeddings have them, with half of the keys deleted and others put in their places.
  static func clustered(_ count: Int, width: Int, seed: UInt64) throws -> Tensor {
    let generator = try Generator(seed: seed)
    let centres = try Tensor.normal([count / 20, width], Generator(seed: 77))
    let own = try Tensor.randomIntegers(0..<(count / 20), [count], generator)
    return try (centres.indexSelect(own) + Tensor.normal([count, width], generator) * 0.5).unitRows()
  }

  static func recall(_ memory: KeyValueMemory, _ exact: KeyValueMemory, _ queries: Tensor) throws -> Double {
    func found(_ memory: KeyValueMemory) throws -> [Set<Int>] {
      let places = try memory.read(queries, neighbours: 10).places
      return try (0..<queries.shape[0]).map {
        Set(try memory.identifiers.indexSelect(places[$0].clamp(min: 0).to(.int64)).integers())
      }
    }
    let hits = try zip(found(memory), found(exact)).reduce(0) { $0 + $1.0.intersection($1.1).count }
    return Double(hits) / Double(10 * queries.shape[0])
  }

  @Test func theGraphFindsMostAndNothingThatWasDeleted() throws {
    let (count, width) = (1500, 24)
    func memory(_ graph: NeighbourGraph.Options?) throws -> KeyValueMemory {
      try KeyValueMemory(capacity: 2000, width: width, precision: .float16, eviction: .ring, graph: graph)
    }
    let (indexed, exact) = (try memory(.init()), try memory(nil))
    let queries = try Self.clustered(60, width: width, seed: 3)
    func both(_ change: (KeyValueMemory) throws -> Void) throws {
      for one in [indexed, exact] { try change(one) }
    }
    let keys = try Self.clustered(count, width: width, seed: 1)
    try both {
      try $0.write(keys, Tensor.zeros([count], dtype: .int64), identifiers: Tensor.arange(0, count))
    }
    #expect(try Self.recall(indexed, exact, queries) > 0.95)
    let gone = try Tensor((0..<(count / 2)).map { 2 * $0 })
    try both { try $0.delete(gone) }
    let places = try indexed.read(queries, neighbours: 10).places
    #expect(try indexed.identifiers.indexSelect(places.flatten()).integers().allSatisfy { $0 % 2 == 1 })
    #expect(try Self.recall(indexed, exact, queries) > 0.95)
    let more = try Self.clustered(1000, width: width, seed: 9)
    try both {
      try $0.write(more, Tensor.zeros([1000], dtype: .int64), identifiers: Tensor.arange(5000, 6000))
    }
    #expect(try Self.recall(indexed, exact, queries) > 0.95)
    // As if it had never been stopped, and on from there.
    let resumed = try memory(.init())
    try resumed.restore(indexed.state().saved())
    for one in [indexed, resumed] {
      try one.delete(Tensor.arange(5000, 5100))
      try one.write(keys[0..<300], Tensor.zeros([300], dtype: .int64), identifiers: Tensor.arange(7000, 7300))
    }
    #expect(try resumed.state().fingerprint() == indexed.state().fingerprint())
    let (ours, theirs) = try (indexed.read(queries, neighbours: 5), resumed.read(queries, neighbours: 5))
    #expect(try ours.places.equals(theirs.places) && ours.distances.equals(theirs.distances))
    #expect(throws: MemoryError.self) { try NeighbourGraph(width: 2).remove([4]) }
    let graph = try NeighbourGraph(width: 2)
    try graph.add(Tensor.ones([1, 2]).to(.float16), labels: [4])
    #expect(throws: MemoryError.graph("the label 4 is in the graph already")) {
      try graph.add(Tensor.ones([1, 2]).to(.float16), labels: [4])
    }
  }

  @Test(arguments: ["paper", "sharp"]) func theMixtureIsTheGoldenOne(name: String) throws {
    let golden = try GoldenTensors("memory")
    let outputs = try golden["shares/outputs"]
    let (temperature, share) = name == "paper" ? (1.0, 0.25) : (0.1, 0.9)
    let shares = try NeighbourShares.shares(
      golden["shares/distances"], golden["shares/values"], outputs: 7, temperature: temperature)
    let answers = try NeighbourShares.mixed(shares, outputs, share: share)
    expectNear(answers, try golden["shares/\(name)/answers"], relative: 1e-5)
    expectNear(try answers.exp().sum([1]), try Tensor.ones([7]), relative: 1e-5)
  }

  @Test func withoutANeighbourTheModelAnswersForItself() throws {
    let outputs = try Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
    let distances = try Tensor([0, .infinity, .infinity, .infinity] as [Float], shape: [2, 2])
    let shares = try NeighbourShares.shares(
      distances, Tensor([2, 0, 1, 1], shape: [2, 2]), outputs: 3, temperature: 0.1)
    #expect(try shares.floats() == [0, 0, 1, 0, 0, 0])
    let answers = try NeighbourShares.mixed(shares, outputs, share: 1)
    try expectNear(answers[1], outputs.logSoftmax()[1])
    #expect(try answers[0].argmax(0).itemInt() == 2 && answers.isFinite().all().item() == 1)
  }
}
