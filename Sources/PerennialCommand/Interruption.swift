import Dispatch
import Foundation

/// Ctrl-C and SIGTERM: the first asks the training to stop after its step, the second ends the process at
/// once.
final class Interruption: @unchecked Sendable {
  private let lock = NSLock()
  private var received: (number: Int32, time: TimeInterval)?
  private var sources: [any DispatchSourceSignal] = []
  private let say: @Sendable (String) -> Void
  private let leave: @Sendable (Int32) -> Void
  private let now: @Sendable () -> TimeInterval

  /// Shells and supervisors signal a process and its group: what follows this closely is the same wish, in
  /// seconds.
  static let grace = 0.3

  /// Creates an interruption that nobody has asked for yet; ``listen()`` connects it to the signals.
  ///
  /// - Parameters:
  ///   - say: Takes what the user is told.
  ///   - leave: Ends the process with an exit status.
  ///   - now: Seconds on a clock that never goes back.
  init(
    say: @escaping @Sendable (String) -> Void = { FileHandle.standardError.write(Data($0.utf8)) },
    leave: @escaping @Sendable (Int32) -> Void = { _exit($0) },
    now: @escaping @Sendable () -> TimeInterval = { ProcessInfo.processInfo.systemUptime }
  ) {
    self.say = say
    self.leave = leave
    self.now = now
  }

  /// Takes the signals from the system.
  func listen() {
    let queue = DispatchQueue(label: "signals")
    sources = [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
      source.setEventHandler { [weak self] in self?.receive(number) }
      source.resume()
      return source
    }
  }

  /// Whether the training should write a checkpoint and stop; cheap enough for every step.
  var isRequested: Bool { lock.withLock { received != nil } }

  /// How the process ends when it was asked to.
  var status: ExitStatus? {
    lock.withLock { received.map { $0.number == SIGTERM ? .terminated : .interrupted } }
  }

  func receive(_ number: Int32) {
    let time = now()
    let first = lock.withLock {
      defer { received = received ?? (number, time) }
      return received
    }
    guard let first else {
      let repetition = number == SIGINT ? "press Ctrl-C" : "send the signal"
      return say("\nstopping after this step; \(repetition) again to stop at once\n")
    }
    if time - first.time >= Self.grace { leave(128 + number) }
  }

  /// The command line that goes on where this one stopped.
  static func resumeCommand(_ arguments: [String]) -> String {
    let plain = arguments.map { argument in
      let isPlain =
        !argument.isEmpty && argument.allSatisfy { $0.isLetter || $0.isNumber || "_-./=:,+@%".contains($0) }
      return isPlain ? argument : "'" + argument.replacing("'", with: "'\\''") + "'"
    }
    return (plain + (arguments.contains("--resume") ? [] : ["--resume"])).joined(separator: " ")
  }
}
