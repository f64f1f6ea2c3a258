import ArgumentParser
import Foundation
import Perennial

struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Check that everything is in place: toolchain, libtorch, devices, folders.")

  @Option(help: "The folder that takes runs.")
  var out = "runs"

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    let diagnoses = Diagnosis.all(.ofThisMachine(out: out))
    if json {
      print(try OrderedJSON.text(diagnoses))
    } else {
      print(Self.text(diagnoses, .of(STDOUT_FILENO)))
    }
    if diagnoses.contains(where: { $0.verdict == .failure }) { throw ExitStatus.failure }
  }

  static func text(_ diagnoses: [Diagnosis], _ terminal: Terminal) -> String {
    let width = diagnoses.map(\.name.count).max() ?? 0
    return diagnoses.map { diagnosis in
      let mark =
        switch diagnosis.verdict {
        case .good: terminal.paint("ok  ", .green)
        case .warning: terminal.paint("WARN", .yellow)
        case .failure: terminal.paint("FAIL", .red)
        }
      let padding = String(repeating: " ", count: width - diagnosis.name.count)
      let advice =
        diagnosis.advice.isEmpty ? "" : "\n      \(String(repeating: " ", count: width))→ \(diagnosis.advice)"
      return "\(mark)  \(diagnosis.name)\(padding)  \(diagnosis.finding)\(advice)"
    }.joined(separator: "\n")
  }
}
