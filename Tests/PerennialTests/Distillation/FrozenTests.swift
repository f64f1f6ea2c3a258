import Testing
import Torch

@testable import Perennial

@Suite struct FrozenTests {
  static func learned() throws -> (Learner, Tensor) {
    let stream = try Setting.dropoutAndNorm.stream()
    let learner = try Setting.dropoutAndNorm.learner([], stream: stream)
    try learner.learn(stream, 1)
    learner.model.train()
    return (learner, try stream.test(0).inputs)
  }

  /// torchdistill, distiller and MMRazor ran teachers in training mode: dropout on, statistics drifting.
  @Test func torchdistillTaughtInTrainingMode() throws {
    let (learner, inputs) = try Self.learned()
    let teacher = try Frozen(learner.model, learner.blueprint)
    let expected = try noGrad { try learner.model.evaluating { try learner.model(inputs) } }
    let digest = try teacher.digest()
    for _ in 0..<3 { #expect(try teacher(inputs).data() == expected.data()) }
    #expect(try teacher.digest() == digest)
    #expect(
      try noGrad { try learner.model(inputs) }.data() != expected.data(), "the student is in training mode")
  }

  /// KD_Lib runs the teacher with autograd, and its optimizer can reach it.
  @Test func kdLibLetsGradientsReachTheTeacher() throws {
    let (learner, inputs) = try Self.learned()
    let teacher = try Frozen(learner.model, learner.blueprint)
    let input = try inputs.clone()
    try input.setRequiresGrad(true)
    #expect(try teacher(input).requiresGrad == false)
    #expect(teacher.outputs == 2)
  }

  @Test func itSharesNothingWithTheModel() throws {
    let (learner, inputs) = try Self.learned()
    let teacher = try Frozen(learner.model, learner.blueprint)
    let (digest, outputs) = (try teacher.digest(), try teacher(inputs))
    try noGrad { for (_, parameter) in learner.model.parameters { try parameter.value.zero() } }
    #expect(try teacher.digest() == digest)
    #expect(try teacher(inputs).data() == outputs.data())
  }

  @Test func theDigestCoversParametersAndBuffers() throws {
    let (learner, _) = try Self.learned()
    let digest = try Frozen(learner.model, learner.blueprint).digest()
    #expect(digest.count == 64)
    for (path, parameter) in learner.model.parameters {
      let before = try noGrad { try parameter.value.clone() }
      try noGrad { try parameter.value.add(1) }
      #expect(try Frozen(learner.model, learner.blueprint).digest() != digest, "\(path)")
      try noGrad { try parameter.value.copy(from: before) }
    }
    #expect(try Frozen(learner.model, learner.blueprint).digest() == digest)
  }

  @Test func itComesBackFromItsState() throws {
    let (learner, inputs) = try Self.learned()
    let teacher = try Frozen(learner.model, learner.blueprint)
    let again = try Frozen(teacher.state().saved(), learner.blueprint)
    #expect(try again.digest() == teacher.digest())
    #expect(try again(inputs).data() == teacher(inputs).data())
  }
}
