import PerennialText
import PerennialTokenizers

extension Deployment {
  /// What comes of a generation, piece by piece.
  enum GenerationPart: Sendable {
    case text(String)
    case end(GenerationSummary)
  }

  /// Starts a generation; the stream ends with its summary, and who leaves the stream ends the generation.
  ///
  /// - Throws: `ServeError` for a model that cannot, and where too many generations run or wait.
  func generate(_ request: GenerationRequest) async throws -> AsyncThrowingStream<GenerationPart, any Error> {
    let slot = current
    guard slot.card.abilities.contains(.generate) else { throw ServeError.cannot(.generate, slot.card) }
    try await slot.generations.enter()
    let isLeft = StopFlag()
    return AsyncThrowingStream { continuation in
      continuation.onTermination = { _ in isLeft.set() }
      Task {
        do {
          let summary = try await slot.version.generate(request) { text in
            continuation.yield(.text(text))
            return isLeft.isSet ? .stop : .goOn
          }
          continuation.yield(.end(summary))
          continuation.finish()
        } catch {
          continuation.finish(throwing: Self.problem(error))
        }
        await slot.generations.leave()
      }
    }
  }

  /// The generation as one text.
  ///
  /// - Throws: as `generate`.
  func generateAll(_ request: GenerationRequest) async throws -> (text: String, summary: GenerationSummary) {
    var text = ""
    for try await part in try await generate(request) {
      switch part {
      case .text(let piece): text += piece
      case .end(let summary): return (text, summary)
      }
    }
    throw ServeError.modelFailed("the generation has no end")
  }
}

extension Deployment {
  /// What is wrong with the request is told; what is wrong with the model is not.
  private static func problem(_ error: any Error) -> ServeError {
    switch error {
    case let error as ServeError: error
    case let error as GenerationError: .invalid("must be \(error.allowed)", at: error.option)
    case let error as TokenizerError: .invalid("\(error)", at: "messages")
    default: .modelFailed("the model could not answer")
    }
  }
}
