import CoreMetrics
import Foundation
import Hummingbird
import Perennial
import Testing

@testable import PerennialServe

/// The small parts by themselves.
@Suite struct PartTests {
  // MARK: - Metrics

  @Test func metricsAreWrittenAsPrometheusReadsThem() {
    let registry = PrometheusRegistry(help: ["requests_total": "Requests."])
    Counter(label: "requests_total", dimensions: [("route", "/a\"b\\c\n")], factory: registry).increment(
      by: 3)
    Counter(label: "requests_total", dimensions: [("route", "/a\"b\\c\n")], factory: registry).increment()
    Meter(label: "accuracy", factory: registry).set(0.25)
    let timer = Timer(label: "wait.seconds", factory: registry)
    timer.recordNanoseconds(2_000_000)
    timer.recordNanoseconds(20_000_000_000)
    #expect(
      registry.text == """
        # TYPE accuracy gauge
        accuracy 0.25
        # HELP requests_total Requests.
        # TYPE requests_total counter
        requests_total{route="/a\\"b\\\\c\\n"} 4
        # TYPE wait_seconds histogram
        wait_seconds_bucket{le="0.0005"} 0
        wait_seconds_bucket{le="0.001"} 0
        wait_seconds_bucket{le="0.0025"} 1
        wait_seconds_bucket{le="0.005"} 1
        wait_seconds_bucket{le="0.01"} 1
        wait_seconds_bucket{le="0.025"} 1
        wait_seconds_bucket{le="0.05"} 1
        wait_seconds_bucket{le="0.1"} 1
        wait_seconds_bucket{le="0.25"} 1
        wait_seconds_bucket{le="0.5"} 1
        wait_seconds_bucket{le="1"} 1
        wait_seconds_bucket{le="2.5"} 1
        wait_seconds_bucket{le="5"} 1
        wait_seconds_bucket{le="10"} 1
        wait_seconds_bucket{le="+Inf"} 2
        wait_seconds_sum 20.002
        wait_seconds_count 2

        """)
  }

  @Test func quantilesAreOfTheLatest() {
    var window = LatencyWindow()
    #expect(window.quantile(0.5) == nil)
    for value in 1...100 { window.add(Double(value)) }
    #expect(window.quantile(0.5) == 50)
    #expect(window.quantile(0.99) == 99)
    for _ in 0..<5000 { window.add(7) }
    #expect(window.quantile(0.99) == 7)
    #expect(window.count == 5100)
  }

  // MARK: - What was served

  private func entry(_ label: String) -> PredictionLedger.Entry {
    .init(input: .text("a"), label: label, probability: 1, version: 1)
  }

  private func isUnknown(_ found: PredictionLedger.Found) -> Bool {
    if case .unknown = found { true } else { false }
  }

  private func isUsed(_ found: PredictionLedger.Found) -> Bool {
    if case .used = found { true } else { false }
  }

  private func isOpen(_ found: PredictionLedger.Found) -> Bool {
    if case .open = found { true } else { false }
  }

  @Test func aLedgerHoldsTheLatest() throws {
    var ledger = PredictionLedger(capacity: 3)
    let ids = (0..<10).map { ledger.add(entry("\($0)")) }
    #expect(Set(ids).count == 10)
    #expect(ids.allSatisfy { $0.count == 32 })
    #expect(ledger.count == 3)
    for id in ids.prefix(7) {
      let found = ledger.take(id)
      #expect(isUnknown(found), "an old one is there")
    }
    guard case .open(let last) = ledger.take(ids[9]) else { throw Loopback.Failure.malformed }
    #expect(last.label == "9")
    let again = ledger.take(ids[9])
    #expect(isUsed(again), "an id is good for one label")
    ledger.putBack(last, ids[9])
    let back = ledger.take(ids[9])
    #expect(isOpen(back), "it was given back")
    let erased = ledger.erase([ids[8], ids[9], "nobody"])
    #expect(erased == [ids[8]])
  }

  @Test func worseIsBeyondChance() {
    let half = Tally(correct: 100, total: 200)
    #expect(!Tally(correct: 90, total: 200).isWorse(than: half, by: 0.01, errors: 2), "1 standard error")
    #expect(Tally(correct: 70, total: 200).isWorse(than: half, by: 0.01, errors: 2), "3 standard errors")
    #expect(!Tally(correct: 70, total: 200).isWorse(than: half, by: 0.2, errors: 2), "within the margin")
    #expect(!Tally(correct: 0, total: 10).isWorse(than: half, by: 0.01, errors: 2), "too few")
    #expect(!Tally(correct: 200, total: 200).isWorse(than: half, by: 0, errors: 2))
  }

  /// The server's meter against counts made here.
  @Test func accuracyIsOfWhatWasServed() throws {
    var options = JudgingOptions()
    options.window = 50
    var meter = try ServingMeter(options)
    var random = SystemRandomNumberGenerator()
    var right: [Bool] = []
    for number in 0..<400 {
      let isRight = Double.random(in: 0..<1, using: &random) < 0.7
      right.append(isRight)
      _ = meter.score(served: "a", truth: isRight ? "a" : "b", version: number < 300 ? 1 : 2)
    }
    let share = { (answers: ArraySlice<Bool>) in Double(answers.count { $0 }) / Double(answers.count) }
    #expect(abs((meter.accuracy ?? 0) - share(right[...])) < 1e-12)
    #expect(abs((meter.windowAccuracy ?? 0) - share(right.suffix(50))) < 1e-12)
    #expect(meter.tally(of: 2) == Tally(correct: right[300...].count { $0 }, total: 100))
    #expect(meter.classes[1]?["b"]?.correct == 0)
    #expect(meter.points.count == 16)
  }

  @Test func aDriftIsNoticedAndItsDirectionTold() throws {
    var meter = try ServingMeter(JudgingOptions())
    var found: [ServingMeter.Drift] = []
    for number in 0..<1500 {
      let isRight = number < 500 || number >= 1000
      if let drift = meter.score(served: "a", truth: isRight ? "a" : "b", version: 1) { found.append(drift) }
    }
    #expect(found.first.map { (500..<560).contains($0.items) && $0.isWorse } == true)
    #expect(found.contains { (1000..<1100).contains($0.items) && !$0.isWorse })
    #expect(meter.drifts == found)
  }

  @Test func anUnknownDetectorIsNamed() {
    var options = JudgingOptions()
    options.detector = "adwine"
    #expect { try ServingMeter(options) } throws: { "\($0)".contains("adwin") }
  }

  // MARK: - Texts that end an answer

  @Test(arguments: [1, 2, 3, 5, 100])
  func stopsAreFoundWhereverPiecesPartThem(_ size: Int) {
    let text = "One <st <stop is not a stop, but <stop> is. And more"
    var cutter = StopCutter(["<stop>", "nowhere", ""])
    var told = ""
    var isEnded = false
    var rest = text[...]
    while !rest.isEmpty, !isEnded {
      let (piece, isEnd) = cutter.take(String(rest.prefix(size)))
      told += piece
      isEnded = isEnd
      rest = rest.dropFirst(size)
    }
    #expect(told == "One <st <stop is not a stop, but ")
    #expect(isEnded)
  }

  /// A line feed behind a carriage return is one character with it, an accent one with its letter.
  @Test func stopsAreFoundInsideCharacters() {
    for (text, stop, expected) in [("one\r\ntwo", "\n", "one\r"), ("cafe\u{301}!", "e", "caf")] {
      var cutter = StopCutter([stop])
      let (told, isEnd) = cutter.take(text)
      #expect(isEnd && Array(told.utf8) == Array(expected.utf8))
    }
  }

  @Test func whatWasNoStopComesInTheEnd() {
    var cutter = StopCutter(["###"])
    let told = cutter.take("a##").text
    let rest = cutter.rest()
    #expect([told, rest] == ["a", "##"])
  }

  // MARK: - Threads

  private actor Worker {
    private let thread: ModelThread
    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    init(niceness: Int32 = 0) { thread = ModelThread(name: "worker", niceness: niceness) }

    func place() -> Int { pthread_self().hashValue }

    func niceness() -> Int32 { getpriority(Int32(bitPattern: PRIO_PROCESS.rawValue), 0) }
  }

  @Test func anActorStaysOnItsThread() async {
    let workers = (0..<8).map { _ in Worker() }
    var threads: [[Int]] = []
    for _ in 0..<20 {
      var seen: [Int] = []
      for worker in workers { seen.append(await worker.place()) }
      threads.append(seen)
    }
    #expect(Set(threads).count == 1)
    #expect(Set(threads[0]).count == 8)
  }

  @Test func trainingGivesWay() async {
    let usual = await Worker().niceness()
    #expect(await Worker(niceness: 5).niceness() == min(usual + 5, 19))
  }

  @Test(arguments: [
    ("localhost:8080", "localhost"), ("127.0.0.1", "127.0.0.1"), ("[::1]:80", "[::1]"),
    ("Example.ORG", "example.org"),
  ])
  func hostsAreReadWithoutTheirPorts(_ authority: String, _ host: String) {
    #expect(HostMiddleware<BasicRequestContext>.name(authority) == host)
  }
}
