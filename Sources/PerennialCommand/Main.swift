import ArgumentParser
import Foundation
import Perennial

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// `perennial`: parses, runs, and turns whatever goes wrong into one line and an exit status.
@main
struct Main: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "perennial",
    abstract: "Learn a stream of data without forgetting, and move knowledge from one model to another.",
    discussion: ExitStatus.help, version: Version.current,
    subcommands: [
      RunCommand.self, DistillCommand.self, CollaborateCommand.self, FewShotCommand.self, CompareCommand.self,
      ReportCommand.self, StrategiesCommand.self, GenerateCommand.self, EmbedCommand.self,
      TokenizerCommand.self, AdapterCommand.self, ExportCommand.self,
      InitCommand.self, LearnCommand.self, EvaluateCommand.self, HistoryCommand.self, RollbackCommand.self,
      ForgetCommand.self, SnapshotCommand.self,
      DataCommand.self,
      ServeCommand.self,
      DoctorCommand.self,
    ])

  static func main() async {
    do {
      var command = try parseAsRoot()
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
    } catch {
      let end = Ending(error)
      if let message = end.message {
        FileHandle.standardError.write(Data("perennial: \(message)\n".utf8))
      } else if end.isParsers {
        exit(withError: error)
      }
      Foundation.exit(end.code)
    }
  }

  /// How an error ends the program.
  struct Ending {
    let code: Int32
    /// What is still to be said.
    var message: String?
    /// Whether the argument parser prints the error: help, usage and the like.
    var isParsers = false

    init(_ error: any Error) {
      switch error {
      case let status as ExitStatus:
        code = status.rawValue
      case let error as ConfigurationError:
        code = ExitStatus.badConfiguration.rawValue
        message = error.description
      default:
        code = Main.exitCode(for: error).rawValue
        isParsers = code != ExitStatus.failure.rawValue || error is ExitCode
        message = isParsers ? nil : Self.words(error)
      }
    }

    /// Our own errors describe themselves; those of the system do so only as localized text.
    private static func words(_ error: any Error) -> String {
      switch error {
      case is CocoaError, is URLError, is POSIXError: error.localizedDescription
      default: "\(error)"
      }
    }
  }
}
