import Foundation
import PerennialText

/// What both kinds of completion can be asked for.
struct SamplingRequest: Decodable, Sendable {
  private struct StreamOptions: Decodable {
    var includesUsage: Bool?

    enum CodingKeys: String, CodingKey { case includesUsage = "include_usage" }
  }

  var stream: Bool?
  private var streamOptions: StreamOptions?
  private var maximumTokens: Int?
  /// What conversations call the same by now.
  private var maximumCompletionTokens: Int?
  private var temperature: Double?
  private var topP: Double?
  private var seed: Int?
  private var count: Int?
  private var stop: OneOrMany?

  enum CodingKeys: String, CodingKey {
    case stream, temperature, seed, stop
    case streamOptions = "stream_options"
    case maximumTokens = "max_tokens"
    case maximumCompletionTokens = "max_completion_tokens"
    case topP = "top_p"
    case count = "n"
  }

  /// Whether the tokens are counted at the end of a stream.
  var countsStream: Bool { streamOptions?.includesUsage ?? false }

  /// - Throws: `ServeError.invalid` for a value that is not allowed.
  func options(_ limits: ServeOptions.Limits) throws -> GenerationOptions {
    func require(_ isAllowed: Bool, _ place: String, _ allowed: String) throws {
      if !isAllowed { throw ServeError.invalid("must be \(allowed)", at: place) }
    }
    for (key, count) in [
      (CodingKeys.maximumTokens, maximumTokens), (.maximumCompletionTokens, maximumCompletionTokens),
    ] {
      try require((1...limits.newTokens).contains(count ?? 1), key.rawValue, "1 to \(limits.newTokens)")
    }
    try require((0...100).contains(temperature ?? 1), "temperature", "0 to 100")
    try require(topP.map { $0 > 0 && $0 <= 1 } ?? true, "top_p", "above 0 and at most 1")
    try require((count ?? 1) == 1, "n", "1: one answer is given for each text")
    var options = GenerationOptions()
    options.maximumNewTokens = maximumCompletionTokens ?? maximumTokens ?? min(256, limits.newTokens)
    options.seed = UInt64(bitPattern: Int64(seed ?? Int.random(in: 0...Int.max)))
    let temperature = temperature ?? 1
    if temperature > 0 { options.sampling = .init(temperature: temperature, topP: topP) }
    return options
  }

  /// - Throws: `ServeError.invalid` for too many stop texts, and for those that are too long.
  func stops(_ limits: ServeOptions.Limits) throws -> [String] {
    let stops = stop?.values ?? []
    guard stops.count <= 4, stops.allSatisfy({ !$0.isEmpty && $0.utf8.count <= limits.labelBytes }) else {
      throw ServeError.invalid("must be at most 4 texts of 1 to \(limits.labelBytes) bytes", at: "stop")
    }
    return stops
  }
}

/// A text, or a list of texts.
struct OneOrMany: Decodable, Sendable {
  let values: [String]

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    values = try (try? container.decode(String.self)).map { [$0] } ?? container.decode([String].self)
  }
}

/// `/v1/completions`
struct CompletionRequest: Decodable, Sendable {
  let prompt: OneOrMany
  let sampling: SamplingRequest

  enum CodingKeys: String, CodingKey { case prompt }

  init(from decoder: any Decoder) throws {
    prompt = try decoder.container(keyedBy: CodingKeys.self).decode(OneOrMany.self, forKey: .prompt)
    sampling = try SamplingRequest(from: decoder)
  }
}

/// `/v1/chat/completions`
struct ChatRequest: Decodable, Sendable {
  struct Message: Decodable, Sendable {
    let role: String
    let content: String
  }

  let messages: [Message]
  let sampling: SamplingRequest

  enum CodingKeys: String, CodingKey { case messages }

  init(from decoder: any Decoder) throws {
    messages = try decoder.container(keyedBy: CodingKeys.self).decode([Message].self, forKey: .messages)
    sampling = try SamplingRequest(from: decoder)
  }
}
