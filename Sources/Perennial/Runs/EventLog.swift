import Foundation

/// Writes what happens in a run to `events.jsonl`: one line of JSON for each event, on disk as soon as it is
/// noted.
///
/// The log never stops a training: when it cannot be written it says so once and falls silent.
public final class EventLog: RunObserver {
  private var descriptor: Int32
  private let stepInterval: Int
  private let clock: () -> Date
  private let complain: (String) -> Void

  /// Opens the log, or goes on with the one that is there; a line that an earlier process left half written
  /// goes.
  ///
  /// - Parameters:
  ///   - url: The file.
  ///   - stepInterval: One of this many steps is logged; every other event always is.
  ///   - clock: Tells the time of an event.
  ///   - complain: Takes the one message about a log that cannot be written.
  public init(
    _ url: URL, stepInterval: Int = 100, clock: @escaping () -> Date = { Date() },
    complain: @escaping (String) -> Void
  ) {
    self.stepInterval = max(1, stepInterval)
    self.clock = clock
    self.complain = complain
    descriptor = open(url.path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      complain("events are not logged: cannot open \(url.path): \(String(cString: strerror(errno)))")
      return
    }
    dropTornLine()
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Writes one line.
  public func note(_ event: RunEvent) {
    if case .step(_, let step, _, _) = event, step % stepInterval != 0 { return }
    guard descriptor >= 0 else { return }
    do {
      let line = try OrderedJSON.text(Line(time: clock(), event: event), .compact) + "\n"
      if !write(Array(line.utf8)) { giveUp(String(cString: strerror(errno))) }
    } catch {
      giveUp("\(error)")
    }
  }

  private struct Line: Encodable {
    let time: Date
    let event: RunEvent

    enum CodingKeys: String, CodingKey { case time }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(
        time.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)), forKey: .time)
      try event.encode(to: encoder)
    }
  }

  private func write(_ bytes: [UInt8]) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  private func giveUp(_ reason: String) {
    complain("events are no longer logged: \(reason)")
    close(descriptor)
    descriptor = -1
  }

  private func dropTornLine() {
    var end = lseek(descriptor, 0, SEEK_END)
    let size = end
    var byte: UInt8 = 0
    while end > 0, pread(descriptor, &byte, 1, end - 1) == 1, byte != UInt8(ascii: "\n") { end -= 1 }
    if end != size { ftruncate(descriptor, end) }
  }
}
