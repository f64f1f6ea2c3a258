import Testing
import Torch

@testable import Perennial

@Suite struct ExamplesTests {
  static func examples(_ count: Int, first: Int = 0, task: Int? = nil) throws -> Examples {
    let range = try Tensor.arange(first, first + count)
    let examples = try Examples(
      inputs: range.to(.uint8).view([count, 1]), targets: range, identifiers: range)
    return try task.map { try examples.with(task: $0) } ?? examples
  }

  @Test func columnsOfOneLengthAreNeeded() throws {
    let (three, two) = (try Tensor([1, 2, 3]), try Tensor([1, 2]))
    #expect(throws: StreamError.columns(inputs: 3, others: [2])) { try Examples(inputs: three, targets: two) }
    #expect(throws: StreamError.columns(inputs: 3, others: [3, 2])) {
      try Examples(inputs: three, targets: three, tasks: two)
    }
    #expect(throws: StreamError.columns(inputs: 3, others: [3, 2])) {
      try Examples(inputs: three, targets: three, identifiers: two)
    }
    #expect(throws: StreamError.self) { try Examples(inputs: Tensor.scalar(1), targets: three) }
  }

  @Test func identifiersCountFromZeroUnlessGiven() throws {
    let three = try Tensor([7, 8, 9])
    #expect(try Examples(inputs: three, targets: three).identifiers.integers() == [0, 1, 2])
    #expect(
      try Examples(inputs: three, targets: three, identifiers: three).identifiers.integers() == [7, 8, 9])
  }

  @Test func choosingKeepsRowsTogether() throws {
    let chosen = try Self.examples(6, task: 4).select([5, 0, 5])
    #expect(try chosen.inputs.integers() == [5, 0, 5])
    #expect(try chosen.targets.integers() == [5, 0, 5])
    #expect(try chosen.identifiers.integers() == [5, 0, 5])
    #expect(try chosen.tasks?.integers() == [4, 4, 4])
    #expect(throws: TorchError.self) { try Self.examples(6).select([6]) }
    #expect(try Self.examples(6).select([]).count == 0)
  }

  @Test func setsFollowEachOther() throws {
    let both = try Examples.concatenate([Self.examples(2, task: 0), Self.examples(1, first: 9, task: 1)])
    #expect(try both.identifiers.integers() == [0, 1, 9])
    #expect(try both.tasks?.integers() == [0, 0, 1])
    #expect(try Examples.concatenate([Self.examples(2, task: 0), Self.examples(1)]).tasks == nil)
    #expect(throws: TorchError.self) { try Examples.concatenate([]) }
  }

  @Test func aBatchGrowsByAllItsColumns() throws {
    let source = try Self.examples(2, task: 0)
    let batch = Batch(
      inputs: try Tensor.zeros([2, 3]), targets: try Tensor([0, 1]), tasks: source.tasks, task: 0, fresh: 2,
      source: source, places: try Tensor([0, 1]))
    let joined = try batch.appending(
      inputs: Tensor.ones([1, 3]), targets: Tensor([7]), tasks: Tensor([5]), weights: Tensor([0.5] as [Float])
    )
    #expect(joined.count == 3 && joined.fresh == 2)
    #expect(try joined.targets.integers() == [0, 1, 7])
    #expect(try joined.tasks?.integers() == [0, 0, 5])
    #expect(joined.task == nil, "they no longer share a task")
    #expect(try joined.weights?.floats() == [1, 1, 0.5])
    let again = try joined.appending(inputs: Tensor.ones([1, 3]), targets: Tensor([8]), tasks: Tensor([5]))
    #expect(try again.weights?.floats() == [1, 1, 0.5, 1])
  }
}
