import ArgumentParser
import Foundation
import PerennialLife

struct RollbackCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rollback", abstract: "Let an earlier version serve again.",
    discussion: "What was learned since is set aside; `perennial learn --retry` takes it in again.")

  @OptionGroup var life: LifeArguments

  @Option(help: "The version that shall serve.")
  var to: Int

  @Option(help: "Why, for the audit log.")
  var reason: String?

  @Flag(help: "Let what was learned since wait for the next update, rather than set it aside.")
  var relearn = false

  func run() throws {
    let manifest = try life.open(for: .write).rollback(to: to, reason: reason, relearns: relearn)
    try life.show(manifest, ["version \(manifest.version) serves"])
  }
}
