import Hummingbird
import Logging

/// Counts requests, and turns whatever goes wrong into the one shape of errors.
struct AnsweringMiddleware<Context: RequestContext>: RouterMiddleware {
  let metrics: ServerMetrics

  func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    let began = ContinuousClock.now
    let response: Response
    do {
      response = try await next(request, context)
    } catch {
      response = try problem(error, context).response(from: request, context: context)
    }
    // The pattern of the route, never the path: paths are what users write.
    metrics.answered(context.endpointPath ?? "NotFound", response.status, ContinuousClock.now - began)
    return response
  }

  private func problem(_ error: any Error, _ context: Context) -> ServeError {
    switch error {
    case let error as ServeError: return error
    case let error as HTTPError where error.status == .notFound: return .notFound
    case let error as HTTPError where error.status.code < 500:
      return ServeError(error.status, "invalid_request", "the request cannot be answered")
    case is CancellationError:
      return ServeError(.serviceUnavailable, "stopping", "the server is stopping", retryAfter: 5)
    default:
      context.logger.error("a request failed", metadata: ["error": "\(type(of: error))"])
      return ServeError(.internalServerError, "internal", "something went wrong that should not have")
    }
  }
}

/// Answers only under names that are its own, so that no page elsewhere reaches a server on this machine by giving
/// its own name this address.
struct HostMiddleware<Context: RequestContext>: RouterMiddleware {
  let names: [String]

  func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    guard let authority = request.head.authority else { return try await next(request, context) }
    guard names.contains(Self.name(authority)) else { throw ServeError.wrongHost(names) }
    return try await next(request, context)
  }

  /// The host without its port.
  static func name(_ authority: String) -> String {
    if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") {
      return String(authority[...end])
    }
    return String(authority.prefix { $0 != ":" }).lowercased()
  }
}
