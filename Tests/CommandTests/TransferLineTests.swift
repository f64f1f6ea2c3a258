import Foundation
import Perennial
import Testing

@testable import PerennialCommand
@testable import PerennialVision

@Suite struct TransferLineTests {
  private func shown(_ terminal: Terminal, _ progress: [(String, Int, Int?)], step: TimeInterval = 1)
    -> String
  {
    let record = InterruptionTests.Record()
    let line = TransferLine(terminal, now: record.now, write: record.say)
    for (file, received, total) in progress {
      line.show(TransferProgress(file: file, received: received, total: total))
      record.wait(step)
    }
    line.close()
    return record.said.joined()
  }

  private let terminal = Terminal(isInteractive: true, hasColor: false, width: 80)

  @Test func aLineForEachFileElsewhere() {
    let text = shown(.plain, [("a.gz", 0, 2_000_000), ("a.gz", 1_000_000, 2_000_000), ("b.gz", 5, nil)])
    #expect(text == "fetching a.gz 2.0 MB\nfetching b.gz 0.0 MB\n")
  }

  @Test func aLineRewritesItselfOnATerminal() {
    let text = shown(terminal, [("a.gz", 0, 2_000_000), ("a.gz", 1_000_000, 2_000_000)])
    #expect(
      text == "\ra.gz ░░░░░░░░░░░░ 0.0 MB of 2.0 MB\u{1B}[K\ra.gz ██████░░░░░░ 1.0 MB of 2.0 MB\u{1B}[K\n")
  }

  @Test func theEndIsAlwaysShown() {
    let pieces = (1...100).map { ("a.gz", $0 * 1000, Int?.some(100_000)) }
    let text = shown(terminal, pieces, step: 0.001)
    #expect(text.contains("████████████ 0.1 MB of 0.1 MB"))
    #expect(text.split(separator: "\r").count < 5)
  }

  @Test func theLineFitsTheWindow() {
    let narrow = Terminal(isInteractive: true, hasColor: false, width: 20)
    let text = shown(narrow, [("a-very-long-file-name.gz", 0, 10)])
    #expect(text == "\ra-very-long-file-na\u{1B}[K\n")
  }
}
