import Metrics

/// One version in memory, which lives and answers on a thread of its own.
actor LoadedVersion {
  nonisolated let number: Int
  nonisolated let card: ModelCard
  private let model: any ServedModel
  private let thread: ModelThread
  nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  private init(_ number: Int, _ model: any ServedModel, _ thread: ModelThread) {
    (self.number, self.model, self.thread) = (number, model, thread)
    card = model.card
  }

  /// Makes the model on a thread that will be its own, so that nobody else waits meanwhile.
  static func load(_ number: Int, _ open: @escaping VersionOpener) async throws -> LoadedVersion {
    let thread = ModelThread(name: "version \(number)")
    return try await ModelNursery(thread).make { LoadedVersion(number, try open(), thread) }
  }

  /// Probabilities over the labels for inputs that the card allows.
  func predict(_ inputs: [ServedInput], _ timer: Timer) throws -> [[Float]] {
    try counted(inputs, timer, model.predict)
  }

  /// A vector for each input that the card allows.
  func embed(_ inputs: [ServedInput], _ timer: Timer) throws -> [ServedVector] {
    try counted(inputs, timer, model.embed)
  }

  func generate(_ request: GenerationRequest, listener: @Sendable (String) -> GenerationListening) throws
    -> GenerationSummary
  {
    try model.generate(request, listener: listener)
  }

  /// - Parameter timer: takes what the model itself needs.
  private func counted<Answer>(
    _ inputs: [ServedInput], _ timer: Timer, _ body: ([ServedInput]) throws -> [Answer]
  ) throws -> [Answer] {
    let began = ContinuousClock.now
    let answers = try body(inputs)
    timer.recordNanoseconds(Int64((ContinuousClock.now - began) / .nanoseconds(1)))
    guard answers.count == inputs.count else {
      throw ServeError.modelFailed("\(answers.count) answers to \(inputs.count) inputs")
    }
    return answers
  }
}

/// Makes a version on its thread.
private actor ModelNursery {
  private let thread: ModelThread
  nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  init(_ thread: ModelThread) { self.thread = thread }

  func make(_ body: @Sendable () throws -> LoadedVersion) throws -> LoadedVersion { try body() }
}
