import ArgumentParser
import Foundation

/// Becomes `perennial-server`, a program of its own, so that nobody who only learns and distils builds an HTTP stack.
struct ServeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Serve a model over HTTP, and let it learn while it answers.",
    discussion:
      "Starts perennial-server, which is beside this program; `perennial serve --help` shows its options.",
    helpNames: [])

  @Argument(parsing: .captureForPassthrough, help: "What perennial-server takes.")
  var arguments: [String] = []

  private static let program = "perennial-server"

  func run() throws {
    let server = try Self.path(beside: Bundle.main.executableURL)
    var pointers = ([server.path] + arguments).map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    execv(server.path, pointers)
    throw ServeError(path: server.path, reason: String(cString: strerror(errno)))
  }

  /// Where the server is: beside the program itself, not beside a link to it.
  static func path(beside executable: URL?) throws -> URL {
    let folder = executable?.resolvingSymlinksInPath().deletingLastPathComponent()
    let server = (folder ?? URL(fileURLWithPath: ".")).appendingPathComponent(program)
    guard FileManager.default.isExecutableFile(atPath: server.path) else {
      throw ServeError(
        path: server.path, reason: "it is not there; `swift build --product \(program)` builds it")
    }
    return server
  }

  /// The server could not be started.
  struct ServeError: Error, CustomStringConvertible {
    let path: String
    let reason: String
    var description: String { "\(path): \(reason)" }
  }
}
