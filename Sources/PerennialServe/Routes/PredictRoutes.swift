import Foundation
import Hummingbird

/// Predictions and vectors.
struct PredictRoutes {
  let deployment: Deployment

  private struct PredictRequest: Decodable {
    var inputs: [InputValue]
    /// How many of the likeliest labels to give.
    var top: Int?
  }

  private struct PredictAnswer: Encodable {
    struct Score: Encodable {
      let label: String
      let probability: Float
    }

    struct Prediction: Encodable {
      let id: String
      let label: String
      let scores: [Score]
    }

    let model: String
    let version: Int
    let predictions: [Prediction]
  }

  private struct EmbeddingRequest: Decodable {
    enum Input: Decodable {
      case one(InputValue)
      case many([InputValue])

      init(from decoder: any Decoder) throws {
        if let text = try? decoder.singleValueContainer().decode(String.self) {
          self = .one(InputValue(.text(text)))
        } else {
          self = .many(try decoder.singleValueContainer().decode([InputValue].self))
        }
      }

      var values: [InputValue] {
        switch self {
        case .one(let value): [value]
        case .many(let values): values
        }
      }
    }

    enum Format: String, Decodable { case float, base64 }

    var input: Input
    var format: Format?

    enum CodingKeys: String, CodingKey {
      case input
      case format = "encoding_format"
    }
  }

  private struct EmbeddingAnswer: Encodable {
    enum Vector: Encodable {
      case numbers([Float])
      case base64(String)

      func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .numbers(let numbers): try container.encode(numbers)
        case .base64(let text): try container.encode(text)
        }
      }
    }

    struct Item: Encodable {
      var object = "embedding"
      let index: Int
      let embedding: Vector
    }

    var object = "list"
    let data: [Item]
    let model: String
    let usage: Usage
  }

  func add(to group: RouterGroup<BasicRequestContext>) {
    group.post("predict") { request, _ in try await predict(request.read(deployment.options.limits)) }
    group.post("embeddings") { request, _ in try await embed(request.read(deployment.options.limits)) }
  }

  private func predict(_ request: PredictRequest) async throws -> Response {
    let limits = deployment.options.limits
    try request.inputs.check(limits, at: "inputs")
    for (place, value) in request.inputs.enumerated() {
      try value.input.check(limits, at: "inputs[\(place)]")
    }
    let top = request.top ?? 5
    guard (1...1000).contains(top) else { throw ServeError.invalid("must be 1 to 1000", at: "top") }
    let (slot, served) = try await deployment.predict(request.inputs.map(\.input))
    let predictions = served.map { served in
      let order = served.probabilities.indices.sorted { served.probabilities[$0] > served.probabilities[$1] }
      return PredictAnswer.Prediction(
        id: served.id, label: served.label,
        scores: order.prefix(top).map {
          .init(label: slot.card.labels[$0], probability: served.probabilities[$0])
        })
    }
    return try Reply.json(
      PredictAnswer(model: deployment.source.name, version: slot.number, predictions: predictions))
  }

  private func embed(_ request: EmbeddingRequest) async throws -> Response {
    let limits = deployment.options.limits
    let values = request.input.values
    try values.check(limits, at: "input")
    for (place, value) in values.enumerated() { try value.input.check(limits, at: "input[\(place)]") }
    let (_, vectors) = try await deployment.embed(values.map(\.input))
    let tokens = vectors.reduce(0) { $0 + $1.tokens }
    let items = vectors.enumerated().map { place, vector in
      EmbeddingAnswer.Item(
        index: place,
        embedding: request.format == .base64
          ? .base64(vector.values.withUnsafeBytes { Data($0) }.base64EncodedString())
          : .numbers(vector.values))
    }
    return try Reply.json(
      EmbeddingAnswer(data: items, model: deployment.source.name, usage: Usage(prompt: tokens, completion: 0))
    )
  }
}

/// Tokens that were read and written, as OpenAI's interface counts them.
struct Usage: Encodable, Equatable {
  let prompt: Int
  let completion: Int
  let total: Int

  init(prompt: Int, completion: Int) {
    (self.prompt, self.completion, total) = (prompt, completion, prompt + completion)
  }

  enum CodingKeys: String, CodingKey {
    case prompt = "prompt_tokens"
    case completion = "completion_tokens"
    case total = "total_tokens"
  }
}
