import Testing

@testable import Torch

@Suite("Random streams, one a purpose")
struct RandomStreamsTests {
  @Test(
    "the seed of a purpose is the same on every machine",
    arguments: [
      (UInt64(0), "", UInt64(14_087_677_454_934_409_008)), (0, "data", 10_639_603_523_942_953_358),
      (1, "data", 17_873_141_607_879_763_908), (.max, "réservoir", 9_894_425_563_089_774_906),
    ])
  func derivation(_ seed: UInt64, _ purpose: String, _ expected: UInt64) {
    #expect(RandomStreams.derive(seed, purpose) == expected)
  }

  @Test("a stream starts at the seed of its purpose")
  func start() throws {
    let streams = RandomStreams(seed: 1)
    let expected = try Tensor.uniform([4], Generator(seed: 17_873_141_607_879_763_908))
    expectSame(try Tensor.uniform([4], streams.stream("data")), expected)
    #expect(streams.numbers("data").state == 17_873_141_607_879_763_908)
  }

  @Test("drawing for one purpose does not move another, whatever the order of first use")
  func independence() throws {
    let (a, b) = (RandomStreams(seed: 5), RandomStreams(seed: 5))
    _ = try Tensor.uniform([100], b.stream("augmentation"))
    _ = b.numbers("data").next()
    expectSame(try Tensor.uniform([10], b.stream("data")), try Tensor.uniform([10], a.stream("data")))
    _ = try Tensor.uniform([3], a.stream("model"))
    expectSame(try Tensor.uniform([10], b.stream("data")), try Tensor.uniform([10], a.stream("data")))
    let c = RandomStreams(seed: 6)
    #expect(try !Tensor.uniform([10], c.stream("data")).equals(Tensor.uniform([10], a.stream("data"))))
    #expect(try !Tensor.uniform([10], c.stream("data")).equals(Tensor.uniform([10], c.stream("model"))))
  }

  @Test("restoring moves the streams that others hold")
  func restore() throws {
    let streams = RandomStreams(seed: 7)
    let held = try streams.stream("data")
    let numbers = streams.numbers("memory")
    _ = try Tensor.uniform([10], held)
    _ = numbers.next()
    let state = try streams.state()
    let next = try Tensor.uniform([10], held)
    let nextNumber = numbers.next()
    _ = try Tensor.uniform([10], streams.stream("later"))
    _ = streams.numbers("later").next()
    try streams.restore(state)
    expectSame(try Tensor.uniform([10], held), next)
    #expect(numbers.next() == nextNumber)
    let fresh = RandomStreams(seed: 7)
    expectSame(
      try Tensor.uniform([10], streams.stream("later")), try Tensor.uniform([10], fresh.stream("later")))
    #expect(streams.numbers("later").next() == fresh.numbers("later").next())
    let resumed = RandomStreams(seed: 7)
    try resumed.restore(state)
    expectSame(try Tensor.uniform([10], resumed.stream("data")), next)
    #expect(resumed.numbers("memory").next() == nextNumber)
  }

  @Test("integer streams are SplitMix64")
  func splitMix() {
    let numbers = NumberStream(seed: 0)
    #expect(numbers.next() == 0xe220_a839_7b1d_cdaf)
    #expect(numbers.next() == 0x6e78_9e6a_a1b9_65f4)
    #expect(numbers.next() == 0x06c4_5d18_8009_454f)
  }

  @Test("a damaged state is an error")
  func damaged() throws {
    let streams = RandomStreams(seed: 1)
    #expect(throws: TorchError.self) { try streams.restore(["data": Tensor.zeros([3], dtype: .uint8)]) }
    #expect(throws: TorchError.self) { try streams.restore(["numbers:data": Tensor([1, 2])]) }
  }
}
