import Foundation
import Testing
import Torch

@testable import Perennial

@Suite struct ScriptedTeacherTests {
  static func file() throws -> URL {
    try #require(Bundle.module.url(forResource: "Golden/scripted-teacher", withExtension: "pt"))
  }

  static func teacher(
    _ url: URL? = nil, example: [Int] = [1, 6], labels: [Int]? = nil, dtype: DType = .float32
  ) throws -> ScriptedTeacher {
    try ScriptedTeacher(
      "expert", contentsOf: url ?? file(), example: Tensor.zeros(example), labels: labels, dtype: dtype)
  }

  /// Saved in training mode, with dropout and batch statistics: it teaches in evaluation mode.
  @Test func itAnswersAsPyTorchDoes() throws {
    let golden = try GoldenTensors("scripts")
    let teacher = try Self.teacher(labels: [4, 2, 7])
    #expect(teacher.outputs == 3 && teacher.labels == [4, 2, 7] && teacher.tapNames == ["outputs"])
    let digest = try teacher.digest()
    for _ in 0..<2 {
      let look = try teacher.look(golden["module/inputs"], taps: ["outputs"])
      expectNear(look.outputs, try golden["module/outputs"], relative: 1e-6)
      #expect(try !look.outputs.requiresGrad)
    }
    #expect(try teacher.digest() == digest && digest.count == 64)
  }

  @Test func gradientsReachItsInputs() throws {
    let golden = try GoldenTensors("scripts")
    let inputs = try golden["module/inputs"].clone()
    try inputs.setRequiresGrad(true)
    let outputs = try Self.teacher().look(inGraphOf: inputs).outputs
    let slope = try gradients(of: outputs.sum(), withRespectTo: [inputs])[0]
    #expect(try slope.abs().sum().item() > 0)
  }

  @Test func onlyItsOutputsCanBeSeen() throws {
    let teacher = try Self.teacher()
    for tap in ["features", "hidden"] {
      #expect(throws: TapError.unknown(tap, known: ["outputs"])) {
        try teacher.look(Tensor.zeros([1, 6]), taps: [tap])
      }
    }
  }

  @Test func inputsThatItDoesNotTakeAreNamed() throws {
    let error = #expect(throws: DistillationError.self) { try Self.teacher(example: [1, 4]) }
    let text = "\(try #require(error))"
    #expect(text.hasPrefix("the teacher expert: it does not take inputs of shape [1, 4]: "), "\(text)")
    #expect(!text.contains("\n") && !text.contains("Traceback"), "\(text)")
    let teacher = try Self.teacher()
    #expect(throws: DistillationError.self) { try teacher.look(Tensor.zeros([2, 3]), taps: []) }
  }

  @Test func labelsThatDoNotFitAreRefused() throws {
    #expect(throws: LearnerError.labels(2, outputs: 3)) { try Self.teacher(labels: [0, 1]) }
    #expect(throws: LearnerError.labels(3, outputs: 3)) { try Self.teacher(labels: [0, 1, 1]) }
  }

  @Test func aDamagedFileIsATypedError() throws {
    let folder = TemporaryPlace()
    defer { folder.remove() }
    let url = folder.url.appendingPathComponent("damaged.pt")
    let bytes = try Data(contentsOf: Self.file())
    for damaged in [
      Data(), Data("no archive".utf8), bytes.prefix(bytes.count / 2), bytes.prefix(bytes.count - 40),
    ] {
      try damaged.write(to: url)
      let error = #expect(throws: FileError.self) { try Self.teacher(url) }
      #expect(error?.kind == .corrupt && error?.file == url.path)
    }
    let missing = folder.url.appendingPathComponent("missing.pt")
    #expect(throws: FileError(.missing, missing.path, "no such file")) { try Self.teacher(missing) }
  }

  /// bfloat16 keeps 8 bits: answers differ in the third digit, and come back in float32.
  @Test func inBfloat16AnswersKeepTwoDigits() throws {
    let golden = try GoldenTensors("scripts")
    let (inputs, expected) = (try golden["module/inputs"], try golden["module/outputs"])
    let outputs = try Self.teacher(dtype: .bfloat16).look(inputs, taps: []).outputs
    #expect(outputs.dtype == .float32)
    expectNear(outputs, expected, relative: 0.02)
    #expect(try (outputs - expected).abs().amax([]).item() > 1e-4)
    #expect(try Self.teacher(dtype: .bfloat16).digest() != Self.teacher().digest())
  }

  @Test func aNetworkInBfloat16KeepsTwoDigitsToo() throws {
    let (learner, inputs) = try FrozenTests.learned()
    let exact = try Frozen(learner.model, learner.blueprint).look(inputs, taps: ["hidden"])
    let half = try Frozen(learner.model, learner.blueprint, dtype: .bfloat16)
    let look = try half.look(inputs, taps: ["hidden"])
    for (coarse, fine) in [
      (look.outputs, exact.outputs), (look.features, exact.features),
      (try look.value("hidden"), try exact.value("hidden")),
    ] {
      #expect(coarse.dtype == .float32)
      expectNear(coarse, fine, relative: 0.03)
      #expect(try !coarse.equals(fine))
    }
    #expect(try half(inputs).equals(look.outputs))
    #expect(try half.features(inputs).equals(look.features))
    #expect(try half.digest() != Frozen(learner.model, learner.blueprint).digest())
    // Whom it would choose changes only where two answers are next to each other.
    let (fine, coarse) = (try exact.outputs.argmax(1).integers(), try look.outputs.argmax(1).integers())
    #expect(zip(fine, coarse).count { $0 != $1 } <= fine.count / 20)
  }

  @Test(arguments: ["", ", dtype: bfloat16"])
  func aRecipeCanNameIt(dtype: String) throws {
    let place = TemporaryPlace()
    defer { place.remove() }
    func recipe(_ width: Int, _ distillation: String) throws -> Recipe {
      try Recipe(
        yaml: """
          name: scripted
          stream: {data: clusters, scenario: class, experiences: 2}
          model: mlp
          training: {optimizer: {sgd: {lr: 0.1}}, batch: 8, steps: 3}
          teachers: {expert: {torchscript: "\(try Self.file().path)", labels: [1, 4, 2]\(dtype)}}
          strategies: {taught: [{distillation: \(distillation)}]}
          seeds: [0]
          """, source: "scripted.yaml")
    }
    let good = try recipe(6, "{teacher: expert}")
    try Experiment.check(good, modality: TinyModality(width: 6))
    let folder = try RunFolder.create(for: good, in: place.url)
    let results = try Experiment(good, folder: folder, modality: TinyModality(width: 6)).run()
    #expect(results.runs[0].transfer?.comparisons.map(\.teacher) == ["expert"])
    func message(_ recipe: Recipe, width: Int) -> String {
      do {
        try Experiment.check(recipe, modality: TinyModality(width: width))
        return "no error"
      } catch let error as ConfigurationError { return "\(error)" } catch { return "untyped: \(error)" }
    }
    #expect(message(good, width: 8).contains("does not take inputs of shape [1, 8]"))
    let deep = try recipe(6, "{teacher: expert, terms: [{hint: {taps: [hidden]}}]}")
    #expect(message(deep, width: 6).contains("no tap `hidden`"), "\(message(deep, width: 6))")
  }
}
