import Foundation
import Testing
import Torch

@Suite("Schedules give PyTorch's learning rates")
struct ScheduleTests {
  private struct File: Decodable {
    struct Case: Decodable {
      let name: String
      let base: Double
      let rates: [Double]
    }
    let cases: [Case]
  }

  /// Each schedule, and the base rate where the golden file's optimizer was not made with it.
  static let schedules: [String: (schedule: Schedule, base: Double?)] = [
    "constant": (.constant, nil),
    "step": (.step(every: 4, factor: 0.1), nil),
    "step_gamma": (.step(every: 3, factor: 0.5), nil),
    "multi_step": (.multiStep(milestones: [2, 5, 9], factor: 0.2), nil),
    // An exponential decay is a step at every step.
    "exponential": (.step(every: 1, factor: 0.9), nil),
    "cosine": (.cosine(steps: 10, minimum: 0), nil),
    "cosine_floor": (.cosine(steps: 10, minimum: 0.01), nil),
    "linear_warmup": (.warmUp(steps: 5, start: 0.1, then: .constant), nil),
    "one_cycle": (.oneCycle(steps: 20, warmUp: 0.3, divisor: 25, finalDivisor: 1e4), 0.5),
    "one_cycle_factors": (.oneCycle(steps: 17, warmUp: 0.4, divisor: 10, finalDivisor: 100), 0.5),
    "warmup_cosine": (.warmUp(steps: 5, start: 0.1, then: .cosine(steps: 15, minimum: 0)), nil),
    "warmup_constant": (.warmUp(steps: 4, start: 0.25, then: .constant), nil),
  ]

  /// Variants of one-cycle that no recipe offers.
  static let absent: Set = ["one_cycle_linear", "one_cycle_three_phase"]

  private func cases() throws -> [File.Case] {
    let url = try #require(Bundle.module.url(forResource: "Golden/schedules", withExtension: "json"))
    return try JSONDecoder().decode(File.self, from: Data(contentsOf: url)).cases
  }

  @Test("the rate of every step", arguments: schedules.keys.sorted())
  func rates(_ name: String) throws {
    let expected = try #require(try cases().first { $0.name == name })
    let (schedule, base) = try #require(Self.schedules[name])
    for (step, rate) in expected.rates.enumerated() {
      let found = schedule.learningRate(at: step, base: base ?? expected.base)
      #expect(abs(found - rate) <= 1e-12 + 1e-9 * rate, "step \(step): \(found), not \(rate)")
    }
  }

  @Test("every schedule of the golden file is here or left out on purpose")
  func complete() throws {
    #expect(Set(try cases().map(\.name)) == Set(Self.schedules.keys).union(Self.absent))
  }

  @Test("no schedule breaks at its edges")
  func edges() {
    let odd: [Schedule] = [
      .step(every: 0, factor: 0.5), .cosine(steps: 0, minimum: 0), .multiStep(milestones: [], factor: 0.1),
      .warmUp(steps: 0, start: 0, then: .constant),
      .oneCycle(steps: 0, warmUp: 0.3, divisor: 25, finalDivisor: 1e4),
      .oneCycle(steps: 1, warmUp: 0.3, divisor: 25, finalDivisor: 1e4),
      .oneCycle(steps: 10, warmUp: 0, divisor: 25, finalDivisor: 1e4),
      .oneCycle(steps: 10, warmUp: 1, divisor: 25, finalDivisor: 1e4),
    ]
    for schedule in odd {
      for step in [0, 1, 9, 10, 1000] {
        let rate = schedule.learningRate(at: step, base: 0.1)
        #expect(rate.isFinite && rate >= 0 && rate <= 0.1 + 1e-12, "\(schedule) at \(step): \(rate)")
      }
    }
  }
}
