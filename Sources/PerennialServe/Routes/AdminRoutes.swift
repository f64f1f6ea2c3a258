import Foundation
import Hummingbird
import PerennialLife

/// What only they may do who know the second token.
struct AdminRoutes {
  let deployment: Deployment

  private struct PromoteRequest: Decodable {
    var version: Int
    var reason: String?
  }

  private struct RollbackRequest: Decodable {
    var version: Int?
    var reason: String?
  }

  private struct ForgetRequest: Decodable {
    var ids: [String]
    var policy: ForgetPolicy?
    /// Why a version that was learned without them serves even if its gate refuses it.
    var force: String?
  }

  private struct PauseRequest: Decodable { var paused: Bool }
  private struct Nothing: Decodable {}

  private struct VersionAnswer: Encodable { let version: Int }
  private struct PauseAnswer: Encodable { let paused: Bool }
  private struct SnapshotAnswer: Encodable { let snapshot: String }

  func add(to group: RouterGroup<BasicRequestContext>) {
    let limits = deployment.options.limits
    group.post("promote") { request, _ in
      let wish: PromoteRequest = try await request.read(limits)
      try await deployment.promote(wish.version, because: reason(wish.reason))
      return try Reply.json(VersionAnswer(version: wish.version))
    }
    group.post("rollback") { request, _ in
      let wish: RollbackRequest = try await request.read(limits)
      let version = try await deployment.rollback(to: wish.version, because: reason(wish.reason), by: "admin")
      return try Reply.json(VersionAnswer(version: version))
    }
    group.post("forget") { request, _ in
      let wish: ForgetRequest = try await request.read(limits)
      try wish.ids.check(limits, at: "ids")
      let force = try wish.force.map { try reason($0) }
      let report = try await deployment.forget(wish.ids, wish.policy ?? .unlearn, force: force)
      // Not what was asked for: whoever looks at the status alone must not take it for done.
      guard report.weights != .refused else { throw ServeError.stillLearned }
      return try Reply.json(report)
    }
    group.post("pause") { request, _ in
      let wish: PauseRequest = try await request.read(limits)
      try await deployment.pause(wish.paused)
      return try Reply.json(PauseAnswer(paused: wish.paused))
    }
    group.post("snapshot") { request, _ in
      let _: Nothing = try await request.read(limits)
      return try Reply.json(SnapshotAnswer(snapshot: try await deployment.snapshot()))
    }
  }

  /// A line that goes into the history.
  private func reason(_ text: String?) throws -> String {
    guard let text, !text.isEmpty else { return "asked for by an administrator" }
    guard text.utf8.count <= deployment.options.limits.labelBytes else {
      throw ServeError.tooMany("bytes", allowed: deployment.options.limits.labelBytes, at: "reason")
    }
    return text
  }
}
