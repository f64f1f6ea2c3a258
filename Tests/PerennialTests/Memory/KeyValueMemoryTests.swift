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
    #expect(try memory.identifiers.integers().sorted() == [0, 1, 2, 4, 5, 6, 8, 9])
    for (place, identifier) in try memory.identifiers.integers().enumerated() {
      #expect(try memory.keys[place].floats() == [Float(2 * identifier), Float(2 * identifier + 1)])
      #expect(try memory.values[place].itemInt() == identifier % 3)
    }
    try memory.delete(value: 0)
    #expect(try memory.identifiers.integers().sorted() == [1, 2, 4, 5, 8])
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

  /// What is deleted leaves no trace in what is saved.
  @Test func whatIsDeletedIsNotInTheState() throws {
    for graph in [nil, NeighbourGraph.Options()] {
      let memory = try KeyValueMemory(capacity: 10, width: 2, precision: .float16, graph: graph)
      try memory.write(
        Tensor([1, 2, 1234, 1234, 3, 4] as [Float], shape: [3, 2]), Tensor([0, 1, 2]),
        identifiers: Tensor([5, 6, 7]))
      // 1234 in half precision.
      let secret: [UInt8] = [0xd2, 0x64, 0xd2, 0x64]
      func knows() throws -> Bool {
        try memory.state().tensors.values.contains { Array(try $0.data()).firstRange(of: secret) != nil }
      }
      #expect(try knows())
      try memory.delete(Tensor([6]))
      #expect(try !knows() && memory.count == 2)
    }
  }

  @Test(arguments: Eviction.allCases) func theCapHoldsHoweverItIsWritten(eviction: Eviction) throws {
    func kept(batch: Int) throws -> [Int] {
      let memory = try KeyValueMemory(capacity: 25, width: 1, precision: .float16, eviction: eviction)
      for start in stride(from: 0, to: 100, by: batch) {
        try memory.write(
          Tensor.zeros([batch, 1]), Tensor((start..<(start + batch)).map { $0 % 3 == 0 ? 1 : 0 }),
          identifiers: Tensor.arange(start, start + batch))
        #expect(memory.count <= 25)
      }
      return try memory.identifiers.integers().sorted()
    }
    let one = try kept(batch: 1)
    #expect(one.count == 25)
    #expect(try kept(batch: 20) == one)
    switch eviction {
    case .ring: #expect(one == Array(75..<100))
    case .reservoir: #expect(one.filter { $0 < 50 }.count > 4 && one.filter { $0 >= 50 }.count > 4)
    case .classBalanced: #expect(one.filter { $0 % 3 == 0 }.count >= 12)
    }
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

  @Test func whatCannotBeKeptIsNamedAndChangesNothing() throws {
    let memory = try KeyValueMemory(capacity: 5, width: 2, precision: .float16)
    try memory.write(Tensor.ones([1, 2]), Tensor([0]), identifiers: Tensor([3]))
    func refusal(_ keys: [Float], _ shape: [Int], values: [Int], _ identifiers: [Int]) -> MemoryError? {
      do {
        try memory.write(Tensor(keys, shape: shape), Tensor(values), identifiers: Tensor(identifiers))
      } catch {
        return error as? MemoryError
      }
      return nil
    }
    #expect(refusal([1, 2, 3], [1, 3], values: [0], [1]) == .keys(shape: [1, 3], width: 2))
    #expect(
      refusal([1, 2], [1, 2], values: [0, 1], [1]) == .lengths(keys: 1, values: 2, identifiers: 1))
    #expect(
      refusal([1, 2, 1, 1e6], [2, 2], values: [0, 1], [1, 3])
        == .notFinite(identifier: 3, precision: "float16"))
    #expect(refusal([1, .nan], [1, 2], values: [0], [1]) == .notFinite(identifier: 1, precision: "float16"))
    #expect(refusal([1, 2, 1, 1], [2, 2], values: [0, 1], [4, 4]) == .repeated(identifier: 4))
    #expect(throws: MemoryError.keys(shape: [1, 4], width: 2)) {
      try memory.read(Tensor.ones([1, 4]), neighbours: 1)
    }
    #expect(throws: TorchError.self) { try KeyValueMemory(capacity: 5, width: 2, precision: .int8) }
    #expect(throws: TorchError.self) {
      try KeyValueMemory(capacity: 5, width: 2, graph: NeighbourGraph.Options())
    }
    #expect(try memory.identifiers.integers() == [3] && memory.keys.floats() == [1, 1])
  }

  @Test func aDamagedStateIsNamed() throws {
    let options = NeighbourGraph.Options()
    func memory() throws -> KeyValueMemory {
      try KeyValueMemory(capacity: 40, width: 2, precision: .float16, graph: options)
    }
    let whole = try memory()
    try whole.write(
      Tensor.normal([30, 2], Generator(seed: 2)), Tensor((0..<30).map { $0 % 3 }),
      identifiers: Tensor.arange(0, 30))
    let state = try whole.state()
    func refusal(_ change: (inout State) throws -> Void) throws -> String {
      var damaged = state
      try change(&damaged)
      let other = try memory()
      do {
        try other.restore(damaged)
      } catch {
        return "\(error)"
      }
      return "restored"
    }
    #expect(try refusal { _ in } == "restored")
    #expect(try refusal { $0.tensors["times"] = try Tensor.arange(0, 29) }.contains("differ in length"))
    #expect(
      try refusal { $0.tensors["identifiers"] = try Tensor.zeros([30], dtype: .int64) }.contains("twice"))
    #expect(try refusal { $0.tensors["keys"] = nil }.contains("missing: keys"))
    let graph = try state.requireTensor("graph")
    #expect(try refusal { $0.tensors["graph"] = try graph[0..<200] }.contains("cut off"))
    #expect(
      try refusal { $0.tensors["graph"] = try Tensor.zeros([500], dtype: .uint8) }.contains("no saved graph"))
    // Any byte may be wrong: what is not noticed must still answer.
    for place in stride(from: 0, to: graph.count, by: 7) {
      var bytes: [UInt8] = try graph.array()
      bytes[place] ^= 0xff
      let other = try memory()
      var damaged = state
      damaged.tensors["graph"] = try Tensor(bytes)
      guard (try? other.restore(damaged)) != nil else { continue }
      #expect(try other.read(Tensor.zeros([2, 2]), neighbours: 3).places.shape == [2, 3])
    }
  }
}
