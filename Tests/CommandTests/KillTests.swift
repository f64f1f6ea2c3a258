import Foundation
import Testing

/// A run that is stopped at any step, however rudely, ends with the numbers and the weights of one that was not.
@Suite struct KillTests {
  /// What learns: the model and training of a recipe, and its one arm.
  struct Case: Sendable, CustomTestStringConvertible {
    let arm: String
    var stream = "{data: digits, scenario: class, experiences: 3}"
    var model = "{mlp: {hidden: [24], dropout: 0.2}}"
    var training =
      "{optimizer: {adam: {lr: 0.005}}, batch: 16, steps: 30, checkpoint_every: 3, evaluate_every: 10}"
    var head = "linear"

    var testDescription: String { "\(arm) \(head) \(stream)" }

    var recipe: String {
      """
      stream: \(stream)
      model: \(model)
      head: \(head)
      training: \(training)
      strategies: {arm: \(arm)}
      seeds: [3]
      """
    }
  }

  static let strategies = [
    "[]",
    "[{ewc: {lambda: 100, mode: separate}}]",
    "[{ewc: {lambda: 100, mode: folded}}]",
    "[{ewc: {lambda: 100, mode: online, decay: 0.9, fisher: sampled, samples: 50}}]",
    "[{ewc: {lambda: 10, fisher: empirical}}]",
    "[{distillation: {teacher: past-self, temperature: 2}}]",
    "[{lwf: {variant: van-de-ven}}]",
    "[{lwf: {variant: avalanche}}]",
    "[{replay: {memory: 30}}]",
    "[{replay: {memory: 31, policy: class-balanced}}]",
    "[{replay: {memory: 31, policy: experience-balanced, weighting: experiences}}]",
    "[{replay: {memory: 30, policy: ring}}]",
    "[{replay: {memory: 31, policy: class-balanced, insert: end, batch: 8}}]",
    "[joint]",
    "[cumulative]",
    "[{l1: {lambda: 0.001}}]",
    "[{l2: {lambda: 0.001}}]",
    "[{l2-previous: {lambda: 0.1}}]",
    "[{replay: {memory: 30}}, lwf, {ewc: {lambda: 10}}, {l2: {lambda: 0.001}}]",
  ].map { Case(arm: $0) }

  /// Everything else that has a state: optimizers, schedules, heads, buffers, random streams, scenarios.
  static let surroundings = [
    Case(
      arm: "[{replay: {memory: 20}}]",
      stream:
        "{data: digits, scenario: task, experiences: 3, class_order: seeded, augment: [{crop: {padding: 1}}]}",
      model: "{small-cnn: {channels: [4, 8], hidden: 16}}",
      training:
        "{optimizer: {sgd: {lr: 0.05, momentum: 0.9}}, schedule: cosine, batch: 16, steps: 20, checkpoint_every: 3}"
    ),
    Case(
      arm: "[{ewc: {lambda: 10}}, lwf]",
      stream: "{data: digits, scenario: {domain: {transform: permute}}, experiences: 3, validation: 0.1}",
      training:
        "{optimizer: {adamw: {lr: 0.005}}, schedule: one-cycle, batch: 64, epochs: 1, clip: 1, checkpoint_every: 5}",
      head: "cosine"),
    Case(
      arm: "[{replay: {memory: 20}}]",
      stream: "{data: digits, scenario: class, experiences: 5, online: 10, blur: 0.3}",
      training: "{optimizer: {sgd: {lr: 0.05}}, batch: 10, steps: 1, checkpoint_every: 7}",
      head: "nearest-class-mean"),
    Case(
      arm: "[lwf]", stream: "{data: digits, scenario: instance, experiences: 3}",
      training:
        "{optimizer: adam, reset_optimizer: true, warm_up: {length: 5}, batch: 16, steps: 25, checkpoint_every: 2}",
      head: "{fixed: {outputs: 12}}"),
  ]

  @Test(arguments: (strategies + surroundings).enumerated().map { Numbered(number: $0, example: $1) })
  func aRunGoesOnAsIfNothingHadHappened(_ numbered: Numbered) throws {
    let undisturbed = try TestRun(numbered.example.recipe)
    let ending = try undisturbed.learn()
    try #require(ending.status == 0, "\(ending.errors)")
    let events = undisturbed.eventCount

    var random = SplitMix(state: UInt64(numbered.number))
    let disturbed = try TestRun(numbered.example.recipe)
    var hits = 0
    for signal in [SIGKILL, SIGINT, SIGTERM, SIGKILL].shuffled(using: &random) {
      let program = try disturbed.start("--resume")
      let share = max(1, events / 5)
      disturbed.wait(for: disturbed.eventCount + Int.random(in: 1...share, using: &random), of: program)
      usleep(UInt32.random(in: 0...5000, using: &random))
      program.send(signal)
      hits += try stopped(program.wait(), by: signal) ? 1 : 0
    }
    #expect(hits > 0, "no signal met a running program")
    let last = try disturbed.learn("--resume")
    #expect(last.status == 0, "\(last.errors)")
    // What the last program found finished is a run of its own; the first folder is the one that was disturbed.
    let folder = try #require(disturbed.runs.first)
    try Learned(folder).expectSame(as: Learned(undisturbed.run()))
    let left = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/checkpoints")
    #expect(left.sorted() == ["arm-3.record.json", "arm-3.safetensors"])
  }

  /// Whether the signal ended the program, in which case it must have said how to go on; else it was done already.
  private func stopped(_ ending: Program.Ending, by signal: Int32) throws -> Bool {
    switch (ending.status, ending.signal) {
    case (nil, SIGKILL?): return signal == SIGKILL
    case (let status?, nil) where status == 128 + signal:
      #expect(ending.errors.contains("stopping after this step"))
      #expect(ending.errors.contains("go on with: "))
      return true
    default:
      #expect(ending.status == 0, "\(ending)")
      return false
    }
  }

  struct Numbered: Sendable, CustomTestStringConvertible {
    let number: Int
    let example: Case
    var testDescription: String { example.testDescription }
  }
}

/// Random numbers that every test run repeats (Steele, Lea & Flood 2014).
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
