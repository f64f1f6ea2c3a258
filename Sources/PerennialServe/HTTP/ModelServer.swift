import Foundation
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import ServiceLifecycle

/// Serves a model: routes, limits, and the learning beside them.
public struct ModelServer: Sendable {
  let deployment: Deployment
  let stopping: StopFlag

  /// Loads the version in use.
  ///
  /// - Throws: what the source throws for a version that cannot be loaded; `ServeError` for options that make no sense.
  public init(
    _ source: any VersionSource, _ options: ServeOptions = ServeOptions(),
    logger: Logger = Logger(label: "perennial")
  ) async throws {
    deployment = try await Deployment.open(source, options, metrics: ServerMetrics(), logger: logger)
    stopping = StopFlag()
  }

  private var options: ServeOptions { deployment.options }

  /// Answers requests until SIGTERM or SIGINT; those that were accepted are answered before it returns.
  ///
  /// - Parameter ready: is told the port once there is one.
  public func run(ready: @escaping @Sendable (Int) -> Void = { _ in }) async throws {
    var configuration = ServiceGroupConfiguration(
      services: [try application(ready: ready)], gracefulShutdownSignals: [.sigterm, .sigint],
      logger: deployment.logger)
    configuration.maximumGracefulShutdownDuration = .seconds(options.graceSeconds)
    try await ServiceGroup(configuration: configuration).run()
    await deployment.keeper.flush()
  }

  /// The application, for those who run it themselves.
  func application(ready: @escaping @Sendable (Int) -> Void = { _ in }) throws -> some ApplicationProtocol {
    let limits = options.limits
    let connection = HTTP1Channel.Configuration(
      additionalChannelHandlers: [ConnectionGuard(seconds: limits.bodySeconds)],
      idleTimeout: .seconds(Int64(limits.idleSeconds)),
      httpDecoderConfiguration: .init(
        maxHeaderFieldSize: 16 << 10, maxHeaderListSize: 32 << 10, maxHeaderFieldCount: 100))
    return Application(
      router: try router(),
      server: HTTPServerBuilder { responder in
        ConnectionChannel(base: HTTP1Channel(responder: responder, configuration: connection))
      },
      configuration: ApplicationConfiguration(
        address: .hostname(options.host, port: options.port),
        availableConnectionsDelegate: MaximumAvailableConnections(
          limits.connections, logger: deployment.logger)),
      services: [
        LearningLoop(deployment: deployment), FollowingLoop(deployment: deployment),
        StopWatcher(flag: stopping),
      ],
      onServerRunning: { channel in ready(channel.localAddress?.port ?? 0) },
      logger: deployment.logger)
  }

  /// All routes.
  func router() throws -> Router<BasicRequestContext> {
    let router = Router()
    router.add(middleware: AnsweringMiddleware(metrics: deployment.metrics))
    if let names = hostNames { router.add(middleware: HostMiddleware(names: names)) }
    HealthRoutes(deployment: deployment, stopping: stopping).add(to: router)
    let token = try options.token.map(Token.init)
    let open = router.group("v1").add(middleware: TokenMiddleware(token: token))
    PredictRoutes(deployment: deployment).add(to: open)
    FeedbackRoutes(deployment: deployment).add(to: open)
    GenerationRoutes(deployment: deployment).add(to: open)
    HistoryRoutes(deployment: deployment).add(to: open)
    if let secret = options.adminToken {
      let closed = router.group("v1/admin").add(middleware: TokenMiddleware(token: try Token(secret)))
      AdminRoutes(deployment: deployment).add(to: closed)
    }
    return router
  }

  /// The names that requests may use; nil where the server listens to more than this machine, and none was given.
  private var hostNames: [String]? {
    let loopback = ["localhost", "127.0.0.1", "[::1]"]
    guard loopback.contains(options.host) || options.host == "::1" || !options.hostNames.isEmpty else {
      return nil
    }
    return loopback + options.hostNames.map { $0.lowercased() }
  }
}

/// Whether the server has been asked to stop.
final class StopFlag: Sendable {
  private let value = Locked(false)
  var isSet: Bool { value { $0 } }
  func set() { value { $0 = true } }
}

/// Notices that the server has been asked to stop.
struct StopWatcher: Service {
  let flag: StopFlag

  func run() async throws {
    try await gracefulShutdown()
    flag.set()
  }
}
