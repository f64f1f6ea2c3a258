import AsyncAlgorithms
import ServiceLifecycle

/// Trains whenever there is a reason to, one update at a time, until the server stops.
struct LearningLoop: Service {
  let deployment: Deployment

  func run() async throws {
    for await reason in deployment.triggers.cancelOnGracefulShutdown() {
      await cancelWhenGracefulShutdown { await deployment.update(because: reason) }
    }
    try await gracefulShutdown()
  }
}

/// Follows what other programs do to the versions, and ends what has a time, until the server stops.
struct FollowingLoop: Service {
  let deployment: Deployment

  func run() async throws {
    let ticks = AsyncTimerSequence(interval: .seconds(2), clock: .continuous)
    for await _ in ticks.cancelOnGracefulShutdown() {
      await deployment.follow()
      await deployment.conclude()
    }
    try await gracefulShutdown()
  }
}
