import Foundation

/// What `perennial` tells its caller when it ends. Thrown by a command that has said everything already.
enum ExitStatus: Int32, Error, CaseIterable {
  case success = 0
  case failure = 1
  case expectationMissed = 2
  case refused = 3
  case usage = 64
  case badConfiguration = 65
  case interrupted = 130
  case terminated = 143

  var meaning: String {
    switch self {
    case .success: "everything went well"
    case .failure: "something failed; the message says what"
    case .expectationMissed: "run --check: a measured value is too far from the recipe's expectation"
    case .refused: "the gate refused the candidate; the version before serves on"
    case .usage: "the command line is wrong"
    case .badConfiguration: "a recipe, or a change to it by --set, is wrong"
    case .interrupted: "stopped by Ctrl-C; --resume goes on"
    case .terminated: "stopped by SIGTERM; --resume goes on"
    }
  }

  /// The section of the help text that documents the statuses.
  static var help: String {
    let lines = allCases.map { status in
      let code = "\(status.rawValue)"
      return "  \(String(repeating: " ", count: 3 - code.count))\(code)  \(status.meaning)"
    }
    return "EXIT STATUS:\n" + lines.joined(separator: "\n")
  }
}
