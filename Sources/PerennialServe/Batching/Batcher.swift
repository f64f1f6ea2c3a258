/// Puts what several requests ask into one batch.
///
/// A batch forms while the one before is being answered: nobody waits for company when there is nothing to do, unless a
/// delay asks for it. What waits is bounded; who comes when it is full is turned away at once.
actor Batcher<Item: Sendable, Answer: Sendable> {
  /// What is allowed to wait, and for how long.
  struct Limits: Sendable, Equatable {
    /// Items of a batch.
    var batch = 64
    /// How long the first of a batch waits for others.
    var delay = Duration.zero
    /// Items that wait.
    var waiting = 1024
    /// How long anything may wait for its turn.
    var patience = Duration.seconds(10)
  }

  private struct Visit {
    let items: [Item]
    let arrival: ContinuousClock.Instant
    let answer: CheckedContinuation<[Answer], any Error>
  }

  private let limits: Limits
  private let work: @Sendable ([Item]) async throws -> [Answer]
  private var queue: [Visit] = []
  private var isRunning = false
  private var alarm: CheckedContinuation<Void, Never>?
  /// Seconds that an item takes, of the last batches.
  private var pace = 0.001

  /// Items that wait.
  private(set) var waiting = 0
  /// How many items the last batch had.
  private(set) var lastBatch = 0

  /// - Parameter work: answers a batch, one answer an item, in order.
  init(_ limits: Limits, work: @escaping @Sendable ([Item]) async throws -> [Answer]) {
    self.limits = limits
    self.work = work
  }

  /// The answers to these items, which share a batch with others' where there are any.
  ///
  /// - Throws: `ServeError.tooMany` where there are more than may ever wait, `ServeError.busy` where too many wait already,
  ///   `ServeError.overdue` where these waited for too long; what `work` throws for these items.
  func callAsFunction(_ items: [Item]) async throws -> [Answer] {
    guard !items.isEmpty else { return [] }
    guard items.count <= limits.waiting else {
      throw ServeError.tooMany("items", allowed: limits.waiting, at: "the request")
    }
    guard waiting + items.count <= limits.waiting else { throw ServeError.busy(retryAfter: expectedWait) }
    return try await withCheckedThrowingContinuation { answer in
      queue.append(Visit(items: items, arrival: .now, answer: answer))
      waiting += items.count
      if waiting >= limits.batch { ring() }
      guard !isRunning else { return }
      isRunning = true
      Task { await run() }
    }
  }

  /// Whole seconds after which it may be worth to come again.
  private var expectedWait: Int { min(max(Int((Double(waiting) * pace).rounded(.up)), 1), 60) }

  private func run() async {
    while let first = queue.first {
      let due = first.arrival + limits.delay
      if limits.delay > .zero, due > .now, waiting < limits.batch { await sleep(until: due) }
      await answer(takeBatch())
    }
    isRunning = false
  }

  private func sleep(until due: ContinuousClock.Instant) async {
    let clock = Task {
      // A cancelled clock must not ring for a later batch.
      if (try? await Task.sleep(until: due, clock: .continuous)) != nil { ring() }
    }
    await withCheckedContinuation { alarm = $0 }
    clock.cancel()
  }

  private func ring() {
    alarm?.resume()
    alarm = nil
  }

  /// As many visits as fill a batch, at least one; those that waited too long are sent away.
  private func takeBatch() -> [Visit] {
    var taken: [Visit] = []
    var count = 0
    var passed = 0
    for visit in queue {
      if visit.arrival + limits.patience < .now {
        visit.answer.resume(throwing: ServeError.overdue(retryAfter: expectedWait))
      } else if taken.isEmpty || count + visit.items.count <= limits.batch {
        taken.append(visit)
        count += visit.items.count
      } else {
        break
      }
      passed += 1
      waiting -= visit.items.count
    }
    queue.removeFirst(passed)
    return taken
  }

  private func answer(_ visits: [Visit]) async {
    let items = visits.flatMap(\.items)
    guard !items.isEmpty else { return }
    lastBatch = items.count
    let began = ContinuousClock.now
    do {
      var answers: [Answer] = []
      for start in stride(from: 0, to: items.count, by: limits.batch) {
        answers += try await work(Array(items[start..<min(start + limits.batch, items.count)]))
      }
      var place = 0
      for visit in visits {
        visit.answer.resume(returning: Array(answers[place..<place + visit.items.count]))
        place += visit.items.count
      }
    } catch {
      await answerAlone(visits, after: error)
    }
    let seconds = (ContinuousClock.now - began) / .seconds(1)
    pace = 0.8 * pace + 0.2 * seconds / Double(items.count)
  }

  /// One that the model cannot answer must not take its neighbours with it.
  private func answerAlone(_ visits: [Visit], after error: any Error) async {
    guard visits.count > 1 else {
      visits.first?.answer.resume(throwing: error)
      return
    }
    for visit in visits {
      do {
        visit.answer.resume(returning: try await work(visit.items))
      } catch {
        visit.answer.resume(throwing: error)
      }
    }
  }
}
