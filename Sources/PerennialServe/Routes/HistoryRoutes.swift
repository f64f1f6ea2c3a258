import AsyncAlgorithms
import Foundation
import Hummingbird
import ServiceLifecycle

/// What is served, how it came about, and how it fares, once or live.
struct HistoryRoutes {
  let deployment: Deployment
  private let watchers: Turnstile

  init(deployment: Deployment) {
    self.deployment = deployment
    watchers = Turnstile(deployment.options.limits.eventStreams)
  }

  private struct ModelList: Encodable {
    struct Item: Encodable {
      let id: String
      var object = "model"
      let created: Int
      var owner = "perennial"
      let version: Int
      let card: ModelCard

      enum CodingKeys: String, CodingKey {
        case id, object, created, version, card
        case owner = "owned_by"
      }
    }

    var object = "list"
    let data: [Item]
  }

  func add(to group: RouterGroup<BasicRequestContext>) {
    group.get("models") { _, _ in
      let slot = await deployment.current
      let created = Int(deployment.started.timeIntervalSince1970)
      return try Reply.json(
        ModelList(data: [
          .init(id: deployment.source.name, created: created, version: slot.number, card: slot.card)
        ]))
    }
    group.get("history") { _, _ in try Reply.json(try await deployment.source.history()) }
    group.get("overview") { _, _ in try Reply.json(await deployment.overview()) }
    group.get("events") { _, _ in try await events() }
  }

  /// An event `overview` every second, and `history` whenever versions have changed.
  private func events() async throws -> Response {
    try await watchers.enter()
    return Reply.events { send in
      do {
        try await follow(send)
      } catch {
        await watchers.leave()
        throw error
      }
      await watchers.leave()
    }
  }

  private func follow(_ send: (String?, String) async throws -> Void) async throws {
    var seen: Int?
    func tell() async throws {
      let overview = await deployment.overview()
      if seen != overview.revision {
        seen = overview.revision
        try await send("history", text(try await deployment.source.history()))
      }
      try await send("overview", text(overview))
    }
    try await tell()
    for await _ in AsyncTimerSequence(interval: .seconds(1), clock: .continuous).cancelOnGracefulShutdown() {
      try await tell()
    }
  }

  private func text(_ value: some Encodable) throws -> String {
    String(decoding: try Reply.encoded(value), as: UTF8.self)
  }
}
