import Foundation
import Hummingbird

/// Labels for predictions, and examples to learn from.
struct FeedbackRoutes {
  let deployment: Deployment

  private struct FeedbackRequest: Decodable {
    struct Item: Decodable {
      var id: String
      var label: String
    }

    let items: [Item]

    enum CodingKeys: String, CodingKey { case feedback }

    /// A list below `feedback`, or one label alone.
    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      items =
        container.contains(.feedback)
        ? try container.decode([Item].self, forKey: .feedback) : [try Item(from: decoder)]
    }
  }

  private struct FeedbackAnswer: Encodable {
    struct Item: Encodable {
      let id: String
      let result: Deployment.FeedbackResult
      let version: Int?
      let correct: Bool?
    }

    let feedback: [Item]
  }

  private struct LearnRequest: Decodable {
    struct Example: Decodable {
      var input: InputValue
      var label: String
      var id: String?
    }

    var examples: [Example]?
    /// Whether to learn now, rather than when there is enough.
    var now: Bool?
    /// Whether to take in again what was refused or set aside; then it learns now.
    var retry: Bool?
  }

  private struct LearnAnswer: Encodable {
    let recorded: [String]
    let queued: Bool
  }

  func add(to group: RouterGroup<BasicRequestContext>) {
    group.post("feedback") { request, _ in try await feedback(request.read(deployment.options.limits)) }
    group.post("learn") { request, _ in try await learn(request.read(deployment.options.limits)) }
  }

  private func feedback(_ request: FeedbackRequest) async throws -> Response {
    try request.items.check(deployment.options.limits, at: "feedback")
    for (place, item) in request.items.enumerated() {
      try check(item.label, "label", at: "feedback[\(place)].label")
      try check(item.id, "id", at: "feedback[\(place)].id")
    }
    let judged = try await deployment.feedback(request.items.map { .init(id: $0.id, label: $0.label) })
    let answer = FeedbackAnswer(
      feedback: judged.map { .init(id: $0.id, result: $0.result, version: $0.version, correct: $0.isRight) })
    if judged.contains(where: { $0.result == .accepted }) { return try Reply.json(answer) }
    return try Reply.json(answer, status: judged.contains { $0.result == .used } ? .conflict : .notFound)
  }

  private func learn(_ request: LearnRequest) async throws -> Response {
    guard deployment.options.learning != nil else { throw ServeError.notLearning }
    let limits = deployment.options.limits
    let examples = request.examples ?? []
    if !examples.isEmpty { try examples.check(limits, at: "examples") }
    for (place, example) in examples.enumerated() {
      try example.input.input.check(limits, at: "examples[\(place)].input")
      try check(example.label, "label", at: "examples[\(place)].label")
      if let id = example.id { try check(id, "id", at: "examples[\(place)].id") }
    }
    let retry = request.retry ?? false
    let now = request.now ?? (examples.isEmpty || retry)
    guard now || !retry else {
      throw ServeError.invalid("must be true to take in again what was set aside", at: "now")
    }
    if now { try await deployment.checkLearning() }
    let labelled = examples.map {
      LabelledExample.given(
        id: $0.id ?? UUID().uuidString.lowercased(), input: $0.input.input, label: $0.label)
    }
    try await deployment.teach(labelled)
    if now { try await deployment.requestUpdate(because: "a request", retrying: retry) }
    return try Reply.json(LearnAnswer(recorded: labelled.map(\.id), queued: now), status: .accepted)
  }

  /// Labels and ids are names: short, and without characters that no name has.
  private func check(_ text: String, _ kind: String, at place: String) throws {
    let limit = deployment.options.limits.labelBytes
    guard !text.isEmpty, text.utf8.count <= limit else {
      throw ServeError.invalid("must have 1 to \(limit) bytes", at: place)
    }
    guard !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
      throw ServeError.invalid("has a control character", at: place)
    }
  }
}
