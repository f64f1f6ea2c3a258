import Testing
import Torch

@testable import Perennial

/// The habits of other libraries, each as a test that fails when we take it over.
@Suite struct DistillationMistakesTests {
  static func wide() throws -> (student: Tensor, teacher: Tensor, golden: GoldenTensors) {
    let golden = try GoldenTensors("distillation")
    return (try golden["scale/student"], try golden["scale/teacher"], golden)
  }

  /// TextBrewer, TinyBERT, TRL, Avalanche, PyCIL, FACIL and Mammoth leave T² out.
  @Test func textBrewerForgetsTheSquareOfTheTemperature() throws {
    let (s, t, golden) = try Self.wide()
    let ours = try ResponseDistillationTests.kl(s, t, 4)
    expectNear(ours, try golden["scale/canonical"])
    expectNear(ours, try golden["scale/batch_mean"] * 16)
  }

  /// A mean over items × classes is smaller by the number of classes: DeiT, Tf-KD, haitongli.
  @Test func deitAveragesOverClassesToo() throws {
    let (s, t, golden) = try Self.wide()
    let ours = try ResponseDistillationTests.kl(s, t, 4).item()
    #expect(abs(ours / (try golden["scale/element_mean"].item()) - 1600) < 1)
  }

  /// MMRazor's DKD sums over the batch whatever it is asked for.
  @Test func mmrazorSumsOverTheBatch() throws {
    let (s, t, golden) = try Self.wide()
    let ours = try ResponseDistillationTests.kl(s, t, 4).item()
    #expect(try abs(golden["scale/sum"].item() * 16 / ours - 64) < 0.01)
  }

  /// Softmax over all classes, sliced afterwards, is no distribution (avalanche#1018).
  @Test func avalancheSlicedAfterTheSoftmax() throws {
    let golden = try GoldenTensors("lwf")
    let canonical = try #require(ResponseDistillationTests.cases.first { $0.name == "canonical" })
    let ours = try ResponseDistillationTests.evaluate(canonical).value.item()
    #expect(try abs(golden["softmax_then_slice/value"].item() - ours) > 0.05)
    #expect(try abs(golden["canonical/value"].item() - ours) < 1e-5)
  }

  /// Over all classes the teacher's guesses about classes it never saw would be taught.
  @Test func newClassesAreNotTaughtByTheOldTeacher() throws {
    let canonical = try #require(ResponseDistillationTests.cases.first { $0.name == "canonical" })
    let (value, gradient, golden) = try ResponseDistillationTests.evaluate(canonical)
    #expect(try abs(golden["unrestricted/value"].item() - value.item()) > 0.05)
    #expect(try gradient.narrow(dim: 1, start: 6, count: 4).abs().amax([]).item() == 0)
  }

  /// KD_Lib gives the teacher as input and the student as target, without a logarithm: its loss is negative.
  @Test func kdLibSwapsTheArguments() throws {
    let golden = try GoldenTensors("distillation")
    let (s, t) = (try golden["logits/student"].clone(), try golden["logits/teacher"])
    let theirs = try (t / 20).softmax().klDivergence(target: (s / 20).softmax(), targetIsLog: false).mean()
      .item()
    #expect(theirs < 0)
    try s.setRequiresGrad(true)
    let loss = try ResponseDistillationTests.kl(s, t, 20)
    #expect(try loss.item() > 0)
    let gradient = try gradients(of: loss, withRespectTo: [s])[0]
    let moved = try noGrad { try ResponseDistillationTests.kl(s - gradient, t, 20).item() }
    #expect(try moved < loss.item(), "descending the loss brings the student nearer")
  }

  /// IntelLabs/distiller once rebuilt the student's logits outside the graph: distillation sent no gradient at all.
  @Test func intelDistillerCutTheGradient() throws {
    for one in ResponseDistillationTests.cases where one.name != "identity" {
      #expect(
        try ResponseDistillationTests.evaluate(one).gradient.abs().amax([]).item() > 1e-4, "\(one.name)")
    }
  }
}
