import Foundation
import Perennial
import PerennialVision

/// Shows how far a download has come: one line that rewrites itself on a terminal, a line
/// for each file elsewhere.
final class TransferLine: @unchecked Sendable {
  private let lock = NSLock()
  private let terminal: Terminal
  private let write: @Sendable (String) -> Void
  private let now: @Sendable () -> TimeInterval
  private var file = ""
  private var lastShown = -TimeInterval.infinity
  private var isLineOpen = false

  init(
    _ terminal: Terminal,
    now: @escaping @Sendable () -> TimeInterval = { ProcessInfo.processInfo.systemUptime },
    write: @escaping @Sendable (String) -> Void
  ) {
    self.terminal = terminal
    self.now = now
    self.write = write
  }

  /// Called from whatever thread receives the data.
  func show(_ progress: TransferProgress) {
    lock.withLock {
      let isNew = progress.file != file
      file = progress.file
      guard terminal.isInteractive else {
        if isNew { write("fetching \(text(progress))\n") }
        return
      }
      if isNew { endLine() }
      guard isNew || now() - lastShown >= 0.1 || progress.received == progress.total else { return }
      write("\r" + String(text(progress).prefix(max(0, terminal.width - 1))) + "\u{1B}[K")
      lastShown = now()
      isLineOpen = true
    }
  }

  /// Ends the line, so that whatever follows starts on a line of its own.
  func close() { lock.withLock { endLine() } }

  private func endLine() {
    if isLineOpen { write("\n") }
    isLineOpen = false
  }

  private func text(_ progress: TransferProgress) -> String {
    guard let total = progress.total, total > 0 else {
      return "\(progress.file) \(DataCommand.megabytes(progress.received))"
    }
    let amount = terminal.isInteractive ? "\(DataCommand.megabytes(progress.received)) of " : ""
    let bar =
      terminal.isInteractive ? " " + ProgressLine.bar(min(1, Double(progress.received) / Double(total))) : ""
    return "\(progress.file)\(bar) \(amount)\(DataCommand.megabytes(total))"
  }
}
