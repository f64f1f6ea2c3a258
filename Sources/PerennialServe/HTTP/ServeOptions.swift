import Perennial

/// How a server behaves.
public struct ServeOptions: Sendable {
  /// What requests may ask for.
  public struct Limits: Sendable, Equatable {
    /// Bytes of a body.
    public var bodyBytes = 4 << 20
    /// Seconds in which a body must have come.
    public var bodySeconds = 20
    /// Seconds that a connection may be silent between requests.
    public var idleSeconds = 60
    /// Inputs, examples or labels of a request.
    public var items = 1024
    /// Bytes of one text.
    public var textBytes = 64 << 10
    /// Bytes of a label.
    public var labelBytes = 200
    /// New tokens of an answer.
    public var newTokens = 4096
    /// Texts that a completion may go on with.
    public var prompts = 16
    /// Generations that run or wait.
    public var generations = 64
    /// Connections at a time.
    public var connections = 1024
    /// Pages that follow the server live.
    public var eventStreams = 32
    /// Predictions that labels may still come for.
    public var remembered = 100_000

    public init() {}
  }

  /// How predictions are put together.
  public struct Batching: Sendable, Equatable {
    /// Inputs of a batch.
    public var size = 64
    /// Milliseconds that the first of a batch waits for others.
    public var delay = 0.0
    /// Inputs that wait.
    public var waiting = 1024
    /// Seconds that one may wait.
    public var patience = 10.0

    public init() {}
  }

  /// The address to listen on; 0 as the port takes any that is free.
  public var host = "127.0.0.1"
  public var port = 8080
  /// Names, besides the loopback's, under which the server may be reached.
  public var hostNames: [String] = []
  public var limits = Limits()
  public var batching = Batching()
  /// Who may ask and teach; everybody who reaches the server where nil.
  public var token: String?
  /// Who may promote, roll back and forget; nobody where nil, and then the routes are not there.
  public var adminToken: String?
  /// Whether and when to learn; nil: never.
  public var learning: LearningPolicy?
  /// How what was served is judged.
  public var judging = JudgingOptions()
  /// Seconds that requests may still take when the server stops.
  public var graceSeconds = 30

  public init() {}
}
