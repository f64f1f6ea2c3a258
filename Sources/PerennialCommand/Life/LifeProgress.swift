import Foundation
import PerennialLife

/// Shows how far an update has come: one line that rewrites itself on a terminal, plain lines anywhere else.
final class LifeProgress {
  private let terminal: Terminal
  private let write: (String) -> Void
  private let now: () -> TimeInterval
  private var lastShown = -TimeInterval.infinity
  private var isLineOpen = false
  /// Whether what was taken in is told; a program reads it in the result.
  private let isQuiet: Bool

  init(
    isQuiet: Bool = false, terminal: Terminal = .of(STDERR_FILENO),
    write: @escaping (String) -> Void = { FileHandle.standardError.write(Data($0.utf8)) },
    now: @escaping () -> TimeInterval = { ProcessInfo.processInfo.systemUptime }
  ) {
    (self.terminal, self.write, self.now, self.isQuiet) = (terminal, write, now, isQuiet)
  }

  func note(_ event: LifeEvent) {
    switch event {
    case .taken(let intake): if !isQuiet { intake.lines.forEach(say) }
    case .resumed(let step): say("goes on after step \(step)")
    case .step(let step, let steps, let loss):
      show(
        "learning", Double(step) / Double(max(steps, 1)),
        "step \(step) of \(steps) · loss \(ProgressLine.short(loss))")
    case .judging(let done, let total):
      show("judging", Double(done) / Double(max(total, 1)), "\(done) of \(total)")
    case .promoted: close()
    case .warning(let message): say(terminal.paint("warning:", .yellow) + " " + message)
    }
  }

  /// Ends the live line, so that whatever follows starts on a line of its own.
  func close() {
    guard isLineOpen else { return }
    write("\r\u{1B}[K")
    isLineOpen = false
  }

  private func say(_ line: String) {
    close()
    write(line + "\n")
  }

  private func show(_ what: String, _ fraction: Double, _ detail: String) {
    guard now() - lastShown >= (terminal.isInteractive ? 0.1 : 30) else { return }
    lastShown = now()
    guard terminal.isInteractive else { return say("\(what) · \(detail)") }
    let line = "\(what) \(ProgressLine.bar(fraction)) \(detail)"
    write("\r" + line.prefix(max(0, terminal.width - 1)) + "\u{1B}[K")
    isLineOpen = true
  }
}
