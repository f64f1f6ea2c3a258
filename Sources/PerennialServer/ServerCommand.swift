import ArgumentParser
import Foundation
import Logging
import Perennial
import PerennialLife
import PerennialServe
import Torch

/// `perennial-server`: parses, serves, and says in a line why it cannot.
@main
struct ServerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "perennial-server", abstract: "Serve a model over HTTP, and let it learn while it answers.",
    discussion: """
      DIR is a model directory, as `perennial init` makes it, or a folder with a language model or a sentence encoder, as \
      `transformers` writes it. With --learn or a token for administration the server is the one that writes a model \
      directory; else it follows what others write. The page of the server \
      is at http://HOST:PORT/, the description of its interface at /openapi.json. SIGTERM and Ctrl-C let it finish what \
      it has accepted. Tokens come from files, or from PERENNIAL_TOKEN and PERENNIAL_ADMIN_TOKEN, never from the command \
      line, which others can read.
      """, version: Version.current)

  @Argument(help: "The model.", completion: .directory)
  var directory: String

  @Option(help: "The address to listen on.")
  var host = "127.0.0.1"

  @Option(help: "The port; 0 takes any that is free.")
  var port = 8080

  @Option(parsing: .singleValue, help: "A name under which the server may be reached; may be repeated.")
  var hostName: [String] = []

  @Flag(help: "Learn from labels, into the model directory.")
  var learn = false

  @Option(
    help: "A folder for copies of the model directory, which administrators ask for.", completion: .directory)
  var snapshots: String?

  @Option(help: "Predictions that labels may still come for.")
  var remember = ServeOptions.Limits().remembered

  @Option(help: "Learn after so many new labels.")
  var labels = LearningPolicy().labels

  @Option(help: "How a version comes into use once it has passed its gate: direct, shadow or canary.")
  var mode = LearningPolicy.Mode.direct

  @Option(help: "The share of requests that a canary answers.")
  var share = LearningPolicy().share

  @Option(help: "Labels for which a shadow or canary is on trial.")
  var trial = LearningPolicy().trial

  @Option(help: "Hours after which the labels that have come must do for a trial.")
  var trialHours = LearningPolicy().trialHours

  @Option(help: "Labels for which a new version is watched, and sent back where it does worse; 0 does not.")
  var watch = LearningPolicy().watch

  @Option(help: "What detects drift, as recipes name it.")
  var detector = JudgingOptions().detector

  @Option(help: "Inputs that are answered together at most.")
  var batch = ServeOptions.Batching().size

  @Option(help: "Milliseconds that the first input of a batch waits for others.")
  var delay = 0.0

  @Option(help: "Inputs that may wait; more are told to come again.")
  var queue = ServeOptions.Batching().waiting

  @Option(help: "MiB that the body of a request may have.")
  var maxBody = ServeOptions.Limits().bodyBytes >> 20

  @Option(help: "Inputs, examples or labels that a request may have.")
  var maxItems = ServeOptions.Limits().items

  @Option(help: "Tokens that a completion may have.")
  var maxTokens = ServeOptions.Limits().newTokens

  @Option(help: "Connections at a time.")
  var maxConnections = ServeOptions.Limits().connections

  @Option(help: "A file with the token that requests must have.", completion: .file())
  var tokenFile: String?

  @Option(help: "A file with the token for administration, which is off without.", completion: .file())
  var adminTokenFile: String?

  @Option(help: "How many threads an operation may use; all cores where this is not given.")
  var threads: Int?

  func validate() throws {
    func require(_ isAllowed: Bool, _ option: String, _ allowed: String) throws {
      if !isAllowed { throw ValidationError("--\(option) must be \(allowed)") }
    }
    try require((0...65535).contains(port), "port", "0 to 65535")
    try require(labels > 0, "labels", "at least 1")
    try require((0...1).contains(share), "share", "0 to 1")
    try require(remember > 0, "remember", "at least 1")
    try require(trial > 0, "trial", "at least 1")
    try require(trialHours > 0, "trial-hours", "more than 0")
    try require(watch >= 0, "watch", "at least 0")
    try require((1...1024).contains(maxBody), "max-body", "1 to 1024")
    try require(maxItems > 0, "max-items", "at least 1")
    try require(maxTokens > 0, "max-tokens", "at least 1")
    try require(maxConnections > 0, "max-connections", "at least 1")
    try require(batch > 0, "batch", "at least 1")
    try require(queue > 0, "queue", "at least 1")
    try require((0...10_000).contains(delay), "delay", "0 to 10000")
    try require(threads.map { $0 > 0 } ?? true, "threads", "at least 1")
  }

  func run() async throws {
    WaitPolicy.sleepRatherThanSpin()
    if let threads { Runtime.threads = threads }
    Runtime.keepFreedMemory()
    let options = try options()
    OpenFiles.makeRoom(for: options.limits.connections)
    let logger = Logger(label: "perennial")
    let server = try await ModelServer(source(options), options, logger: logger)
    let (host, name) = (host, directory)
    try await server.run { port in
      FileHandle.standardOutput.write(Data("serving \(name) on http://\(host):\(port)/\n".utf8))
    }
  }

  private func source(_ options: ServeOptions) throws -> any VersionSource {
    let folder = URL(fileURLWithPath: directory, isDirectory: true)
    guard FileManager.default.fileExists(atPath: folder.path) else {
      throw ValidationError("there is no \(directory); `perennial init` makes a model directory")
    }
    guard DirectorySource.isThere(folder) else {
      guard !learn else {
        throw ValidationError(
          "\(directory) is no model directory and does not learn; `perennial init` makes one")
      }
      return try FolderSource(folder)
    }
    var living = DirectorySource.Options()
    living.isWriting = learn || options.adminToken != nil
    living.holdsBack = mode != .direct
    living.snapshots = snapshots.map { URL(fileURLWithPath: $0, isDirectory: true) }
    living.remembered = remember
    return try DirectorySource(folder, living)
  }

  private func options() throws -> ServeOptions {
    var options = ServeOptions()
    options.limits.remembered = remember
    (options.limits.bodyBytes, options.limits.items) = (maxBody << 20, maxItems)
    (options.limits.newTokens, options.limits.connections) = (maxTokens, maxConnections)
    (options.host, options.port, options.hostNames) = (host, port, hostName)
    (options.batching.size, options.batching.delay, options.batching.waiting) = (batch, delay, queue)
    options.judging.detector = detector
    options.token = try token(tokenFile, "PERENNIAL_TOKEN")
    options.adminToken = try token(adminTokenFile, "PERENNIAL_ADMIN_TOKEN")
    if learn {
      var policy = LearningPolicy()
      (policy.labels, policy.mode, policy.share) = (labels, mode, share)
      (policy.trial, policy.trialHours, policy.watch) = (trial, trialHours, watch)
      options.learning = policy
    }
    return options
  }

  /// A secret from a file, or from the environment.
  private func token(_ file: String?, _ variable: String) throws -> String? {
    let text = try file.map { try String(contentsOfFile: $0, encoding: .utf8) }
    guard let text = text ?? ProcessInfo.processInfo.environment[variable] else { return nil }
    let token = text.trimmingCharacters(in: .whitespacesAndNewlines)
    guard token.utf8.count >= 16 else {
      throw ValidationError("the token of \(file ?? variable) is too short: 16 characters at least")
    }
    return token
  }
}

extension LearningPolicy.Mode: ExpressibleByArgument {}
