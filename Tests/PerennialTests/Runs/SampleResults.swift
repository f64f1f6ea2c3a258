@testable import Perennial

/// Made-up results of the kind that a class-incremental stream gives, for whatever reads or shows results.
enum SampleResults {
  /// How a strategy of the sample learns and forgets.
  private struct Behaviour {
    let name: String
    /// The score on an experience just learned.
    let learned: Double
    /// What remains of it after each later experience, as a share.
    let kept: Double
    let seconds: Double
    let memory: Int
    let replay: Int
  }

  private static let behaviours = [
    Behaviour(name: "finetune", learned: 0.992, kept: 0.0, seconds: 11.4, memory: 402_000_000, replay: 0),
    Behaviour(name: "ewc", learned: 0.989, kept: 0.02, seconds: 12.3, memory: 414_000_000, replay: 0),
    Behaviour(name: "lwf", learned: 0.93, kept: 0.42, seconds: 15.9, memory: 421_000_000, replay: 0),
    Behaviour(name: "er", learned: 0.965, kept: 0.955, seconds: 21.8, memory: 431_000_000, replay: 784_000),
    Behaviour(name: "joint", learned: 0.981, kept: 1.0, seconds: 34.2, memory: 640_000_000, replay: 0),
  ]

  /// Five strategies, three seeds, `experiences` pairs of classes.
  static func make(experiences: Int = 5, seeds: [Int] = [0, 1, 2]) -> RunResults {
    var results = RunResults(
      recipe: "split-digits/class", recipeSHA256: String(repeating: "3f9a", count: 16), version: "0.1.0",
      environment: .init(torch: "2.13.0", device: "cpu", threads: 2, cpu: "AMD EPYC 7B13"),
      stream: .init(
        data: "digits", scenario: "class", experiences: (0..<experiences).map { "\(2 * $0),\(2 * $0 + 1)" },
        testExamples: (0..<experiences).map { 70 + $0 % 4 }))
    for behaviour in behaviours {
      for seed in seeds {
        results.runs.append(run(behaviour, seed: seed, experiences: experiences))
      }
    }
    results.measureIntransigence(against: "joint")
    results.expect(
      .averageAccuracy, of: "finetune", toBe: 0.199, tolerance: 0.015, source: "van de Ven et al. 2022")
    results.expect(
      .averageAccuracy, of: "er", toBe: 0.888, tolerance: 0.015, source: "van de Ven et al. 2022")
    results.expect(
      .averageAccuracy, of: "lwf", toBe: 0.239, tolerance: 0.03, source: "van de Ven et al. 2022")
    results.expect(
      .averageAccuracy, of: "joint", toBe: 0.979, tolerance: 0.015, source: "van de Ven et al. 2022")
    return results
  }

  private static func run(_ behaviour: Behaviour, seed: Int, experiences: Int) -> RunResults.Run {
    var noise = UInt64(truncatingIfNeeded: seed &+ 1) &* 0x9E37_79B9_7F4A_7C15
    noise ^= UInt64(behaviour.name.utf8.reduce(7) { $0 &* 31 &+ Int($1) })
    func wobble(_ size: Double) -> Double {
      noise ^= noise << 13
      noise ^= noise >> 7
      noise ^= noise << 17
      return size * (Double(noise % 2001) / 1000 - 1)
    }
    let scores = (0..<experiences).map { i in
      (0..<experiences).map { j -> Double in
        guard j <= i else { return 0 }
        var score = behaviour.learned
        for _ in j..<i { score *= behaviour.kept }
        let spread = score * (1 - score) * 0.25 + (score > 0 ? 0.002 : 0)
        return min(max(score + wobble(spread), 0), 1)
      }
    }
    let masked = scores.map { row in row.map { min(1, 0.88 + 0.12 * $0) } }
    var record =
      (try? AccuracyMatrix(
        scores: scores, taskMasked: masked, randomInit: [Double](repeating: 0.02, count: experiences)))
      ?? AccuracyMatrix(experiences: experiences)
    record.recordFlips(FlipCounts(negative: Int(100 * (1 - behaviour.kept)), positive: 3, total: 144))
    record.cost = LearningCost(
      trainingSeconds: behaviour.seconds + wobble(0.6), evaluationSeconds: 0.4 + wobble(0.02),
      steps: 2000 * experiences,
      examplesPerSecond: 256_000 * Double(experiences) / behaviour.seconds,
      peakMemoryBytes: behaviour.memory + Int(wobble(4_000_000)), replayBytes: behaviour.replay,
      parameters: 478_410)
    return RunResults.Run(strategy: behaviour.name, seed: seed, record: record)
  }

  /// A recipe of the same make.
  static let recipe = """
    name: split-digits/class
    stream: {data: digits, scenario: class, experiences: 5}
    model: {mlp: {hidden: [400, 400]}}
    training: {optimizer: {adam: {lr: 0.001}}, batch: 128, steps: 2000}
    strategies:
      finetune: []
      ewc: [{ewc: {lambda: 1000}}]
      lwf: [{distillation: {teacher: past-self, temperature: 2}}]
      er: [{replay: {memory: 1000, policy: class-balanced}}]
      joint: [{joint: {}}]
    seeds: [0, 1, 2]
    """
}
