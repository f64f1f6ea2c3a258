import Foundation
import PerennialLife
import PerennialText
import Synchronization

@testable import PerennialServe

/// A model of whole numbers: version v calls x by the label `x mod modulus(v)`, so that what it will say is known.
final class RemainderModel: ServedModel {
  let card: ModelCard
  private let modulus: Int
  private let behaviour: RemainderSource.Behaviour

  init(modulus: Int, behaviour: RemainderSource.Behaviour) {
    (self.modulus, self.behaviour) = (modulus, behaviour)
    card = ModelCard(
      kind: "remainders", abilities: [.predict, .embed], input: .values(shape: [2]),
      labels: (0..<10).map { "label \($0)" }, parameters: 1)
  }

  func predict(_ inputs: [ServedInput]) throws -> [[Float]] {
    behaviour.latch?.wait()
    Thread.sleep(forTimeInterval: behaviour.seconds)
    return try inputs.map { input in
      guard case .values(let values) = input else { return [] }
      if values[0] == behaviour.poison { throw CocoaError(.featureUnsupported) }
      let label = Int(values[0]) % modulus
      return (0..<10).map { $0 == label ? 0.91 : 0.01 }
    }
  }

  func embed(_ inputs: [ServedInput]) throws -> [ServedVector] {
    inputs.map { input in
      guard case .values(let values) = input else { return ServedVector(values: [], tokens: 0) }
      return ServedVector(values: values.map { $0 / 2 }, tokens: 3)
    }
  }
}

/// Versions whose behaviour is laid down.
actor RemainderSource: VersionSource {
  /// Lets threads wait until it is opened, once and for all.
  final class Latch: @unchecked Sendable {
    private let condition = NSCondition()
    private var isOpen = false

    func open() {
      condition.lock()
      isOpen = true
      condition.broadcast()
      condition.unlock()
    }

    func wait() {
      condition.lock()
      while !isOpen { condition.wait() }
      condition.unlock()
    }
  }

  /// How models behave.
  struct Behaviour: Sendable {
    /// The modulus of each version, the first is version 1.
    var moduli = [10, 10, 10]
    /// Seconds that a batch takes.
    var seconds = 0.0
    /// Holds batches up until it is opened.
    var latch: Latch?
    /// An input that no model can answer.
    var poison: Float = -1
    /// Whether candidates pass their gate.
    var passes = true
  }

  nonisolated let name = "remainders"
  nonisolated let keepsExamples = true
  private let behaviour: Behaviour
  private var log: VersionHistory
  private(set) var recorded: [LabelledExample] = []
  private(set) var learned: [String] = []
  /// How often an update was to take in again what was set aside.
  private(set) var retries = 0
  /// Labels in the order in which they came, what was kept for the next process, and what the audit log was told.
  private var judged: [JudgedPrediction] = []
  private(set) var kept: Standing?
  private(set) var told: [ServingEvent] = []
  /// What becomes of weights when something is forgotten.
  private var weights: ForgetReceipt.Weights?
  private var failures = 0
  /// Recorded examples that updates have taken in.
  private var taken = 0
  private var isHeld = false

  init(_ behaviour: Behaviour = Behaviour()) {
    self.behaviour = behaviour
    log = VersionHistory(
      current: 1, versions: [VersionRecord(number: 1, created: Date(), examples: 0, reason: "made")],
      suites: ["one", "two"])
  }

  /// Lets updates train until they are released.
  func hold() { isHeld = true }
  func release() { isHeld = false }

  /// Lets the next so many recordings fail.
  func failRecording(_ times: Int) { failures = times }

  func history() -> VersionHistory { log }

  func opener(of version: Int) throws -> VersionOpener {
    guard log.versions.contains(where: { $0.number == version }),
      behaviour.moduli.indices.contains(version - 1)
    else { throw ServeError.missing("there is no version \(version)") }
    let modulus = behaviour.moduli[version - 1]
    let behaviour = behaviour
    return { RemainderModel(modulus: modulus, behaviour: behaviour) }
  }

  func record(_ examples: [LabelledExample]) throws -> [Int?] {
    if failures > 0 {
      failures -= 1
      throw CocoaError(.fileWriteOutOfSpace)
    }
    recorded += examples
    for case .served(let record, let label, let shadow) in examples {
      judged.append(
        JudgedPrediction(
          sequence: judged.count + 1, version: record.version, label: record.label, truth: label,
          shadow: shadow, time: Date()))
    }
    var place = judged.count - examples.count { if case .served = $0 { true } else { false } }
    return examples.map { example in
      guard case .served = example else { return nil }
      place += 1
      return place
    }
  }

  func forgets(with weights: ForgetReceipt.Weights) { self.weights = weights }

  func judged(latest count: Int) -> [JudgedPrediction] { judged.suffix(count) }
  func standing() -> Standing? { kept }
  func pending() -> Int { recorded.count - taken }

  func keep(_ standing: Standing, telling event: ServingEvent?) {
    kept = standing
    if let event { told.append(event) }
  }

  func learn(because reason: String, retrying: Bool) async throws -> UpdateOutcome {
    learned.append(reason)
    taken = recorded.count
    if retrying { retries += 1 }
    while isHeld { try await Task.sleep(for: .milliseconds(5)) }
    let number = log.versions.count + 1
    let check = GateVerdict.Check(name: "anchors", passed: behaviour.passes, finding: "drop 0.2 of 0.1")
    let verdict = GateVerdict(passed: behaviour.passes, checks: [check])
    log.versions.append(
      VersionRecord(
        number: number, parent: log.current, created: Date(), examples: recorded.count, reason: reason,
        verdict: verdict, accuracy: [0.9, nil]))
    return behaviour.passes ? .passed(number) : .refused(verdict)
  }

  func promote(_ version: Int, because reason: String) { log.current = version }
  func rollback(to version: Int, because reason: String) { log.current = version }

  func forget(_ ids: [String], _ policy: ForgetPolicy, force: String?) -> ErasureReport {
    let erased = recorded.map(\.id).filter(ids.contains)
    recorded.removeAll { ids.contains($0.id) }
    return ErasureReport(
      erased: erased, unknown: ids.filter { !erased.contains($0) }, versions: [], actions: ["erased"],
      weights: force == nil ? weights : .rebuilt)
  }

  func snapshot() -> String { "snapshot-1" }
  func memory(of version: Int) -> [LabelCount] { [LabelCount(label: "label 3", count: 2)] }
  func known() -> [LabelCount] { [LabelCount(label: "label 3", count: recorded.count)] }
}
