import Testing
import Torch

@testable import Perennial

@Suite struct BatchSamplerTests {
  static func draw(_ sampler: inout BatchSampler, _ batches: Int, _ generator: Generator) throws -> [[Int]] {
    try (0..<batches).map { _ in try sampler.next(generator).integers() }
  }

  @Test func anEpochIsEveryPlaceOnceAndItsLastBatchIsSmall() throws {
    var sampler = BatchSampler(count: 10, batch: 4, stopsAtEpoch: true)
    let batches = try Self.draw(&sampler, 6, Generator(seed: 1))
    #expect(batches.map(\.count) == [4, 4, 2, 4, 4, 2])
    for epoch in [batches[0..<3], batches[3..<6]] {
      #expect(epoch.flatMap { $0 }.sorted() == Array(0..<10))
    }
    #expect(batches[0..<3].flatMap { $0 } != batches[3..<6].flatMap { $0 }, "every epoch has its own order")
  }

  @Test func stepsRunAcrossTheBorderOfEpochs() throws {
    var sampler = BatchSampler(count: 10, batch: 4, stopsAtEpoch: false)
    let batches = try Self.draw(&sampler, 10, Generator(seed: 1))
    #expect(batches.allSatisfy { $0.count == 4 })
    let all = batches.flatMap { $0 }
    for epoch in 0..<4 { #expect(all[(epoch * 10)..<(epoch * 10 + 10)].sorted() == Array(0..<10)) }
  }

  @Test func aBatchLargerThanTheSetRepeatsItOrIsTheSet() throws {
    var steps = BatchSampler(count: 3, batch: 8, stopsAtEpoch: false)
    #expect(try steps.next(Generator(seed: 1)).count == 8)
    var epochs = BatchSampler(count: 3, batch: 8, stopsAtEpoch: true)
    #expect(try epochs.next(Generator(seed: 1)).integers().sorted() == [0, 1, 2])
  }

  @Test(arguments: [true, false])
  func aSavedSamplerGoesOn(stopsAtEpoch: Bool) throws {
    for cut in 0..<7 {
      let generator = try Generator(seed: 4)
      var sampler = BatchSampler(count: 10, batch: 4, stopsAtEpoch: stopsAtEpoch)
      _ = try Self.draw(&sampler, cut, generator)
      var other = BatchSampler(count: 10, batch: 4, stopsAtEpoch: stopsAtEpoch)
      try other.restore(sampler.state().saved())
      let state = try generator.state()
      let expected = try Self.draw(&sampler, 7, generator)
      try generator.restore(state)
      #expect(try Self.draw(&other, 7, generator) == expected, "after \(cut) batches")
    }
  }

  @Test func nothingToDrawIsAnEmptyBatch() throws {
    for (count, batch) in [(0, 4), (4, 0)] {
      var sampler = BatchSampler(count: count, batch: batch, stopsAtEpoch: false)
      #expect(try sampler.next(Generator(seed: 1)).shape == [0])
    }
  }
}
