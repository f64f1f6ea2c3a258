import Foundation
import Perennial

/// Shows how far a recipe has come: one line that rewrites itself on a terminal, plain lines anywhere else.
final class ProgressLine: RunObserver {
  private var terminal: Terminal
  private let runs: Int
  private let write: (String) -> Void
  private let now: () -> TimeInterval
  private let measuredWidth: () -> Int?

  private let begin: TimeInterval
  private var finishedRuns = 0
  private var runStart: TimeInterval
  private var firstStep = 0
  /// Runs and parts of runs that an earlier process has done.
  private var inherited = 0.0
  private var lastShown = -TimeInterval.infinity
  private var isLineOpen = false
  private var current: (position: RunPosition, step: Int)?

  /// - Parameters:
  ///   - runs: The number of runs that are still to be finished, and of those that are.
  ///   - finished: How many an earlier process has finished.
  ///   - terminal: What can be shown.
  ///   - measuredWidth: The terminal's width now: people resize windows.
  ///   - write: Takes the text.
  ///   - now: Seconds on a clock that never goes back.
  init(
    runs: Int, finished: Int = 0, terminal: Terminal, measuredWidth: @escaping () -> Int? = { nil },
    write: @escaping (String) -> Void, now: @escaping () -> TimeInterval
  ) {
    self.runs = max(1, runs)
    self.terminal = terminal
    self.measuredWidth = measuredWidth
    self.write = write
    self.now = now
    begin = now()
    runStart = begin
    finishedRuns = finished
    inherited = Double(finished)
  }

  /// Progress on standard error, so that standard output stays clean for what was asked for.
  convenience init(runs: Int, finished: Int = 0) {
    self.init(
      runs: runs, finished: finished, terminal: .of(STDERR_FILENO),
      measuredWidth: { Terminal.columns(STDERR_FILENO) },
      write: { FileHandle.standardError.write(Data($0.utf8)) },
      now: { ProcessInfo.processInfo.systemUptime })
  }

  func note(_ event: RunEvent) {
    switch event {
    case .started(let position, let step, let steps):
      runStart = now()
      firstStep = step
      current = (position, step)
      inherited += steps > 0 ? Double(step) / Double(steps) : 0
      if !terminal.isInteractive {
        say(
          step > 0 ? "\(title(position)): goes on at step \(step) of \(steps)" : "\(title(position)): started"
        )
      }
    case .step(let position, let step, let steps, let loss):
      current = (position, step)
      guard now() - lastShown >= (terminal.isInteractive ? 0.1 : 30) else { return }
      show(position, step, steps, loss)
    case .consolidating(let position):
      if terminal.isInteractive { rewrite([title(position), experience(position), "consolidating"]) }
    case .evaluated(let position, let step, let accuracies):
      if !terminal.isInteractive, step > 0 { say(evaluation(position, accuracies)) }
    case .saved, .prequential, .boundary, .peer: break
    case .tuned(let position, _, let choice):
      say("\(title(position)): \(experience(position)) \(choice)")
    case .forgot(let position, _, let outcome):
      if !outcome.isKept { say("\(title(position)): \(experience(position)) \(outcome)") }
    case .finished(let position, let metrics, let seconds):
      say("\(title(position)): \(summary(metrics)) in \(Self.clock(seconds))")
      finishedRuns += 1
      current = nil
    case .interrupted(let position, let step):
      say("\(title(position)): stopped after step \(step)")
    case .warning(let message):
      say(terminal.paint("warning:", .yellow) + " " + message)
    }
  }

  /// Says which run an error that is about to be told belongs to.
  func fail() {
    guard let current else { return close() }
    say("\(title(current.position)): failed after step \(current.step)")
  }

  /// Ends the live line, so that whatever follows starts on a line of its own.
  func close() {
    guard isLineOpen else { return }
    write("\r\u{1B}[K")
    isLineOpen = false
  }

  private func show(_ position: RunPosition, _ step: Int, _ steps: Int, _ loss: Double) {
    let elapsed = now() - runStart
    let rate = elapsed > 0 ? Double(step - firstStep) / elapsed : 0
    let fraction = steps > 0 ? min(1, Double(step) / Double(steps)) : 0
    var parts = [title(position), experience(position)]
    if terminal.isInteractive { parts.append(Self.bar(fraction)) }
    parts += ["step \(step) of \(steps)", "loss \(Self.short(loss))"]
    if rate > 0 { parts.append("\(Self.short(rate)) steps/s") }
    if let left = secondsLeft(fraction) { parts.append("\(Self.clock(left)) left") }
    if terminal.isInteractive { rewrite(parts) } else { say(parts.joined(separator: " · ")) }
  }

  /// Assumes that the runs to come take as long as those that this process has done.
  private func secondsLeft(_ fraction: Double) -> Double? {
    let done = Double(finishedRuns) + fraction - inherited
    let elapsed = now() - begin
    guard done > 0, elapsed >= 1 else { return nil }
    return elapsed * (Double(runs) - Double(finishedRuns) - fraction) / done
  }

  private func say(_ line: String) {
    close()
    write(line + "\n")
    lastShown = now()
  }

  /// Parts that do not fit are left out from the middle: what runs and how long it still takes stay.
  private func rewrite(_ parts: [String]) {
    var parts = parts
    if let width = measuredWidth() { terminal.width = width }
    let room = terminal.width - 1
    func line() -> String { parts.joined(separator: " · ") }
    while line().count > room, parts.count > 2 { parts.remove(at: parts.count - 2) }
    write("\r" + String(line().prefix(max(0, room))) + "\u{1B}[K")
    isLineOpen = true
    lastShown = now()
  }

  private func title(_ position: RunPosition) -> String {
    "[\(min(finishedRuns + 1, runs))/\(runs)] \(position.strategy) seed \(position.seed)"
  }

  private func experience(_ position: RunPosition) -> String {
    "experience \(position.experience + 1)/\(position.experiences)"
  }

  private func evaluation(_ position: RunPosition, _ accuracies: [Double]) -> String {
    let seen = accuracies.prefix(position.experience + 1)
    let list = seen.map(Self.percent).joined(separator: " ")
    let mean = seen.isEmpty ? 0 : seen.reduce(0, +) / Double(seen.count)
    return
      "\(title(position)): after \(experience(position)) accuracy \(list) %, mean \(Self.percent(mean)) %"
  }

  private func summary(_ metrics: [MetricName: Double]) -> String {
    let parts = [MetricName.averageAccuracy, .forgetting].compactMap { name in
      metrics[name].map { "\(name.title) \(Self.percent($0)) %" }
    }
    return parts.isEmpty ? "finished" : parts.joined(separator: ", ")
  }
}

extension ProgressLine {
  static func bar(_ fraction: Double, width: Int = 12) -> String {
    let filled = Int((fraction * Double(width)).rounded(.down))
    return String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
  }

  /// `0:42`, `12:05`, `1:02:03`.
  static func clock(_ seconds: Double) -> String {
    let whole = Int(max(0, min(seconds.isFinite ? seconds : 0, 1e9)).rounded())
    let two = { (value: Int) in value < 10 ? "0\(value)" : "\(value)" }
    let (hours, minutes) = (whole / 3600, whole / 60 % 60)
    return hours > 0 ? "\(hours):\(two(minutes)):\(two(whole % 60))" : "\(minutes):\(two(whole % 60))"
  }

  static func percent(_ fraction: Double) -> String { String(format: "%.1f", 100 * fraction) }
  static func short(_ value: Double) -> String { String(format: "%.3g", value) }
}
