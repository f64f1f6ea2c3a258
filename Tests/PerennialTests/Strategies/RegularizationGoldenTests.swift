import Testing
import Torch

@testable import Perennial

extension RowsHead: AffineLayer {
  var affine: (weight: Parameter, bias: Parameter?) { (weight, bias) }
}

/// Step for step against PyTorch: `Scripts/golden/regularization.py` tells the whole protocol.
@Suite struct RegularizationGoldenTests {
  /// A strategy of the golden file, and how we make it.
  enum Kind: String, CaseIterable {
    case si, mas, masAverage, rwalk, kfac, kfacNearest, lfl, wise, ema

    var golden: String {
      switch self {
      case .masAverage: "mas_average"
      case .kfacNearest: "kfac_nearest"
      default: rawValue
      }
    }

    /// Where the importances are in the strategy's state, when the golden file has them.
    var importance: String? {
      switch self {
      case .si, .rwalk: "anchor/importance/vector"
      case .mas, .masAverage: "importance/vector"
      default: nil
      }
    }

    func strategy() -> any Strategy {
      switch self {
      case .si: Method.si { ($0.strength, $0.damping) = (20, 0.1) }
      case .mas: Method.mas { $0.lambda = 0.2 }
      case .masAverage: Method.mas { ($0.lambda, $0.merge, $0.alpha) = (0.2, .average, 0.3) }
      case .rwalk: Method.rwalk { ($0.lambda, $0.interval) = (2, 4) }
      case .kfac: Method.kfac { ($0.lambda, $0.decay, $0.mode) = (5, 0.9, .separate) }
      case .kfacNearest: Method.kfac { ($0.lambda, $0.decay) = (5, 0.9) }
      case .lfl: Method.lfl { $0.lambda = 0.5 }
      case .wise: Method.wise(alpha: 0.3)
      case .ema: Method.ema(decay: 0.9)
      }
    }
  }

  static func learner(_ golden: GoldenTensors, _ optimizer: String, _ strategies: [any Strategy]) throws
    -> Learner
  {
    try Learner(
      GoldenTrajectoryTests.blueprint(golden),
      optimizer: optimizer == "sgd" ? SGD(learningRate: 0.05) : Adam(learningRate: 0.01),
      strategies: strategies, options: TrainingOptions(batch: 8, length: .epochs(1)),
      pipeline: InputPipeline(), seed: 5)
  }

  static func compare(
    _ flat: Tensor, _ layout: VectorLayout, _ golden: GoldenTensors, _ name: String, relative: Double = 2e-5,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    for slot in layout.slots {
      expectNear(
        try layout.view(slot, of: flat), try golden["\(name)/\(slot.path)"], relative: relative,
        "\(name) of \(slot.path)", sourceLocation: sourceLocation)
    }
  }

  /// Learns the golden experiences; `check` is called after each.
  static func run(
    _ learner: Learner, _ golden: GoldenTensors, check: (Int) throws -> Void
  ) throws {
    let order = try RandomStreams(seed: 5).stream("order")
    for index in 0..<3 {
      try learner.learn(GoldenTrajectoryTests.experience(index, golden, order: order))
      try check(index + 1)
    }
  }

  @Test(arguments: ["sgd", "adam"], Kind.allCases)
  func everyExperienceIsTheOneOfPyTorch(optimizer: String, kind: Kind) throws {
    let golden = try GoldenTensors("regularization")
    let strategy = kind.strategy()
    let learner = try Self.learner(golden, optimizer, [strategy])
    try Self.run(learner, golden) { number in
      let run = "\(optimizer).\(kind.golden)"
      let layout = learner.vector.layout
      try Self.compare(learner.vector.values, layout, golden, "\(run).after\(number)", relative: 5e-5)
      if let key = kind.importance {
        // Ratios of small numbers: rounding weighs more than in the parameters.
        try Self.compare(
          strategy.state().requireTensor(key), layout, golden, "\(run).importance\(number)", relative: 1e-3)
      }
      if kind == .ema {
        try Self.compare(
          strategy.state().requireTensor("vector"), layout, golden, "\(run).average\(number)", relative: 5e-5)
      }
    }
  }

  /// Avalanche and van de Ven integrate whatever was last back-propagated: from the second experience on that is the
  /// gradient of the penalty too, and holding a weight counts as learning.
  @Test(arguments: ["sgd", "adam"])
  func avalancheIntegratesTheTotalGradient(optimizer: String) throws {
    let golden = try GoldenTensors("regularization")
    let strategy = Kind.si.strategy()
    let learner = try Self.learner(golden, optimizer, [strategy])
    try Self.run(learner, golden) { number in
      guard number == 2 else { return }
      let ours = try strategy.state().requireTensor("anchor/importance/vector")
      let slot = try #require(learner.vector.layout.slots.first)
      let theirs = try golden["\(optimizer).si_total.importance2/\(slot.path)"]
      let own = try learner.vector.layout.view(slot, of: ours)
      #expect(try (own - theirs).abs().amax([]).item() > 0.02 * theirs.amax([]).item())
    }
  }

  // MARK: - Convolutions

  @Test(arguments: [true, false])
  func masOfAConvnetIsTheGoldenOne(isTaped: Bool) throws {
    let golden = try GoldenTensors("regularization")
    let (learner, examples) = try FisherGoldenTests.learner(
      "convnet", GoldenTensors("ewc"), isTaped: isTaped)
    let ours = try MemoryAwareSynapses.importance(of: learner, examples, task: nil)
    try Self.compare(ours, learner.vector.layout, golden, "convnet.mas")
  }

  /// Avalanche takes the magnitude of the gradient of a batch's mean, in which examples cancel.
  @Test func avalancheTakesTheMagnitudeOfTheBatchMean() throws {
    let golden = try GoldenTensors("regularization")
    let (learner, examples) = try FisherGoldenTests.learner("convnet", GoldenTensors("ewc"))
    let ours = try MemoryAwareSynapses.importance(of: learner, examples, task: nil)
    let theirs = try learner.vector.layout.slots.reduce(0.0) {
      try $0 + golden["convnet.mas_batched/\($1.path)"].sum().item()
    }
    #expect(try ours.sum().item() > 1.05 * theirs)
  }

  @Test func factorsOfAConvnetAreTheGoldenOnes() throws {
    let golden = try GoldenTensors("regularization")
    let (learner, examples) = try FisherGoldenTests.learner("convnet", GoldenTensors("ewc"))
    let factors = try KroneckerFactors.estimate(of: learner, examples, task: nil, limit: nil)
    #expect(factors.map(\.weight) == ["conv1.weight", "conv2.weight", "output.weight"])
    for own in factors {
      let layer = own.weight.replacing(".weight", with: "")
      expectNear(own.inputs, try golden["convnet.kfac/\(layer).inputs"], relative: 2e-5, "A of \(layer)")
      expectNear(own.outputs, try golden["convnet.kfac/\(layer).outputs"], relative: 2e-5, "G of \(layer)")
    }
  }
}
