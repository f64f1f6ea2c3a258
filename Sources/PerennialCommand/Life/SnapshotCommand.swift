import ArgumentParser
import Foundation
import PerennialLife

struct SnapshotCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "snapshot", abstract: "Copy a model directory, whole and at one moment.",
    discussion: """
      The copy is a model directory of its own. What is forgotten later stays in copies; the audit log names each.
      """)

  @OptionGroup var life: LifeArguments

  @Option(help: "Where the copy goes: a path that is not there yet.", completion: .directory)
  var to: String

  private struct Copied: Encodable {
    let path: String
    let version: Int
  }

  func run() throws {
    let directory = try life.open(for: .write)
    let target = URL(fileURLWithPath: to, isDirectory: true)
    try directory.snapshot(to: target)
    let version = try directory.store.current().version
    try life.show(Copied(path: target.path, version: version), ["version \(version) was copied to \(to)"])
  }
}
