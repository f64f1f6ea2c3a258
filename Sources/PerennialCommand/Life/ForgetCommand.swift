import ArgumentParser
import Foundation
import Perennial
import PerennialLife

struct ForgetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "forget", abstract: "Erase inputs from everything that is stored, and from the weights.",
    discussion: """
      Stored inputs, copies in replay memories and predictions that were served go at once. Weights follow by policy: \
      `unlearn` takes the inputs out of heads that count, lets adapters that saw them learn again where each update has its \
      own, and otherwise learns again from the last version that had not seen them; `drop` takes such adapters away; \
      `rebuild` always learns again; `erase` leaves weights as they are. Without --id and --like, what an \
      earlier call still owes is done.
      """)

  @OptionGroup var life: LifeArguments

  @Option(
    name: .customLong("id"),
    help: ArgumentHelp("The identifier of an input; may be repeated.", valueName: "id"))
  var identifiers: [String] = []

  @Option(help: "A file or folder with the inputs to forget, as `learn` reads them.", completion: .file())
  var like: String?

  @Option(help: "What becomes of the weights: unlearn, drop, rebuild or erase.")
  var policy = ForgetPolicy.unlearn

  @Option(
    help: ArgumentHelp(
      "Let the model that was learned without them serve even if the gate refuses it.", valueName: "reason"))
  var force: String?

  func run() throws {
    WaitPolicy.sleepBesideOthers()
    let directory = try life.open(for: .write)
    var all = identifiers
    if let like { all += try directory.identifiers(of: life.read(like, directory)) }
    let progress = LifeProgress(isQuiet: life.json)
    let interruption = Interruption()
    interruption.listen()
    let receipt: ForgetReceipt
    do {
      receipt = try directory.forget(
        all, policy: policy, force: force, life.modality, tell: progress.note,
        shouldStop: { interruption.isRequested })
    } catch LifeError.interrupted {
      progress.close()
      Console.say("the inputs are erased; `perennial forget \(life.directory)` goes on with the weights")
      throw interruption.status ?? .interrupted
    }
    progress.close()
    try life.show(receipt, Self.lines(receipt))
    if receipt.weights == .refused { throw ExitStatus.refused }
  }

  private static func names(_ receipt: ForgetReceipt) -> String {
    "those of update " + receipt.adapters.map { "\($0 + 1)" }.joined(separator: ", ")
  }

  private static func lines(_ receipt: ForgetReceipt) -> [String] {
    var lines = [
      "erased: \(receipt.examples) inputs, \(receipt.memories) copies in replay memories, \(receipt.served) predictions"
    ]
    if !receipt.rewritten.isEmpty {
      lines.append(
        "written anew without them: versions \(receipt.rewritten.map(String.init).joined(separator: ", "))")
    }
    switch receipt.weights {
    case .unseen: lines.append("no version that is kept had learned from them")
    case .unlearned: lines.append("taken out of what every kept version had counted")
    case .dropped:
      lines.append(
        "adapters that had learned from them are gone (\(names(receipt))); \(receipt.withdrawn) other inputs that those "
          + "alone knew are set aside, and `perennial learn --retry` takes them in again")
    case .relearned:
      lines.append(
        "version \(receipt.version) serves: adapters that had seen them were learned again (\(names(receipt))), others "
          + "are as they were; versions \(receipt.cleared.map(String.init).joined(separator: ", ")) are gone")
    case .rebuilt:
      lines.append(
        "version \(receipt.version) was learned again from version \(receipt.rebuiltFrom ?? 0) and serves; "
          + "versions \(receipt.cleared.map(String.init).joined(separator: ", ")) are gone")
    case .refused:
      lines += receipt.verdict?.lines ?? []
      lines.append(
        "refused: version \(receipt.version), which has seen them, serves on; --force REASON overrules")
    case .kept: lines.append("weights are as they were, as the policy says")
    }
    return lines
  }
}

extension ForgetPolicy: ExpressibleByArgument {}
