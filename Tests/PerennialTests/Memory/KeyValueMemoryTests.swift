import Testing
import Torch

@testable import Perennial

@Suite struct KeyValueMemoryTests {
  static func filled(_ count: Int, capacity: Int, classes: Int = 3) throws -> KeyValueMemory {
    let memory = try KeyValueMemory(capacity: capacity, width: 2)
    for start in stride(from: 0, to: count, by: 4) {
      let rows = min(4, count - start)
      let keys = try Tensor((0..<(rows * 2)).map { Float(start * 2 + $0) }, shape: [rows, 2])
      try memory.write(
        keys, Tensor((start..<(start + rows)).map { $0 % classes }),
        identifiers: Tensor.arange(start, start + rows))
    }
    return memory
  }

  @Test func whatIsWrittenIsFoundNearestFirst() throws {
    let memory = try Self.filled(10, capacity: 20)
    let (distances, places) = try memory.read(
      Tensor([8.5, 9, 0, 1] as [Float], shape: [2, 2]), neighbours: 2, batch: 1)
    #expect(try memory.identifiers.indexSelect(places.flatten()).integers() == [4, 5, 0, 1])
    expectNear(distances, try Tensor([0.25, 6.25, 0, 8] as [Float], shape: [2, 2]))
    #expect(try memory.read(Tensor.zeros([3, 2]), neighbours: 50).places.shape == [3, 10])
  }

  @Test func searchIsExactWhateverTheBatch() throws {
    let generator = try Generator(seed: 5)
    let memory = try KeyValueMemory(capacity: 100, width: 4)
    let keys = try Tensor.normal([100, 4], generator)
    try memory.write(keys, Tensor((0..<100).map { $0 % 2 }), identifiers: Tensor.arange(0, 100))
    let queries = try Tensor.normal([11, 4], generator)
    let order = try (queries.unsqueeze(1) - keys).square().sum([2]).argsort(1)
    for batch in [1, 3, 11, 1024] {
      let places = try memory.read(queries, neighbours: 7, batch: batch).places
      #expect(try places.equals(order.narrow(dim: 1, start: 0, count: 7)))
    }
  }

  @Test func deletingByIdentifierTakesOutThoseItemsOnly() throws {
    let memory = try Self.filled(10, capacity: 20)
    try memory.delete(Tensor([3, 7, 99]))
    #expect(try memory.identifiers.integers() == [0, 1, 2, 4, 5, 6, 8, 9])
    #expect(try memory.keys[3].floats() == [8, 9])
    try memory.delete(value: 0)
    #expect(try memory.identifiers.integers() == [1, 2, 4, 5, 8])
    try memory.delete(memory.identifiers)
    #expect(memory.count == 0)
  }

  @Test func writingAnIdentifierAgainReplacesTheItem() throws {
    let memory = try Self.filled(6, capacity: 20)
    try memory.write(Tensor([7, 7] as [Float], shape: [1, 2]), Tensor([2]), identifiers: Tensor([4]))
    #expect(memory.count == 6)
    let place = try #require(memory.identifiers.integers().firstIndex(of: 4))
    #expect(try memory.keys[place].floats() == [7, 7] && memory.values[place].itemInt() == 2)
  }

  /// The cap holds, classes share it, and what stays of a class is spread over all that was written.
  @Test func theCapHoldsAndTheMostFrequentClassGivesWay() throws {
    let memory = try KeyValueMemory(capacity: 60, width: 1)
    for batch in 0..<50 {
      let identifiers = try Tensor.arange(batch * 20, batch * 20 + 20)
      let rare = batch == 0
      try memory.write(
        Tensor.zeros([20, 1]), Tensor((0..<20).map { rare && $0 < 10 ? 1 : 0 }), identifiers: identifiers)
    }
    #expect(memory.count == 60)
    #expect(try memory.values.integers().count { $0 == 1 } == 10, "a rare class keeps all it has")
    let kept = try memory.identifiers.integers()
    let early = kept.count { $0 < 500 }
    #expect((15...45).contains(early), "\(early) of 60 are of the first half")
  }

  @Test func aMemoryGoesOnFromItsState() throws {
    let memory = try Self.filled(30, capacity: 12)
    let other = try KeyValueMemory(capacity: 12, width: 2)
    try other.load(memory.stateDictionary())
    for one in [memory, other] {
      try one.write(Tensor.ones([2, 2]), Tensor([0, 1]), identifiers: Tensor([100, 101]))
    }
    #expect(try memory.identifiers.equals(other.identifiers) && memory.keys.equals(other.keys))
  }
}
