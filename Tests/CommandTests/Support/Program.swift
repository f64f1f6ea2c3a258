import Foundation
import Testing

/// The real program in a process of its own.
final class Program {
  /// What a program said and how it ended.
  struct Ending {
    /// The exit status; nil where a signal ended the process.
    let status: Int32?
    /// The signal that ended the process.
    let signal: Int32?
    let output: String
    let errors: String
  }

  private let process = Process()
  private let folder: TestFolder
  private let files: (output: URL, errors: URL)

  /// The program that was built with the tests.
  static let url = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
    .appendingPathComponent("perennial")

  /// Starts the program, or another executable.
  ///
  /// - Parameters:
  ///   - environment: joins that of the tests; a value of nil takes a variable away.
  ///   - terminal: takes the place of both outputs.
  init(
    _ arguments: [String], executable: URL = Program.url, environment: [String: String?] = [:],
    terminal: FileHandle? = nil
  ) throws {
    folder = try TestFolder()
    files = (folder.url("output"), folder.url("errors"))
    var variables = ProcessInfo.processInfo.environment
    variables["PERENNIAL_DATA"] = nil
    variables["XDG_CACHE_HOME"] = folder.path
    // Each program measures for itself, and two that are compared bit for bit must not choose differently.
    variables["PERENNIAL_LINEAR"] = "blas"
    for (name, value) in environment { variables[name] = value }
    process.environment = variables
    process.executableURL = executable
    process.arguments = arguments
    process.currentDirectoryURL = folder.url
    process.standardInput = FileHandle.nullDevice
    for file in [files.output, files.errors] { try Data().write(to: file) }
    process.standardOutput = try terminal ?? FileHandle(forWritingTo: files.output)
    process.standardError = try terminal ?? FileHandle(forWritingTo: files.errors)
    try process.run()
  }

  var isRunning: Bool { process.isRunning }
  var identifier: Int32 { process.processIdentifier }

  /// What it has said so far.
  var output: String { (try? String(contentsOf: files.output, encoding: .utf8)) ?? "" }

  func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

  /// Waits for the end, for at most some seconds: a program that hangs is killed and shows as such.
  func wait(seconds: Double = 240) throws -> Ending {
    let deadline = Date().addingTimeInterval(seconds)
    while process.isRunning, Date() < deadline { usleep(2000) }
    if process.isRunning { send(SIGKILL) }
    process.waitUntilExit()
    let isSignal = process.terminationReason == .uncaughtSignal
    return Ending(
      status: isSignal ? nil : process.terminationStatus, signal: isSignal ? process.terminationStatus : nil,
      output: try String(contentsOf: files.output, encoding: .utf8),
      errors: try String(contentsOf: files.errors, encoding: .utf8))
  }

  /// Whether ``runWithoutRights(_:)`` can run: who is root may read and write anything, and must be able to give that up.
  static var canDropRights: Bool { geteuid() != 0 || FileManager.default.isExecutableFile(atPath: setpriv) }

  private static let setpriv = "/usr/bin/setpriv"

  /// Runs the program to its end, so that permissions of files hold for it even where tests are run by root.
  static func runWithoutRights(_ arguments: String...) throws -> Ending {
    guard geteuid() == 0 else { return try Program(arguments).wait() }
    return try Program(
      ["--bounding-set=-dac_override,-dac_read_search", url.path] + arguments,
      executable: URL(fileURLWithPath: setpriv)
    ).wait()
  }

  /// Runs the program to its end.
  static func run(_ arguments: String..., environment: [String: String?] = [:]) throws -> Ending {
    try Program(arguments, environment: environment).wait()
  }

  static func run(_ arguments: [String], environment: [String: String?] = [:]) throws -> Ending {
    try Program(arguments, environment: environment).wait()
  }
}

/// A folder for one test, gone with its last user.
final class TestFolder {
  let url: URL
  var path: String { url.path }

  init() throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent("perennial-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func url(_ name: String) -> URL { url.appendingPathComponent(name) }

  /// Writes a file, and the folders above it.
  @discardableResult
  func write(_ data: Data, _ name: String) throws -> URL {
    let file = url(name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try data.write(to: file)
    return file
  }

  @discardableResult
  func write(_ text: String, _ name: String) throws -> URL { try write(Data(text.utf8), name) }

  /// The names in a folder below this one; none where there is no such folder.
  func names(_ name: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: url(name).path)) ?? []).sorted()
  }
}
