import Foundation
import Testing
import Torch

@testable import Perennial

/// Teachers that are wrong, unsure, or out of their depth count less.
@Suite struct TeacherTrustTests {
  private static func setting(_ labels: [Int]) throws -> (Learner, Batch) {
    let room = try Classroom()
    let learner = try room.learner([])
    try learner.begin(room.stream.experience(0))
    let examples = try #require(learner.session).examples
    return (learner, try learner.batch(of: examples, Tensor.arange(0, 4), isAugmented: false))
  }

  private static func signal(_ rows: [[Float]], units: [Int], features: Tensor? = nil) throws -> TeacherSignal
  {
    let outputs = try Tensor(rows.flatMap { $0 }, shape: [rows.count, rows[0].count])
    return TeacherSignal("t", Look(features: features ?? outputs, outputs: outputs), units: units)
  }

  /// The probability of the right class among those that both know; 0 for items of a class that the teacher lacks.
  @Test func lossIsTheProbabilityOfTheRightClass() throws {
    var (learner, batch) = try Self.setting([])
    batch.targets = try Tensor([2, 0, 5, 2])
    let signal = try Self.signal(
      [[1, 2, 9], [1, 2, 9], [1, 2, 9], [-3, 0, 9]], units: [0, 2, -1])
    let weights = try #require(try TeacherTrust(.loss).weights(signal, batch, learner)).floats()
    let p = exp(2.0) / (exp(1.0) + exp(2.0))
    for (weight, expected) in zip(weights, [p, 1 - p, 0, 1 / (1 + exp(-3.0))]) {
      expectNear(Double(weight), expected, within: 1e-6)
    }
  }

