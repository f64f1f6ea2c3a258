import Testing
import Torch

@testable import Perennial

@Suite struct LearningWithoutForgettingTests {
  typealias Variant = LearningWithoutForgetting.Variant

  /// Learns a stream and looks at every step from experience `from` on.
  static func look(
    _ lwf: LearningWithoutForgetting, _ setting: Setting = .plain, before: [any Strategy] = [], from: Int = 1,
    _ body: @escaping (Step, Tensor, Tensor) throws -> Void
  ) throws {
    let stream = try setting.stream()
    var looks = 0
    let spy = Spy { step in
      guard step.session.experience.index >= from else { return }
      let teacher = try #require(lwf.teacher)
      try body(step, step.outputs.detach(), teacher(step.batch.inputs))
      looks += 1
    }
    let learner = try setting.learner(before + [lwf, spy], stream: stream)
    try learner.learn(stream)
    #expect(looks > 0)
  }

  static func value(_ step: Step) throws -> Double {
    try step.terms.filter { $0.name == "lwf" }[0].value.item()
  }

  static func kl(_ student: Tensor, _ teacher: Tensor, _ units: Range<Int>, _ temperature: Double) throws
    -> Double
  {
    func select(_ outputs: Tensor) throws -> Tensor {
      try outputs.narrow(dim: 1, start: units.lowerBound, count: units.count)
    }
    let (s, t) = (
      try (select(student) / temperature).softmax(), try (select(teacher) / temperature).softmax()
    )
    return try (t * (t.log() - s.log())).sum([1]).mean().item() * temperature * temperature
  }

  @Test(arguments: [1.0, 2, 5], [1.0, 0.3])
  func theTermIsTheDivergenceOverOldUnits(temperature: Double, weight: Double) throws {
    let lwf = Method.lwf { ($0.temperature, $0.weight) = (temperature, weight) }
    try Self.look(lwf) { step, student, teacher in
      let old = 2 * step.session.experience.index
      let expected = try weight * Self.kl(student, teacher, 0..<old, temperature)
      expectNear(try Self.value(step), expected, within: 1e-5)
    }
  }

  @Test func avalancheIsSmallerByTheSquareOfTheTemperature() throws {
    try Self.look(Method.lwf { ($0.variant, $0.temperature) = (.avalanche, 3) }) { step, student, teacher in
      let expected = try Self.kl(student, teacher, 0..<(2 * step.session.experience.index), 3) / 9
      expectNear(try Self.value(step), expected, within: 1e-5)
    }
  }

  /// One softmax for each earlier task, none for the one being learned (Li & Hoiem 2016, eq. 2).
  @Test func earlierTasksAreTaughtOneByOne() throws {
    try Self.look(Method.lwf(), .tasks) { step, student, teacher in
      let index = step.session.experience.index
      let expected = try (0..<index).reduce(0.0) {
        try $0 + Self.kl(student, teacher, (2 * $1)..<(2 * $1 + 2), 2)
      }
      expectNear(try Self.value(step), expected, within: 1e-5)
    }
  }

  /// Van de Ven's variant keeps to the earlier task's units as well, from the second experience on.
  @Test func vanDeVenTeachesTasksOneByOneToo() throws {
    try Self.look(Method.lwf { $0.variant = .vanDeVen }, .tasks) { step, student, teacher in
      let index = step.session.experience.index
      let soft = try (0..<index).reduce(0.0) { sum, task in
        let s = try (student.narrow(dim: 1, start: 2 * task, count: 2) / 2).logSoftmax()
        let t = try (teacher.narrow(dim: 1, start: 2 * task, count: 2) / 2).softmax()
        return try sum - (s * t).sum([1]).mean().item() * 4
      }
      let weight = 1 - 1 / Double(index + 1)
      expectNear(try Self.value(step), weight * soft / Double(index), within: 1e-5)
    }
  }

