import Foundation
import HTTPTypes
import Hummingbird

/// Why a request is not answered as asked, in the shape that clients of OpenAI's interface know.
public struct ServeError: Error, Equatable, CustomStringConvertible {
  /// The HTTP status.
  public let status: HTTPResponse.Status
  /// What programs tell errors by.
  public let code: String
  /// What was wrong, and what is allowed. Never repeats what a user sent.
  public let description: String
  /// The place in the request, such as `inputs[3]`.
  public var place: String?
  /// Whole seconds after which it may be worth to come again.
  public var retryAfter: Int?

  init(
    _ status: HTTPResponse.Status, _ code: String, _ description: String, at place: String? = nil,
    retryAfter: Int? = nil
  ) {
    (self.status, self.code, self.description) = (status, code, description)
    (self.place, self.retryAfter) = (place, retryAfter)
  }
}

extension ServeError {
  /// A part of the request that makes no sense.
  public static func invalid(_ problem: String, at place: String) -> ServeError {
    ServeError(.badRequest, "invalid_request", "\(place) \(problem)", at: place)
  }

  /// A request that is no JSON, or lacks something.
  static func unreadable(_ problem: String, at place: String?) -> ServeError {
    ServeError(.badRequest, "invalid_json", problem, at: place)
  }

  static func tooLarge(bytes: Int) -> ServeError {
    ServeError(.contentTooLarge, "too_large", "a request may have \(bytes) bytes")
  }

  static func tooMany(_ what: String, allowed: Int, at place: String) -> ServeError {
    ServeError(.contentTooLarge, "too_large", "\(place) may have \(allowed) \(what)", at: place)
  }

  static func slow(seconds: Int) -> ServeError {
    ServeError(.requestTimeout, "too_slow", "the request did not arrive within \(seconds) s")
  }

  static var notJSON: ServeError {
    ServeError(.unsupportedMediaType, "not_json", "the request must have content-type: application/json")
  }

  static func busy(retryAfter: Int) -> ServeError {
    ServeError(.tooManyRequests, "busy", "too many requests are waiting", retryAfter: retryAfter)
  }

  static func overdue(retryAfter: Int) -> ServeError {
    ServeError(
      .serviceUnavailable, "overdue", "the request waited too long for its turn", retryAfter: retryAfter)
  }

  static func cannot(_ ability: ModelCard.Ability, _ card: ModelCard) -> ServeError {
    let can = card.abilities.map(\.rawValue).joined(separator: ", ")
    return ServeError(
      .badRequest, "unsupported_by_model",
      "this model, \(card.kind), cannot \(ability.rawValue); it can \(can)")
  }

  static func modelFailed(_ problem: String) -> ServeError {
    ServeError(.serviceUnavailable, "model_failed", problem, retryAfter: 1)
  }

  static var notLearning: ServeError {
    ServeError(.conflict, "not_learning", "this server does not learn; start it with --learn")
  }

  /// What this kind of model directory has no way to do.
  public static func unsupported(_ what: String) -> ServeError {
    ServeError(.notImplemented, "unsupported", what)
  }

  /// A version, label or other thing that is not there.
  public static func missing(_ what: String) -> ServeError { ServeError(.notFound, "not_found", what) }

  /// Something that cannot be done now.
  public static func conflict(_ what: String) -> ServeError { ServeError(.conflict, "conflict", what) }

  /// Forgetting that came as far as the weights.
  static var stillLearned: ServeError {
    ServeError(
      .conflict, "still_learned",
      "erased from all that is stored; the gate refused the version that was learned without it, so that the one that had "
        + "seen it serves on: ask again with `force` and a reason")
  }

  static var unauthorized: ServeError {
    ServeError(.unauthorized, "unauthorized", "needs `authorization: Bearer` with the token of the server")
  }

  static func wrongHost(_ allowed: [String]) -> ServeError {
    ServeError(
      .misdirectedRequest, "wrong_host",
      "this server answers for \(allowed.joined(separator: ", ")); --host-name allows another name")
  }

  static var notFound: ServeError {
    ServeError(.notFound, "no_such_route", "there is no such route; /openapi.json lists them")
  }
}

extension ServeError: HTTPResponseError {
  /// What goes into the body.
  struct Body: Codable, Equatable {
    struct Problem: Codable, Equatable {
      var message: String
      var type: String
      var code: String
      var param: String?
    }

    var error: Problem
  }

  /// The kind of error, as OpenAI's interface has it.
  private var type: String {
    switch status.code {
    case 401: "authentication_error"
    case 429: "rate_limit_error"
    case 500...: "server_error"
    default: "invalid_request_error"
    }
  }

  var body: Body { Body(error: .init(message: description, type: type, code: code, param: place)) }

  /// The error as JSON, with the headers that belong to it.
  public func response(from request: Request, context: some RequestContext) throws -> Response {
    var response = try Reply.json(body, status: status)
    if let retryAfter { response.headers[.retryAfter] = "\(retryAfter)" }
    if status == .unauthorized { response.headers[.wwwAuthenticate] = "Bearer" }
    // The rest of a body that is too large or too slow is not waited for.
    if status == .contentTooLarge || status == .requestTimeout { response.headers[.connection] = "close" }
    return response
  }
}
