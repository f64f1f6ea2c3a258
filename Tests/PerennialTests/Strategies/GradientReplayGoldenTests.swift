import Testing
import Torch

@testable import Perennial

/// GSS, HAL and MER, step for step against PyTorch: `Scripts/golden/gradient_replay.py` tells the whole protocol.
@Suite struct GradientReplayGoldenTests {
  static func strategy(_ name: String) -> any Strategy {
    switch name {
    case "gss":
      var options = GradientSampleSelection.Options()
      (options.memory, options.batch, options.strength) = (12, 4, 5)
      return GradientSampleSelection(options)
    case "hal":
      return Method.hal { ($0.memory, $0.batch, $0.lambda, $0.steps) = (1000, 1000, 0.5, 20) }
    default:
      return Method.mer {
        ($0.memory, $0.batch, $0.passes, $0.beta, $0.gamma) = (12, 3, 2, 0.6, 0.3)
      }
    }
  }

  @Test(arguments: ["gss", "hal", "mer"])
  func everyStepIsTheOneOfPyTorch(method: String) throws {
    let data = try GoldenTensors("training")
    let golden = try GoldenTensors("gradient_replay")
    let strategy = Self.strategy(method)
    let learner = try Learner(
      GoldenTrajectoryTests.blueprint(data), optimizer: SGD(learningRate: 0.1), strategies: [strategy],
      options: TrainingOptions(batch: 8, length: .epochs(1)), pipeline: InputPipeline(), seed: 5)
    let order = try RandomStreams(seed: 5).stream("order")
    var losses: [Double] = []
    for index in 0..<3 {
      try learner.begin(GoldenTrajectoryTests.experience(index, data, order: order))
      while let session = learner.session, !session.isDone { losses.append(try learner.step()) }
      try learner.end()
      let expected = golden.all("\(method).after\(index + 1)")
      for (path, value) in try learner.model.stateDictionary() {
        expectNear(
          value, try #require(expected[path]), relative: 3e-5, "\(method) after \(index + 1): \(path)")
      }
      if let hal = strategy as? HindsightAnchorLearning {
        expectNear(
          try #require(hal.anchors), try golden["hal.anchors\(index + 1)/anchors"], relative: 3e-5, "anchors")
        continue
      }
      let memory = try #require(
        (strategy as? GradientSampleSelection)?.memory ?? (strategy as? MetaExperienceReplay)?.memory)
      // Identifiers are places in an experience of 80 items, in the order in which they arrive.
      let examples = try #require(try memory.examples)
      let kept = try zip(memory.experiences(), examples.identifiers.integers()).map { $0 * 80 + $1 }
      #expect(try kept == golden["\(method).kept\(index + 1)/kept"].integers())
      if method == "gss" {
        let scores = try #require(try memory.extra("score"))
        expectNear(scores, try golden["gss.scores\(index + 1)/scores"], relative: 3e-5, "scores")
      }
    }
    for (step, (ours, theirs)) in zip(losses, try golden["\(method)/losses"].floats()).enumerated() {
      #expect(
        abs(ours - Double(theirs)) < 2e-5 * max(1, Double(theirs)),
        "\(method), step \(step): \(ours), \(theirs)")
    }
  }
}
