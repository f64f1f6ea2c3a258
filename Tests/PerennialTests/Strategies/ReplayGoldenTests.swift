import Testing
import Torch

@testable import Perennial

/// Methods that rehearse, step for step against PyTorch: `Scripts/golden/replay.py` tells the whole protocol.
@Suite struct ReplayGoldenTests {
  /// Everything is kept and every draw is of all there is, so that nothing is left to chance.
  static func strategy(_ name: String) throws -> any Strategy {
    switch name {
    case "der": return Method.der { ($0.memory, $0.batch) = (1000, 1000) }
    case "der++": return Method.derPlus { ($0.memory, $0.batch) = (1000, 1000) }
    case "er-ace":
      var options = AsymmetricReplay.Options()
      (options.memory, options.batch) = (1000, 1000)
      return AsymmetricReplay(options)
    case "a-gem": return Method.averaged { ($0.memory, $0.batch) = (1000, 1000) }
    case "gem": return Method.gem { $0.memory = 1000 }
    default: return Method.mir { ($0.memory, $0.candidates) = (1000, 1000) }
    }
  }

  @Test(arguments: ["der", "der++", "er-ace", "a-gem", "gem", "mir"])
  func everyStepIsTheOneOfPyTorch(method: String) throws {
    let data = try GoldenTensors("training")
    let golden = try GoldenTensors("replay")
    var chosen: [[Int]] = []
    let spy = Spy { step in
      guard method == "mir", step.batch.count - step.batch.fresh == 8, step.learner.totalSteps > 1 else {
        return
      }
      // An item is known by its inputs; the golden run numbers items in the order of arrival.
      let rows = try (0..<step.learner.totalSteps).map { number in
        try data["experience\(number / 10 + 1)/inputs"][(number % 10 * 8)..<(number % 10 * 8 + 8)]
      }
      let distances = try step.batch.inputs[8..<16].pairwiseDistances(to: Tensor.concatenate(rows))
      chosen.append(try distances.argmin(1).integers().sorted())
    }
    let learner = try Learner(
      GoldenTrajectoryTests.blueprint(data), optimizer: SGD(learningRate: 0.1),
      strategies: [try Self.strategy(method), spy], options: TrainingOptions(batch: 8, length: .epochs(1)),
      pipeline: InputPipeline(), seed: 5)
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
    }
    for (step, (ours, theirs)) in zip(losses, try golden["\(method)/losses"].floats()).enumerated() {
      #expect(
        abs(ours - Double(theirs)) < 2e-5 * max(1, Double(theirs)),
        "\(method), step \(step): \(ours), \(theirs)")
    }
    if method == "mir" {
      let expected = try golden["mir.chosen/rows"]
      let rows = try (0..<expected.shape[0]).map { try expected[$0].integers() }
      #expect(chosen == rows)
    }
  }
}
