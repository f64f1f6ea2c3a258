import Testing
import Torch

@testable import Perennial

/// Step for step against PyTorch: `Scripts/golden/training.py` tells the whole protocol.
@Suite struct GoldenTrajectoryTests {
  /// A strategy of the golden file, and how we make it.
  enum Method: String, CaseIterable {
    case finetune, ewc, ewcSeparate, lwf, l2, l1, l2Previous

    var golden: String {
      switch self {
      case .ewcSeparate: "ewc"
      case .l2Previous: "l2_previous"
      default: rawValue
      }
    }

    func strategies() -> [any Strategy] {
      switch self {
      case .finetune: return []
      case .ewc: return [ElasticWeightConsolidation(lambda: 10)]
      case .ewcSeparate:
        var options = ElasticWeightConsolidation.Options()
        (options.lambda, options.mode) = (10, .separate)
        return [ElasticWeightConsolidation(options)]
      case .lwf: return [LearningWithoutForgetting()]
      case .l2: return [WeightPenalty(.l2, lambda: 0.01)]
      case .l1: return [WeightPenalty(.l1, lambda: 0.001)]
      case .l2Previous: return [WeightPenalty(.l2Previous, lambda: 1)]
      }
    }
  }

  static func blueprint(_ golden: GoldenTensors) -> Blueprint {
    Blueprint { random in
      let hidden = try Linear(8, 16, random.stream("initialization"))
      try hidden.load(["weight": golden["initial/hidden.weight"], "bias": golden["initial/hidden.bias"]])
      return Network(
        LayersBackbone(16, ["hidden": hidden, "activation": Activation(.relu)]),
        head: try RowsHead(golden["initial/head.weight"], golden["initial/head.bias"]))
    }
  }

  /// The items of an experience, placed so that the learner's own random order takes them as the golden run did.
  static func experience(_ index: Int, _ golden: GoldenTensors, order: Generator) throws -> Experience {
    let drawn = try Tensor.permutation(80, order).integers()
    var places = [Int](repeating: 0, count: 80)
    for (step, place) in drawn.enumerated() { places[place] = step }
    let ordered = try Examples(
      inputs: golden["experience\(index + 1)/inputs"], targets: golden["experience\(index + 1)/labels"])
    return try Experience(index: index, name: "\(index)", examples: try ordered.select(places))
  }

  @Test(arguments: ["sgd", "adam"], Method.allCases)
  func everyStepIsTheOneOfPyTorch(optimizerName: String, method: Method) throws {
    let golden = try GoldenTensors("training")
    let optimizer: any Optimizer =
      optimizerName == "sgd" ? try SGD(learningRate: 0.1) : try Adam(learningRate: 1e-3)
    let ewc = method.strategies()
    let learner = try Learner(
      Self.blueprint(golden), optimizer: optimizer, strategies: ewc,
      options: TrainingOptions(batch: 8, length: .epochs(1)), pipeline: InputPipeline(), seed: 5)
    let order = try RandomStreams(seed: 5).stream("order")
    let run = "\(optimizerName).\(method.golden)"
    var losses: [Double] = []
    for index in 0..<3 {
      try learner.begin(Self.experience(index, golden, order: order))
      while let session = learner.session, !session.isDone { losses.append(try learner.step()) }
      if method == .ewc || method == .ewcSeparate, let session = learner.session {
        let fisher = try FisherInformation.diagonal(of: learner, session.examples, task: nil, kind: .exact)
        for slot in learner.vector.layout.slots {
          expectNear(
            try learner.vector.layout.view(slot, of: fisher),
            try golden["\(run).fisher\(index + 1)/\(slot.path)"],
            relative: 2e-5, "\(run) Fisher information \(index + 1) of \(slot.path)")
        }
      }
      try learner.end()
      let expected = golden.all("\(run).after\(index + 1)")
      #expect(Set(expected.keys) == Set(learner.model.parameters.map(\.path)))
      for (path, value) in try learner.model.stateDictionary() {
        expectNear(value, try #require(expected[path]), "\(run) after \(index + 1): \(path)")
      }
    }
    // Penalties in closed form are no part of the reported loss; terms are.
    if method == .finetune || method == .lwf {
      let expected = try golden["\(run)/losses"].floats()
      #expect(losses.count == expected.count)
      for (step, (ours, theirs)) in zip(losses, expected).enumerated() {
        #expect(
          abs(ours - Double(theirs)) < 1e-5 * max(1, abs(Double(theirs))), "\(run), loss of step \(step)")
      }
    }
  }
}
