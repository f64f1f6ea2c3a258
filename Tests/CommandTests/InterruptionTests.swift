import Foundation
import Testing

@testable import PerennialCommand

@Suite struct InterruptionTests {
  /// What an interruption said and did.
  final class Record: @unchecked Sendable {
    private let lock = NSLock()
    private var texts: [String] = []
    private var statuses: [Int32] = []

    private var time: TimeInterval = 0

    func say(_ text: String) { lock.withLock { texts.append(text) } }
    func leave(_ status: Int32) { lock.withLock { statuses.append(status) } }
    func now() -> TimeInterval { lock.withLock { time } }
    func wait(_ seconds: TimeInterval) { lock.withLock { time += seconds } }
    var said: [String] { lock.withLock { texts } }
    var left: [Int32] { lock.withLock { statuses } }
  }

  @Test func theFirstSignalAsksAndTheSecondLeaves() {
    let record = Record()
    let interruption = Interruption(say: record.say, leave: record.leave, now: record.now)
    #expect(!interruption.isRequested)
    #expect(interruption.status == nil)
    interruption.receive(SIGINT)
    #expect(interruption.isRequested)
    #expect(interruption.status == .interrupted)
    #expect(record.said == ["\nstopping after this step; press Ctrl-C again to stop at once\n"])
    interruption.receive(SIGINT)
    #expect(record.left == [])
    record.wait(1)
    interruption.receive(SIGINT)
    #expect(record.left == [130])
  }

  @Test func terminationHasItsOwnStatus() {
    let record = Record()
    let interruption = Interruption(say: record.say, leave: record.leave, now: record.now)
    interruption.receive(SIGTERM)
    #expect(interruption.status == .terminated)
    record.wait(1)
    interruption.receive(SIGTERM)
    #expect(record.left == [143])
  }

  @Test func theCommandThatGoesOnCanBePasted() {
    #expect(
      Interruption.resumeCommand(["perennial", "run", "R.yaml", "--set", "stream.class_order=[1, 0]"])
        == "perennial run R.yaml --set 'stream.class_order=[1, 0]' --resume")
    #expect(
      Interruption.resumeCommand(["perennial", "run", "it's", "--resume"])
        == "perennial run 'it'\\''s' --resume")
    #expect(Interruption.resumeCommand(["perennial", ""]) == "perennial '' --resume")
  }
}