  /// 1 where it is sure, 0 where it cannot tell at all; what the student does not know plays no part.
  @Test func entropyIsHowMuchItHesitates() throws {
    let (learner, batch) = try Self.setting([])
    let trust = TeacherTrust(.entropy)
    let rows: [[Float]] = [[60, 0, 0, 7], [1, 1, 1, 7], [2, 2, -60, 7], [0, 1, 0, 99]]
    let weights = try #require(
      try trust.weights(Self.signal(rows, units: [3, 1, 2, -1]), batch, learner)
    ).floats()
    let z: Double = 2 + exp(1.0)
    let last: Double = 1 + (exp(1.0) / z * log(exp(1.0) / z) + 2 / z * log(1.0 / z)) / log(3.0)
    for (weight, expected) in zip(weights, [1, 0, 1 - log(2.0) / log(3.0), last]) {
      expectNear(Double(weight), expected, within: 1e-5)
    }
    let single = try #require(try trust.weights(Self.signal(rows, units: [3, -1, -1, -1]), batch, learner))
    #expect(try single.floats() == [1, 1, 1, 1])
    let none = try #require(
      try trust.weights(Self.signal(rows, units: [-1, -1, -1, -1]), batch, learner))
    #expect(try none.floats() == [0, 0, 0, 0])
  }

  /// Items far from what came before are hardly listened to; each teacher has a past of its own.
  @Test func noveltyIsDistanceFromWhatCameBefore() throws {
    let (learner, batch) = try Self.setting([])
    let trust = TeacherTrust(.novelty)
    let generator = try Generator(seed: 4)
    func signal(_ features: Tensor, _ name: String = "t") throws -> TeacherSignal {
      var signal = try Self.signal([[0], [0], [0], [0]], units: [0], features: features)
      signal = TeacherSignal(name, signal.look, units: [0])
      return signal
    }
    for _ in 0..<20 { _ = try trust.weights(signal(Tensor.normal([4, 6], generator)), batch, learner) }
    let features = try Tensor.concatenate([
      Tensor.normal([2, 6], generator) * 0.5, Tensor.normal([2, 6], generator) + 8,
    ])
    let state = trust.state()
    let weights = try #require(try trust.weights(signal(features), batch, learner)).floats()
    #expect(weights[0] > 0.9 && weights[1] > 0.9)
    #expect(weights[2] < 1e-6 && weights[3] < 1e-6)
    // Of another width, and without a past.
    let other = try #require(
      try trust.weights(signal(Tensor.normal([4, 3], generator) + 8, "u"), batch, learner))
    #expect(try other.floats().allSatisfy { $0 > 0.2 })
    let again = TeacherTrust(.novelty)
    try again.restore(state, device: .cpu)
    #expect(try #require(try again.weights(signal(features), batch, learner)).floats() == weights)
  }

  /// The past moves once a step, however many terms there are.
  @Test func everyTermTrustsTheTeacherAlike() throws {
    func states(_ terms: String) throws -> [String: [Float]] {
      let room = try Classroom(["big": try TableTeacher(Array(0..<6))])
      let distillation = try Method.distillation("{teacher: big, trust: novelty, terms: \(terms)}")
      let learner = try room.learner([distillation])
      try learner.begin(room.stream.experience(0))
      try learner.step()
      return try distillation.state().scoped("trust").tensors.mapValues { try $0.floats() }
    }
    let one = try states("[kd]")
    #expect(one.count == 2)
    #expect(try states("[kd, logits, {hint: {taps: [[hidden, features]]}}]") == one)
  }

  /// A teacher that takes every class for the next one: the student follows it, unless it is trusted by its loss.
  @Test func aWrongTeacherDoesLessHarm() throws {
    let room = try Classroom()
    let good = try room.trained(dropout: 0)
    let wrong = WrongTeacher(good)
    func accuracy(_ options: String, _ teacher: any Teacher) throws -> Double {
      var room = room
      room.teachers = ["t": teacher]
      let (learner, _) = try room.learn(options)
      return try learner.score(room.stream.test(0), task: nil)
    }
    let misled = try accuracy("{teacher: t, weight: 3, temperature: 1}", wrong)
    let warned = try accuracy("{teacher: t, weight: 3, temperature: 1, trust: loss}", wrong)
    let taught = try accuracy("{teacher: t, weight: 3, temperature: 1}", good)
    #expect(misled < 0.5, "\(misled)")
    #expect(warned >= 0.8 && taught >= 0.8, "\(warned), \(taught)")
  }

  /// What is unsure or unlike everything before weighs less in the loss itself, item by item.
  @Test(arguments: [TeacherTrust.Measure.loss, .entropy, .novelty])
  func theLossIsWeighedItemByItem(measure: TeacherTrust.Measure) throws {
    let teacher = try TableTeacher(Array(0..<6))
    let room = try Classroom(["big": teacher])
    let reference = TeacherTrust(measure)
    var differs = false
    try room.learn("{teacher: big, temperature: 2, trust: \(measure.rawValue)}") { step in
      let units = (0..<6).map { step.learner.classes.unit(of: $0) ?? -1 }
      let look = try teacher.look(step.batch.inputs, taps: [])
      // The sample before the first step is no part of what the teacher was asked.
      let signal = TeacherSignal("big", look, units: units)
      let weights = try #require(try reference.weights(signal, step.batch, step.learner))
      let items = try divergence(
        step.outputs.columns(units), look.outputs, temperature: 2)
      let expected = try (items * weights).mean().item()
      expectNear(try #require(try step.value(of: "kd")), expected, within: 1e-4 * max(expected, 1))
      if try abs(items.mean().item() - expected) > 0.01 { differs = true }
    }
    #expect(differs)
  }
}

/// A teacher that says of every class what another says of the one before.
struct WrongTeacher: Teacher {
  private let other: any Teacher
  init(_ other: any Teacher) { self.other = other }
  var labels: [Int]? { other.labels }
  var outputs: Int { other.outputs }
  var tapNames: [String] { other.tapNames }
  func digest() throws -> String { try "wrong " + other.digest() }
  func look(_ inputs: Tensor, taps: [String]) throws -> Look {
    var look = try other.look(inputs, taps: taps)
    look.outputs = try look.outputs.columns((0..<outputs).map { ($0 + 1) % outputs })
    return look
  }
}
