import Foundation
import Logging
import ServiceLifecycle
import Testing

@testable import PerennialServe

/// Asks a server over the loopback.
struct Asking: Sendable {
  let server: ModelServer
  let port: Int
  /// Asks the server to stop, as SIGTERM does.
  let stop: @Sendable () async -> Void

  /// The status and the JSON of an answer.
  struct Answer: Sendable {
    let status: Int
    let headers: [String: String]
    let text: String

    func decode<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
      let decoder = JSONDecoder()
      decoder.dateDecodingStrategy = .iso8601
      return try decoder.decode(type, from: Data(text.utf8))
    }

    var code: String? { try? decode(ServeError.Body.self).error.code }
    var place: String? { try? decode(ServeError.Body.self).error.param }
  }

  func get(_ path: String, token: String? = nil) async throws -> Answer {
    try await send("GET", path, "", token.map { ["authorization": "Bearer \($0)"] } ?? [:])
  }

  /// Posts JSON.
  func post(_ path: String, _ json: String, token: String? = nil) async throws -> Answer {
    var headers = ["content-type": "application/json"]
    if let token { headers["authorization"] = "Bearer \(token)" }
    return try await send("POST", path, json, headers)
  }

  func send(_ method: String, _ path: String, _ body: String, _ headers: [String: String]) async throws
    -> Answer
  {
    var lines = ["\(method) \(path) HTTP/1.1", "host: localhost:\(port)", "connection: close"]
    if !body.isEmpty || method == "POST" { lines.append("content-length: \(body.utf8.count)") }
    for (name, value) in headers { lines.append("\(name): \(value)") }
    let answer = try await raw(lines.joined(separator: "\r\n") + "\r\n\r\n" + body)
    return Answer(status: answer.status, headers: answer.headers, text: answer.text)
  }

  /// Sends these bytes on a connection of their own; gives what comes until it closes.
  func raw(_ text: String) async throws -> Loopback.Answer {
    try await blocking {
      let connection = try Loopback(port: port)
      connection.send(text)
      return try connection.answer()
    }
  }

  /// Runs what blocks where it blocks nobody else.
  func blocking<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
    }
  }

  /// Predicts numbers by a `RemainderSource`; gives ids, labels and the version.
  func predict(_ numbers: [Int]) async throws -> PredictReply {
    let inputs = numbers.map { "[\($0), 0]" }.joined(separator: ",")
    let answer = try await post("/v1/predict", "{\"inputs\": [\(inputs)]}")
    try #require(answer.status == 200, "\(answer.text)")
    return try answer.decode()
  }

  /// Gives labels.
  @discardableResult
  func label(_ pairs: [(id: String, label: String)]) async throws -> FeedbackReply {
    let items = pairs.map { "{\"id\": \"\($0.id)\", \"label\": \"\($0.label)\"}" }.joined(separator: ",")
    return try await post("/v1/feedback", "{\"feedback\": [\(items)]}").decode()
  }

  /// Waits until something holds, for at most some seconds.
  func eventually(_ what: String, within seconds: Double = 90, _ holds: () async throws -> Bool) async throws
  {
    let end = ContinuousClock.now + .seconds(seconds)
    while ContinuousClock.now < end {
      if try await holds() { return }
      try await Task.sleep(for: .milliseconds(10))
    }
    Issue.record("not within \(seconds) s: \(what)")
  }
}

struct PredictReply: Decodable, Sendable {
  struct Prediction: Decodable, Sendable {
    struct Score: Decodable, Sendable {
      let label: String
      let probability: Float
    }

    let id: String
    let label: String
    let scores: [Score]
  }

  let model: String
  let version: Int
  let predictions: [Prediction]
}

struct FeedbackReply: Decodable, Sendable {
  struct Item: Decodable, Sendable {
    let id: String
    let result: String
    let version: Int?
    let correct: Bool?
  }

  let feedback: [Item]
}

/// Serves a source and asks it.
func serving<Value: Sendable>(
  _ source: any VersionSource, _ options: ServeOptions = ServeOptions(),
  _ body: @escaping @Sendable (Asking) async throws -> Value
) async throws -> Value {
  var options = options
  options.port = 0
  // Machines under load are not what is tested.
  if options.batching.patience == ServeOptions.Batching().patience { options.batching.patience = 600 }
  let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
  let server = try await ModelServer(source, options, logger: logger)
  let (ports, port) = AsyncStream.makeStream(of: Int.self)
  let application = try server.application { port.yield($0) }
  let group = ServiceGroup(configuration: .init(services: [application], logger: logger))
  return try await withThrowingTaskGroup(of: Value?.self) { tasks in
    tasks.addTask {
      try await group.run()
      return nil
    }
    tasks.addTask {
      guard let port = await ports.first(where: { _ in true }) else { throw Loopback.Failure.connect }
      let asking = Asking(server: server, port: port) { await group.triggerGracefulShutdown() }
      let value: Value
      do {
        value = try await body(asking)
      } catch {
        await asking.stop()
        throw error
      }
      await asking.stop()
      return value
    }
    var value: Value?
    while let next = try await tasks.next() { value = next ?? value }
    return try #require(value)
  }
}

extension ServeOptions {
  /// Options that are changed a little.
  static func with(_ change: (inout ServeOptions) -> Void) -> ServeOptions {
    var options = ServeOptions()
    change(&options)
    return options
  }

  /// Options of a server that learns.
  static func learning(_ change: (inout LearningPolicy) -> Void = { _ in }) -> ServeOptions {
    .with {
      var policy = LearningPolicy()
      change(&policy)
      $0.learning = policy
      $0.adminToken = "secret"
    }
  }
}
