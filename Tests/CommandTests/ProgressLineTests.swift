import Foundation
import Perennial
import Testing

@testable import PerennialCommand

@Suite struct ProgressLineTests {
  /// A progress line on a clock that only the test moves.
  final class Fixture {
    var text = ""
    var time: TimeInterval = 1000
    var width: Int?
    private(set) var line: ProgressLine!

    init(_ terminal: Terminal, runs: Int = 2, finished: Int = 0) {
      line = ProgressLine(
        runs: runs, finished: finished, terminal: terminal, measuredWidth: { [unowned self] in width },
        write: { [unowned self] in text += $0 }, now: { [unowned self] in time })
    }

    func note(_ event: RunEvent, after seconds: TimeInterval = 0) -> String {
      time += seconds
      text = ""
      line.note(event)
      return text
    }
  }

  private let wide = Terminal(isInteractive: true, hasColor: false, width: 200)
  private let er = RunPosition(strategy: "er", seed: 0, experience: 1, experiences: 5)

  @Test func aLineRewritesItselfOnATerminal() {
    let fixture = Fixture(wide)
    #expect(fixture.note(.started(er, step: 0, steps: 1000)) == "")
    #expect(
      fixture.note(.step(er, step: 250, steps: 1000, loss: 0.123456), after: 10)
        == "\r[1/2] er seed 0 · experience 2/5 · ███░░░░░░░░░ · step 250 of 1000 · loss 0.123 · 25 steps/s · 1:10 left\u{1B}[K"
    )
    #expect(fixture.note(.step(er, step: 251, steps: 1000, loss: 1), after: 0.05) == "")
    #expect(fixture.note(.step(er, step: 252, steps: 1000, loss: 1), after: 0.1).hasPrefix("\r["))
    #expect(
      fixture.note(.finished(er, metrics: [.averageAccuracy: 0.888, .forgetting: 0.05], seconds: 61))
        == "\r\u{1B}[K[1/2] er seed 0: average accuracy 88.8 %, forgetting 5.0 % in 1:01\n")
    #expect(fixture.note(.step(er, step: 1, steps: 1000, loss: 1), after: 1).contains("[2/2] er"))
  }

  @Test(arguments: [10, 24, 40, 60, 79, 100, 120])
  func theLineFitsTheWindow(width: Int) {
    let fixture = Fixture(wide)
    fixture.width = width
    _ = fixture.note(.started(er, step: 0, steps: 1000))
    let text = fixture.note(.step(er, step: 250, steps: 1000, loss: 0.123456), after: 10)
    let shown = text.dropFirst().replacing("\u{1B}[K", with: "")
    #expect(shown.count < width)
    #expect(shown.hasPrefix("[1/2] er"))
    if width >= 60 { #expect(shown.contains("experience 2/5")) }
    if width >= 40 { #expect(shown.hasSuffix("1:10 left")) }
  }

  @Test func plainLinesElsewhere() {
    let fixture = Fixture(.plain)
    #expect(fixture.note(.started(er, step: 0, steps: 1000)) == "[1/2] er seed 0: started\n")
    #expect(fixture.note(.step(er, step: 1, steps: 1000, loss: 1), after: 1) == "")
    #expect(
      fixture.note(.step(er, step: 250, steps: 1000, loss: .nan), after: 30)
        == "[1/2] er seed 0 · experience 2/5 · step 250 of 1000 · loss nan · 8.06 steps/s · 3:37 left\n")
    #expect(
      fixture.note(.evaluated(er, step: 400, accuracies: [0.5, 1, 0.1, 0.1, 0.1]))
        == "[1/2] er seed 0: after experience 2/5 accuracy 50.0 100.0 %, mean 75.0 %\n")
    #expect(fixture.note(.warning("take care")) == "warning: take care\n")
    #expect(fixture.note(.interrupted(er, step: 7)) == "[1/2] er seed 0: stopped after step 7\n")
    #expect(!fixture.text.contains("\u{1B}"))
  }

  @Test func whatAnEarlierProcessDidDoesNotCountAsSpeed() {
    let fixture = Fixture(wide, runs: 4, finished: 2)
    _ = fixture.note(.started(er, step: 500, steps: 1000))
    let text = fixture.note(.step(er, step: 750, steps: 1000, loss: 1), after: 10)
    // A quarter of a run took 10 s, one and a quarter runs are left.
    #expect(text.contains("[3/4]"))
    #expect(text.contains("25 steps/s · 0:50 left"))
    let plain = Fixture(.plain, runs: 4, finished: 2)
    #expect(
      plain.note(.started(er, step: 500, steps: 1000)) == "[3/4] er seed 0: goes on at step 500 of 1000\n")
  }

  @Test func aWarningDoesNotTearTheLine() {
    let fixture = Fixture(wide)
    _ = fixture.note(.started(er, step: 0, steps: 10))
    _ = fixture.note(.step(er, step: 1, steps: 10, loss: 1), after: 1)
    #expect(fixture.note(.warning("take care")) == "\r\u{1B}[Kwarning: take care\n")
    fixture.text = ""
    fixture.line.close()
    #expect(fixture.text == "")
  }

  @Test(arguments: [
    (0.4, "0:00"), (59.6, "1:00"), (725, "12:05"), (3723, "1:02:03"), (-1, "0:00"), (.nan, "0:00"),
  ])
  func clocks(seconds: Double, text: String) {
    #expect(ProgressLine.clock(seconds) == text)
  }
}