  /// Values have no softmax: a divergence of one output would be zero and hold nothing (FACIL#37).
  @Test func valuesAreHeldByTheirSquaredDifference() throws {
    let random = try Generator(seed: 6)
    let lwf = Method.lwf { $0.weight = 0.5 }
    let spy = Spy { step in
      guard let teacher = lwf.teacher else { return }
      let expected = try (step.outputs - teacher(step.batch.inputs)).square().mean().item() * 0.5
      expectNear(try Self.value(step), expected, within: 1e-6)
      if step.number > 0 { #expect(expected > 0) }
    }
    let learner = try Learner(
      .tiny(), objective: Regression(), optimizer: SGD(learningRate: 0.05), strategies: [lwf, spy],
      options: TrainingOptions(batch: 8), pipeline: InputPipeline())
    for index in 0..<2 {
      let examples = try Examples(
        inputs: Tensor.normal([24, 8], random), targets: Tensor.normal([24, 1], random))
      try learner.learn(Experience(index: index, name: "\(index)", examples: examples))
    }
    #expect(spy.places.count == 6)
  }

  /// Where labels are shared the teacher speaks about all of them.
  @Test func domainsAreTaughtOverAllUnits() throws {
    try Self.look(Method.lwf(), .domains) { step, student, teacher in
      expectNear(try Self.value(step), try Self.kl(student, teacher, 0..<2, 2), within: 1e-5)
    }
  }

  /// (1/t) CE + (1 − 1/t) T² soft cross-entropy over all units, new ones with target 0.
  @Test func vanDeVenWeighsByExperiencesAndPushesNewUnitsDown() throws {
    try Self.look(Method.lwf { $0.variant = .vanDeVen }) { step, student, teacher in
      let t = Double(step.session.experience.index + 1)
      let old = 2 * step.session.experience.index
      let targets = try (teacher.narrow(dim: 1, start: 0, count: old) / 2).softmax()
      let logp = try (student / 2).logSoftmax().narrow(dim: 1, start: 0, count: old)
      let soft = try -(targets * logp).sum([1]).mean().item() * 4
      expectNear(try Self.value(step), (1 - 1 / t) * soft, within: 1e-5)
      let hard = try student.crossEntropy(step.batch.targets).item()
      expectNear(try step.terms[0].value.item(), hard / t, within: 1e-5)
    }
  }

  /// PyCIL's cross-entropy is over the new classes alone; here all classes seen compete.
  @Test func pycilTrainsNewClassesAlone() throws {
    try Self.look(Method.lwf()) { step, student, _ in
      expectNear(
        try step.terms[0].value.item(), try student.crossEntropy(step.batch.targets).item(), within: 1e-5)
      #expect(student.shape[1] == 2 * step.session.experience.index + 2)
    }
  }

  /// Mammoth's teacher answers on plain inputs while the student sees augmented ones.
  @Test func mammothTeachesOnOtherInputsThanTheStudents() throws {
    try Self.look(Method.lwf(), .adamAugmented) { step, student, teacher in
      let plain = try step.batch.source.inputs.indexSelect(step.batch.places)
      #expect(try !step.batch.inputs.equals(plain), "the batch is augmented")
      let old = 2 * step.session.experience.index
      expectNear(try Self.value(step), try Self.kl(student, teacher, 0..<old, 2), within: 1e-5)
    }
  }

  /// Batch normalisation and dropout in the student; the teacher stays what it was (avalanche#1013, #1260).
  @Test(arguments: Variant.allCases, [Setting.dropoutAndNorm, .tasks, .fixedHead, .cosineHead])
  func avalanchesTeacherKeepsTraining(variant: Variant, setting: Setting) throws {
    let stream = try setting.stream()
    let lwf = Method.lwf { $0.variant = variant }
    let learner = try setting.learner([lwf], stream: stream)
    try learner.learn(stream, 1)
    #expect(lwf.teacher == nil)
    let inputs = try stream.test(0).inputs
    for index in 1..<3 {
      let self0 = try noGrad { try learner.model.evaluating { try learner.model(inputs) } }
      try learner.begin(stream.experience(index))
      let teacher = try #require(lwf.teacher)
      let known = try teacher(inputs).narrow(dim: 1, start: 0, count: self0.shape[1])
      expectNear(known, self0, "the model as it was, in evaluation mode")
      let digest = try teacher.digest()
      #expect(try Frozen(learner.model, learner.blueprint).digest() == digest)
      while let session = learner.session, !session.isDone { try learner.step() }
      #expect(try teacher.digest() == digest, "the teacher moved")
      #expect(try Frozen(learner.model, learner.blueprint).digest() != digest, "the student did not")
      try learner.end()
      #expect(lwf.teacher == nil)
    }
  }

  /// The distillation term alone moves the student's weights, and only rows that the teacher knows.
  @Test func theTermsGradientReachesTheStudent() throws {
    let stream = try Setting.plain.stream()
    let lwf = Method.lwf()
    let learner = try Setting.plain.learner([lwf], stream: stream)
    try learner.learn(stream, 1)
    try learner.begin(stream.experience(1))
    for _ in 0..<2 { try learner.step() }
    let step = try ElasticWeightConsolidationTests.step(learner)
    let term = try #require(try lwf.terms(step).first)
    let parameters = learner.vector.parameters
    let found = try gradients(of: [term.value], withRespectTo: parameters.map(\.value))
    for (slot, gradient) in zip(learner.vector.layout.slots, found) {
      #expect(try gradient.abs().amax([]).item() > 0, "\(slot.path)")
      if slot.path.hasPrefix("head") {
        #expect(try gradient[2..<4].abs().amax([]).item() == 0, "\(slot.path)")
      }
    }
  }
}
