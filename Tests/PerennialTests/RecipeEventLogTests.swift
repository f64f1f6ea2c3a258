import Foundation
import Testing

@testable import Perennial

@Suite struct RecipeEventLogTests {
  private let url = URL(fileURLWithPath: NSTemporaryDirectory())
    .appendingPathComponent("events-\(UUID().uuidString).jsonl")
  private let position = RunPosition(strategy: "er", seed: 1, experience: 2, experiences: 5)
  private let noon = Date(timeIntervalSince1970: 1_772_362_830.25)

  private func log(_ events: [RunEvent], to url: URL, stepInterval: Int = 100) -> (
    lines: [String], said: [String]
  ) {
    var said: [String] = []
    let log = EventLog(url, stepInterval: stepInterval, clock: { noon }, complain: { said.append($0) })
    for event in events { log.note(event) }
    let text = (try? String(contentsOf: url, encoding: .utf8)) ?? ""
    return (text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init), said)
  }

  @Test func everyEventIsOneLine() throws {
    defer { try? FileManager.default.removeItem(at: url) }
    let (lines, said) = log(
      [
        .started(position, step: 0, steps: 10_000),
        .step(position, step: 100, steps: 10_000, loss: 0.5),
        .consolidating(position),
        .evaluated(position, step: 4000, accuracies: [0.5, 1]),
        .saved(position, step: 4000, path: "checkpoints/er-1"),
        .finished(position, metrics: [.forgetting: 0.25, .averageAccuracy: 0.5], seconds: 1.5),
        .interrupted(position, step: 7),
        .warning("a \"quoted\"\nword"),
      ], to: url)
    #expect(said.isEmpty)
    let time = "{\"time\": \"2026-03-01T11:00:30.250Z\", \"event\": "
    let place = "\"strategy\": \"er\", \"seed\": 1, \"experience\": 2"
    #expect(
      lines == [
        "\(time)\"started\", \(place), \"step\": 0, \"steps\": 10000}",
        "\(time)\"step\", \(place), \"step\": 100, \"steps\": 10000, \"loss\": 0.5}",
        "\(time)\"consolidating\", \(place)}",
        "\(time)\"evaluated\", \(place), \"step\": 4000, \"accuracies\": [0.5, 1.0]}",
        "\(time)\"saved\", \(place), \"step\": 4000, \"path\": \"checkpoints/er-1\"}",
        "\(time)\"finished\", \(place), \"metrics\": {\"average_accuracy\": 0.5, \"forgetting\": 0.25}, "
          + "\"seconds\": 1.5}",
        "\(time)\"interrupted\", \(place), \"step\": 7}",
        "\(time)\"warning\", \"message\": \"a \\\"quoted\\\"\\nword\"}",
        "",
      ])
    for line in lines.dropLast() { _ = try JSONSerialization.jsonObject(with: Data(line.utf8)) }
  }

  @Test func stepsAreThinnedOut() {
    defer { try? FileManager.default.removeItem(at: url) }
    let steps = (1...25).map { RunEvent.step(position, step: $0, steps: 25, loss: 1) }
    #expect(log(steps, to: url, stepInterval: 10).lines.count == 3)
  }

  @Test func aLossThatIsNoNumberIsNull() {
    defer { try? FileManager.default.removeItem(at: url) }
    let lines = log([.step(position, step: 0, steps: 1, loss: .nan)], to: url).lines
    #expect(lines[0].hasSuffix("\"loss\": null}"))
  }

  @Test(arguments: [("{\"a\": 1}\n{\"b\":", "{\"a\": 1}"), ("{\"a\": 1}\n", "{\"a\": 1}")])
  func aLineThatWasCutShortGoes(before: String, kept: String) throws {
    defer { try? FileManager.default.removeItem(at: url) }
    try Data(before.utf8).write(to: url)
    let lines = log([.warning("again")], to: url).lines
    #expect(lines.count == 3)
    #expect(lines[0] == kept)
    #expect(lines[1].contains("again"))
  }

  @Test func aLogThatCannotBeOpenedComplainsOnce() {
    let nowhere = URL(fileURLWithPath: "/no/such/folder/events.jsonl")
    let (_, said) = log([.warning("a"), .warning("b")], to: nowhere)
    #expect(
      said == ["events are not logged: cannot open /no/such/folder/events.jsonl: No such file or directory"])
  }

  #if os(Linux)
    @Test func aFullDiskStopsTheLogAndNothingElse() {
      var said: [String] = []
      let log = EventLog(URL(fileURLWithPath: "/dev/full"), complain: { said.append($0) })
      log.note(.warning("a"))
      log.note(.warning("b"))
      #expect(said == ["events are no longer logged: No space left on device"])
    }
  #endif
}
