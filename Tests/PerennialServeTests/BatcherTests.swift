import Testing

@testable import PerennialServe

@Suite(.serialized) struct BatcherTests {
  /// Notes the batches that came, and takes its time.
  private actor Work {
    private(set) var batches: [[Int]] = []
    private let duration: Duration
    private var isHeld: Bool

    init(_ duration: Duration = .zero, isHeld: Bool = false) {
      (self.duration, self.isHeld) = (duration, isHeld)
    }

    func release() { isHeld = false }

    func callAsFunction(_ items: [Int]) async throws -> [Int] {
      batches.append(items)
      try await Task.sleep(for: duration)
      while isHeld { try await Task.sleep(for: .milliseconds(2)) }
      if items.contains(13) { throw ServeError.modelFailed("13") }
      return items.map { 2 * $0 }
    }
  }

  private func batcher(_ work: Work, _ change: (inout Batcher<Int, Int>.Limits) -> Void = { _ in })
    -> Batcher<Int, Int>
  {
    var limits = Batcher<Int, Int>.Limits()
    limits.patience = .seconds(600)
    change(&limits)
    return Batcher(limits) { try await work($0) }
  }

  @Test func everybodyGetsTheirOwnAnswers() async throws {
    let work = Work(.milliseconds(5))
    let batcher = batcher(work) { $0.batch = 7 }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<200 where number != 13 {
        group.addTask {
          let items = (0..<(number % 4)).map { 1000 + 10 * number + $0 }
          let answers = try await batcher(items)
          #expect(answers == items.map { 2 * $0 })
        }
      }
      try await group.waitForAll()
    }
    let batches = await work.batches
    #expect(batches.allSatisfy { $0.count <= 7 })
    #expect(batches.count < 150, "what waits goes together")
  }

  @Test func whatCouldNeverWaitIsNotToldToComeAgain() async throws {
    let batcher = batcher(Work()) { $0.waiting = 10 }
    await #expect(throws: ServeError.tooMany("items", allowed: 10, at: "the request")) {
      try await batcher((0..<11).map { 100 + $0 })
    }
    #expect(try await batcher((0..<10).map { 100 + $0 }).count == 10)
  }

  @Test func whoComesAloneGoesAlone() async throws {
    let work = Work()
    let batcher = batcher(work)
    for number in 100..<200 { _ = try await batcher([number]) }
    #expect(await work.batches == (100..<200).map { [$0] })
  }

  @Test func aDelayGathersABatch() async throws {
    let work = Work()
    let batcher = batcher(work) {
      $0.delay = .seconds(3)
      $0.batch = 100
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<10 { group.addTask { _ = try await batcher([100 + number]) } }
      try await group.waitForAll()
    }
    #expect(await work.batches.count == 1)
  }

  @Test func aFullBatchDoesNotWaitForItsDelay() async throws {
    let batcher = batcher(Work()) {
      $0.delay = .seconds(600)
      $0.batch = 4
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<4 { group.addTask { _ = try await batcher([100 + number]) } }
      try await group.waitForAll()
    }
  }

  @Test func oneThatCannotBeAnsweredStandsAlone() async throws {
    let batcher = batcher(Work(.milliseconds(20)))
    let first = Task { try await batcher([1]) }
    try await Task.sleep(for: .milliseconds(5))
    let others = [2, 13, 3].map { number in Task { try await batcher([number]) } }
    #expect(try await first.value == [2])
    #expect(try await others[0].value == [4])
    #expect(try await others[2].value == [6])
    await #expect(throws: ServeError.modelFailed("13")) { try await others[1].value }
  }

  /// A batch that is being answered, and nothing that waits.
  private func occupied(_ work: Work, _ batcher: Batcher<Int, Int>) async throws -> Task<[Int], any Error> {
    let first = Task { try await batcher([1]) }
    while await work.batches.isEmpty { try await Task.sleep(for: .milliseconds(2)) }
    return first
  }

  @Test func theQueueIsBounded() async throws {
    let work = Work(isHeld: true)
    let batcher = batcher(work) { $0.waiting = 3 }
    let first = try await occupied(work, batcher)
    let waiting = (0..<3).map { number in Task { try await batcher([100 + number]) } }
    while await batcher.waiting < 3 { try await Task.sleep(for: .milliseconds(2)) }
    do {
      _ = try await batcher([5])
      Issue.record("there was no room")
    } catch let error as ServeError {
      #expect(error.status == .tooManyRequests)
      #expect(error.retryAfter ?? 0 >= 1)
    }
    await work.release()
    #expect(try await first.value == [2])
    for (number, task) in waiting.enumerated() { #expect(try await task.value == [2 * (100 + number)]) }
    #expect(try await batcher([5]) == [10], "there is room again")
  }

  @Test func patienceEnds() async throws {
    let work = Work(isHeld: true)
    let batcher = batcher(work) { $0.patience = .seconds(3) }
    let first = try await occupied(work, batcher)
    let second = Task { try await batcher([2]) }
    while await batcher.waiting < 1 { try await Task.sleep(for: .milliseconds(2)) }
    try await Task.sleep(for: .seconds(3.1))
    await work.release()
    do {
      _ = try await second.value
      Issue.record("it waited too long")
    } catch let error as ServeError {
      #expect(error.status == .serviceUnavailable)
      #expect(error.code == "overdue")
    }
    #expect(try await first.value == [2])
  }
}
