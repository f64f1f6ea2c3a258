/// A loaded version with the batches that form before it.
struct Slot: Sendable {
  let version: LoadedVersion
  let predict: Batcher<ServedInput, [Float]>
  let embed: Batcher<ServedInput, ServedVector>
  let generations: Turnstile

  var number: Int { version.number }
  var card: ModelCard { version.card }

  init(_ version: LoadedVersion, _ options: ServeOptions, _ metrics: ServerMetrics) {
    self.version = version
    let limits = options.batching
    generations = Turnstile(options.limits.generations)
    predict = Batcher(.init(limits)) { inputs in
      try await Self.counting(metrics, inputs.count) {
        let rows = try await version.predict(inputs, metrics.model)
        guard rows.allSatisfy({ $0.allSatisfy(\.isFinite) }) else {
          throw ServeError.modelFailed("the model gave a probability that is no number")
        }
        return rows
      }
    }
    embed = Batcher(.init(limits)) { inputs in
      try await Self.counting(metrics, inputs.count) { try await version.embed(inputs, metrics.model) }
    }
  }

  /// Turns what a model throws into an answer that tells no internals, and counts it with the inputs of its batch.
  private static func counting<Value>(
    _ metrics: ServerMetrics, _ inputs: Int, _ body: () async throws -> Value
  ) async throws -> Value {
    metrics.batches.record(Int64(inputs))
    do {
      return try await body()
    } catch let error as ServeError where error.code != "model_failed" {
      throw error
    } catch {
      metrics.failures.increment()
      throw error as? ServeError ?? ServeError.modelFailed("the model could not answer")
    }
  }
}

extension Batcher.Limits {
  init(_ options: ServeOptions.Batching) {
    self.init(
      batch: max(options.size, 1), delay: .milliseconds(max(options.delay, 0)),
      waiting: max(options.waiting, 1),
      patience: .seconds(options.patience))
  }
}

/// Lets a number through at a time, and turns the others away.
actor Turnstile {
  private let limit: Int
  private var inside = 0

  init(_ limit: Int) { self.limit = limit }

  /// - Throws: `ServeError.busy` where as many are inside as may be.
  func enter() throws {
    guard inside < limit else { throw ServeError.busy(retryAfter: 1) }
    inside += 1
  }

  func leave() { inside -= 1 }
}
