import Foundation
import Hummingbird
import PerennialText
import PerennialTokenizers

/// Texts that go on, and conversations, in the shape of OpenAI's interface.
struct GenerationRoutes {
  let deployment: Deployment

  func add(to group: RouterGroup<BasicRequestContext>) {
    group.post("completions") { request, _ in try await complete(request.read(deployment.options.limits)) }
    group.post("chat/completions") { request, _ in try await chat(request.read(deployment.options.limits)) }
  }

  private func complete(_ request: CompletionRequest) async throws -> Response {
    let limits = deployment.options.limits
    let prompts = request.prompt.values
    guard !prompts.isEmpty, prompts.count <= limits.prompts else {
      throw ServeError.invalid("must be 1 to \(limits.prompts) texts", at: "prompt")
    }
    for prompt in prompts { try ServedInput.text(prompt).check(limits, at: "prompt") }
    let options = try request.sampling.options(limits)
    let stops = try request.sampling.stops(limits)
    let asked = prompts.map { GenerationRequest(.text($0), options: options, stops: stops) }
    return try await respond(asked, .completion, request.sampling)
  }

  private func chat(_ request: ChatRequest) async throws -> Response {
    let limits = deployment.options.limits
    guard !request.messages.isEmpty, request.messages.count <= limits.items else {
      throw ServeError.invalid("must be 1 to \(limits.items) messages", at: "messages")
    }
    let messages = try request.messages.enumerated().map { place, message in
      guard let role = ChatMessage.Role(rawValue: message.role) else {
        throw ServeError.invalid("must be system, user or assistant", at: "messages[\(place)].role")
      }
      try ServedInput.text(message.content).check(limits, at: "messages[\(place)].content")
      return ChatMessage(role, message.content)
    }
    let asked = GenerationRequest(
      .chat(messages), options: try request.sampling.options(limits),
      stops: try request.sampling.stops(limits))
    return try await respond([asked], .chat, request.sampling)
  }

  private func respond(
    _ requests: [GenerationRequest], _ kind: CompletionAnswer.Kind, _ sampling: SamplingRequest
  ) async throws -> Response {
    var answer = CompletionAnswer(kind, model: deployment.source.name)
    if sampling.stream ?? false {
      return try await stream(requests, answer, isCounted: sampling.countsStream)
    }
    var usage = Usage(prompt: 0, completion: 0)
    for (index, request) in requests.enumerated() {
      let (text, summary) = try await deployment.generateAll(request)
      answer.choices.append(answer.choice(index, text, ending: summary.isCut ? "length" : "stop"))
      usage.add(summary)
    }
    answer.usage = usage
    return try Reply.json(answer)
  }

  /// One event a piece, then the count of tokens where it was asked for, then `[DONE]`. What goes wrong before the first
  /// piece is an ordinary error.
  private func stream(_ requests: [GenerationRequest], _ answer: CompletionAnswer, isCounted: Bool)
    async throws
    -> Response
  {
    guard let first = requests.first else { throw ServeError.invalid("is empty", at: "prompt") }
    let head = answer.asChunk
    var generation = try await deployment.generate(first).makeAsyncIterator()
    let opening = try await generation.next()
    let start = Opened(iterator: generation)
    return Reply.events { send in
      var usage = Usage(prompt: 0, completion: 0)
      func tell(_ index: Int, _ part: Deployment.GenerationPart, isFirst: Bool) async throws {
        switch part {
        case .text(let text): try await send(nil, head.piece(index, text, isFirst: isFirst))
        case .end(let summary):
          usage.add(summary)
          try await send(
            nil, head.piece(index, nil, ending: summary.isCut ? "length" : "stop", isFirst: isFirst))
        }
      }
      do {
        if let opening { try await tell(0, opening, isFirst: true) }
        while let part = try await start.next() { try await tell(0, part, isFirst: false) }
        for (index, request) in requests.enumerated().dropFirst() {
          var isFirst = true
          for try await part in try await deployment.generate(request) {
            try await tell(index, part, isFirst: isFirst)
            isFirst = false
          }
        }
        if isCounted { try await send(nil, head.count(usage)) }
      } catch let error as ServeError {
        try await send(nil, String(decoding: Reply.encoded(error.body), as: UTF8.self))
      }
      try await send(nil, "[DONE]")
    }
  }
}

extension Usage {
  fileprivate mutating func add(_ summary: GenerationSummary) {
    self = Usage(prompt: prompt + summary.promptTokens, completion: completion + summary.newTokens)
  }
}

/// The rest of a stream whose first part was read already; one reader at a time.
private final class Opened: @unchecked Sendable {
  private var iterator: AsyncThrowingStream<Deployment.GenerationPart, any Error>.Iterator

  init(iterator: AsyncThrowingStream<Deployment.GenerationPart, any Error>.Iterator) {
    self.iterator = iterator
  }

  func next() async throws -> Deployment.GenerationPart? { try await iterator.next() }
}
