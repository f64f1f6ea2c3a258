import Testing
import Torch

@testable import Perennial

/// Laws of strategies that answer in place of the head and leave training alone.
@Suite struct AnsweringLawTests {
  @Test(arguments: Method.answering, [Setting.plain, .dropoutAndNorm, .tasks])
  func trainingIsFineTuningBitForBit(method: Method, setting: Setting) throws {
    let (plain, losses) = try StrategyLawTests.train(Method("finetune") { [] }, setting)
    let (learner, same) = try StrategyLawTests.train(method, setting)
    #expect(same == losses)
    #expect(try learner.weights() == plain.weights())
    let inputs = try setting.stream().test(0).inputs
    let task = setting == .tasks ? 0 : nil
    let (ours, theirs) = try (learner.predict(inputs, task: task), plain.predict(inputs, task: task))
    #expect(try ours.shape == theirs.shape && !ours.equals(theirs))
    #expect(try learner.weights() == plain.weights(), "asking must leave no trace")
    #expect(try learner.predict(inputs, task: task).equals(ours), "asking again gives the same")
  }

  @Test(arguments: Method.answering, [Setting.dropoutAndNorm, .adamAugmented, .tasks])
  func goingOnIsAsNeverHavingStopped(method: Method, setting: Setting) throws {
    let whole = try ResumeTests.run(method, setting)
    for cut in [whole.losses.count / 2, whole.losses.count - 1] {
      ResumeTests.expectSame(try ResumeTests.run(method, setting, cut: cut), whole, "cut before step \(cut)")
    }
    ResumeTests.expectSame(
      try ResumeTests.run(method, setting, betweenExperiences: 2), whole, "cut between experiences")
  }

  @Test(arguments: Method.answering)
  func aRestoredLearnerAnswersAlike(method: Method) throws {
    let stream = try Setting.plain.stream()
    let learner = try Setting.plain.learner(method.make(), stream: stream)
    try learner.learn(stream, 2)
    let other = try Setting.plain.learner(method.make(), stream: stream)
    try other.restore(learner.state().saved(), experience: nil, past: { try stream.experience($0) })
    let inputs = try stream.test(0).inputs
    #expect(try other.predict(inputs).data() == learner.predict(inputs).data())
  }
}
