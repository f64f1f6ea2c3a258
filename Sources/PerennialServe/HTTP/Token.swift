import Digests
import Foundation
import HTTPTypes
import Hummingbird

/// A secret that a request must know.
struct Token: Sendable {
  private let digest: Digest

  init(_ secret: String) throws { digest = try Digest(sha256: Data(secret.utf8)) }

  /// Whether the request has it, in a time that does not depend on what it has instead: digests have one length, and
  /// are compared to the end.
  func isKnown(to request: Request) throws -> Bool {
    guard let header = request.headers[.authorization], header.lowercased().hasPrefix("bearer ") else {
      return false
    }
    let presented = try Digest(sha256: Data(header.utf8.dropFirst("bearer ".utf8.count)))
    return presented == digest
  }

  /// - Throws: `ServeError.unauthorized` where the request does not have it.
  func check(_ request: Request) throws {
    guard try isKnown(to: request) else { throw ServeError.unauthorized }
  }
}

/// Lets only those through who know a secret.
struct TokenMiddleware<Context: RequestContext>: RouterMiddleware {
  let token: Token?

  func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    try token?.check(request)
    return try await next(request, context)
  }
}
