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

  /// The loss of texts as `distillation` takes it: the places that count are items.
  private static func loss(_ student: Tensor, _ teacher: Tensor, _ targets: Tensor) throws -> Double {
    let tokens = try CountedTokens(student, targets)
    let values = try ResponseDistillation.forwardKL(
      student: tokens.rows(student), teacher: tokens.rows(teacher), temperature: 2)
    return try DistillationReducer()(values, temperature: 2).item()
  }

  /// Outputs of a text of five tokens, of which the last two are the answer: the third and fourth place tell of them.
  private static func text() throws -> (student: Tensor, teacher: Tensor, targets: Tensor) {
    let generator = try Generator(seed: 6)
    return (
      try Tensor.normal([1, 4, 7], generator), try Tensor.normal([1, 4, 7], generator),
      try Tensor([-100, -100, 3, 4], shape: [1, 4])
    )
  }

  /// DistillKit masks by labels that are not shifted, so that nobody teaches the first token of an answer.
  @Test func distillKitMasksByUnshiftedLabels() throws {
    let (student, teacher, targets) = try Self.text()
    let whole = try Self.loss(student, teacher, targets)
    for place in 0..<4 {
      let other = try student.clone()
      try other[0][place].copy(from: teacher[0][place])
      let moved = try Self.loss(other, teacher, targets)
      #expect(place < 2 ? moved == whole : moved < whole, "place \(place)")
    }
  }

  /// `batchmean` of texts divides by their number alone, so that long ones weigh more (transformers#1181).
  @Test func transformersSumsOverTokens() throws {
    let (student, teacher, targets) = try Self.text()
    let once = try Self.loss(student, teacher, targets)
    let twice = try Self.loss(student.tiled([1, 2, 1]), teacher.tiled([1, 2, 1]), targets.tiled([1, 2]))
    expectNear(twice, once, within: 1e-6)
  }
}
