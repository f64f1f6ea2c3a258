import Testing
import Torch

@testable import Perennial

/// What must hold for every strategy, whatever it does.
@Suite struct StrategyLawTests {
  static let weightless: [Method] =
    [
      Method("ewc, λ = 0") { [Method.ewc { $0.lambda = 0 }] },
      Method("ewc separate, λ = 0") { [Method.ewc { ($0.lambda, $0.mode) = (0, .separate) }] },
      Method("ewc online, λ = 0") {
        [Method.ewc { ($0.lambda, $0.mode, $0.fisher) = (0, .online, .sampled) }]
      },
      Method("lwf, w = 0") { [Method.lwf { $0.weight = 0 }] },
      Method("lwf van-de-ven, w = 0") { [Method.lwf { ($0.weight, $0.variant) = (0, .vanDeVen) }] },
      Method("lwf avalanche, w = 0") { [Method.lwf { ($0.weight, $0.variant) = (0, .avalanche) }] },
      Method("l1, λ = 0") { [WeightPenalty(.l1, lambda: 0)] },
      Method("l2, λ = 0") { [WeightPenalty(.l2, lambda: 0)] },
      Method("l2-previous, λ = 0") { [WeightPenalty(.l2Previous, lambda: 0)] },
      Method("all of them") {
        [Method.ewc { $0.lambda = 0 }, Method.lwf { $0.weight = 0 }, WeightPenalty(.l2, lambda: 0)]
      },
    ] + Method.weightlessReplay
  static let weightless: [Method] = core + Method.weightlessIsolation

  private static let core: [Method] = [
  static let weightless = coreWeightless + Method.weightlessRegularization

  static let coreWeightless: [Method] = [
  static let weightless: [Method] = core + Method.weightlessGenerative

  static let core: [Method] = [
  static let weightless: [Method] = weightlessCore + Method.weightlessTaskFree

  private static let weightlessCore: [Method] = [
    Method("ewc, λ = 0") { [Method.ewc { $0.lambda = 0 }] },
    Method("ewc separate, λ = 0") { [Method.ewc { ($0.lambda, $0.mode) = (0, .separate) }] },
    Method("ewc online, λ = 0") { [Method.ewc { ($0.lambda, $0.mode, $0.fisher) = (0, .online, .sampled) }] },
    Method("lwf, w = 0") { [Method.lwf { $0.weight = 0 }] },
    Method("lwf van-de-ven, w = 0") { [Method.lwf { ($0.weight, $0.variant) = (0, .vanDeVen) }] },
    Method("lwf avalanche, w = 0") { [Method.lwf { ($0.weight, $0.variant) = (0, .avalanche) }] },
    Method("l1, λ = 0") { [WeightPenalty(.l1, lambda: 0)] },
    Method("l2, λ = 0") { [WeightPenalty(.l2, lambda: 0)] },
    Method("l2-previous, λ = 0") { [WeightPenalty(.l2Previous, lambda: 0)] },
    Method("all of them") {
      [Method.ewc { $0.lambda = 0 }, Method.lwf { $0.weight = 0 }, WeightPenalty(.l2, lambda: 0)]
    },
  ]
    ] + Method.weightlessTransfer
    ] + Method.weightlessTaskFree

  static func train(_ method: Method, _ setting: Setting, experiences: Int? = nil) throws -> (
    Learner, losses: [Double]
  ) {
    let stream = try setting.stream()
    let learner = try setting.learner(method.make(), stream: stream)
    return (learner, try learner.learn(stream, experiences))
  }

  @Test(arguments: weightless, Setting.allCases)
  func withoutWeightTrainingIsFineTuning(method: Method, setting: Setting) throws {
    guard method.serves(setting) else { return }
    let (plain, losses) = try Self.train(Method("finetune") { [] }, setting)
    let (learner, same) = try Self.train(method, setting)
    #expect(same == losses)
    #expect(try learner.weights() == plain.weights())
  }

  /// Nothing is there yet to remember, so the first experience is learned as without a strategy.
  @Test(
    arguments: Method.all.filter { !["l1", "l2"].contains($0.name) && !$0.name.hasPrefix("replay") }
      .filter { !Method.changingTheFirstExperience.contains($0.name) },
    arguments: Method.all.filter {
      !(["l1", "l2"] + Method.ownFirstExperience).contains($0.name) && !$0.name.hasPrefix("replay")
    arguments: Method.all.filter {
      !["l1", "l2"].contains($0.name) && !$0.name.hasPrefix("replay") && !$0.name.hasPrefix("boundaries")
    arguments: Method.all.filter {
      !["l1", "l2"].contains($0.name) && !$0.name.hasPrefix("replay")
        && !Method.generativeFromTheStart.contains($0.name)
    },
    [Setting.plain, .dropoutAndNorm, .tasks])
  func theFirstExperienceIsFineTuning(method: Method, setting: Setting) throws {
    guard method.serves(setting) else { return }
    let (plain, losses) = try Self.train(Method("finetune") { [] }, setting, experiences: 1)
    let (learner, same) = try Self.train(method, setting, experiences: 1)
    #expect(same == losses)
    #expect(try learner.weights() == plain.weights())
  }

  /// And every strategy does something from the second experience on: it learns something else, or answers otherwise.
  @Test(arguments: Method.all.dropFirst())
  func theSecondExperienceIsNot(method: Method) throws {
    let (plain, _) = try Self.train(Method("finetune") { [] }, method.setting, experiences: 2)
    let (learner, _) = try Self.train(method, method.setting, experiences: 2)
    #expect(try learner.weights() != plain.weights())
    let (plain, _) = try Self.train(Method("finetune") { [] }, .plain, experiences: 2)
    let (learner, _) = try Self.train(method, .plain, experiences: 2)
    let inputs = try Setting.plain.stream().test(0).inputs
    let isSame =
      try learner.weights() == plain.weights() && learner.predict(inputs).equals(plain.predict(inputs))
    #expect(!isSame)
  }

  @Test func theSameSeedGivesTheSameBitsAndAnotherDoesNot() throws {
    let stream = try Setting.adamAugmented.stream()
    func weights(seed: UInt64) throws -> [String: [UInt8]] {
      let learner = try Learner(
        .tiny(dropout: 0.2), optimizer: Adam(), strategies: [Method.replay()],
        options: TrainingOptions(batch: 8), pipeline: stream.pipeline, seed: seed)
      try learner.learn(stream)
      return try learner.weights()
    }
    #expect(try weights(seed: 1) == weights(seed: 1))
    #expect(try weights(seed: 1) != weights(seed: 2))
  }

  /// Turning a strategy on moves no random stream of plain training: the order of the data is the same.
  @Test(
    arguments: Method.all.filter {
      $0.name != "joint" && $0.name != "cumulative" && !Method.generativeWithOtherExamples.contains($0.name)
    })
  func strategiesLeaveTheOrderOfTheDataAlone(method: Method) throws {
    let setting = method.setting
    func places(_ method: Method) throws -> [[Int]] {
      let stream = try setting.stream()
      let spy = Spy()
      let learner = try setting.learner(method.make() + [spy], stream: stream)
      try learner.learn(stream)
      return spy.places
    }
    #expect(try places(method) == places(Method("finetune") { [] }))
  }
}
