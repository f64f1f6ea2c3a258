import Testing
import Torch

@testable import Perennial

/// The rule of every layer against a loop over examples and classes that is written here and shares nothing with it.
@Suite struct FisherLayersTests {
  enum Architecture: String, CaseIterable {
    case dense, fusedReLU, convolution, strided, batchNorm, batchNormImages, layerNorm, groupNorm, positions
    case fixedHead, cosineHead, twiceTheSameLayer, dropout

    func blueprint() -> Blueprint {
      Blueprint { random in
        let g = try random.stream("initialization")
        func network(_ width: Int, _ layers: KeyValuePairs<String, any Layer>) throws -> Network {
          Network(LayersBackbone(width, layers), head: try head(width, random.stream("head")))
        }
        let relu = Activation(.relu)
        let image = Lambda { try $0.reshape([-1, 2, 4, 4]) }
        switch self {
        case .dense, .fixedHead, .cosineHead: return try network(5, ["l": Linear(32, 5, g), "r": relu])
        case .fusedReLU: return try network(5, ["l": Linear(32, 5, relu: true, g)])
        case .convolution:
          return try network(
            3, ["i": image, "c": Conv2d(2, 3, kernel: 3, padding: 1, g), "r": relu, "p": GlobalAveragePool()])
        case .strided:
          return try network(
            3,
            [
              "i": image, "c": Conv2d(2, 3, kernel: 2, stride: 2, bias: false, g), "r": relu,
              "d": Conv2d(3, 3, kernel: 1, stride: 2, g), "p": GlobalAveragePool(),
            ])
        case .batchNorm: return try network(5, ["l": Linear(32, 5, g), "b": BatchNorm(5), "r": relu])
        case .batchNormImages:
          return try network(
            3,
            [
              "i": image, "c": Conv2d(2, 3, kernel: 3, g), "b": BatchNorm(3), "r": relu,
              "p": GlobalAveragePool(),
            ])
        case .layerNorm: return try network(5, ["l": Linear(32, 5, g), "n": LayerNorm([5]), "r": relu])
        case .groupNorm:
          return try network(
            4,
            [
              "i": image, "c": Conv2d(2, 4, kernel: 3, g), "n": GroupNorm(groups: 2, channels: 4), "r": relu,
              "p": GlobalAveragePool(),
            ])
        case .positions:
          return try network(
            5,
            [
              "i": Lambda { try $0.reshape([-1, 4, 8]) }, "l": Linear(8, 5, g), "n": LayerNorm([5]),
              "r": relu,
              "p": Lambda { try $0.mean([1]) },
            ])
        case .twiceTheSameLayer:
          let shared = try Linear(32, 32, g)
          return try network(
            32, ["l": shared, "r": relu, "again": Lambda { try shared($0) }, "s": relu])
        case .dropout:
          return try network(
            5, ["l": Linear(32, 5, g), "d": Dropout(0.5, random.stream("dropout")), "r": relu])
        }
      }
    }

    private func head(_ width: Int, _ generator: Generator) throws -> any Head {
      switch self {
      case .fixedHead: try FixedHead(features: width, capacity: 7, generator)
      case .cosineHead: try CosineHead(features: width, generator)
      default: try LinearHead(features: width, generator)
      }
    }

    /// Whether every layer has a rule.
    var isLayerwise: Bool { self != .cosineHead && self != .twiceTheSameLayer }
  }

  /// mean_x Σ_c p_c (∂ log p_c / ∂θ)², by autograd alone.
  static func bruteForce(_ learner: Learner, _ inputs: Tensor) throws -> Tensor {
    let vector = learner.vector
    let total = try Tensor.zeros([vector.count])
    try learner.model.evaluating {
      for n in 0..<inputs.shape[0] {
        let logp = try learner.model(inputs[n..<(n + 1)]).logSoftmax()
        for unit in 0..<logp.shape[1] {
          let one = try logp.select(unit, dim: 1).sum()
          let p = try one.exp().item()
          let found = try gradients(
            of: one, withRespectTo: vector.parameters.map(\.value), retainGraph: true, allowUnused: true)
          try noGrad {
            for (slot, gradient) in zip(vector.layout.slots, found) {
              try vector.layout.view(slot, of: total).add(
                gradient.square(), scale: p / Double(inputs.shape[0]))
            }
          }
        }
      }
    }
    return total
  }

  static func trained(_ architecture: Architecture) throws -> (Learner, Examples) {
    let learner = try Learner(
      architecture.blueprint(), optimizer: SGD(learningRate: 0.05),
      options: TrainingOptions(batch: 8, length: .epochs(2)), pipeline: .noisy(), seed: 2)
    try learner.learn(Clusters(classes: 4, width: 32).stream(experiences: 2))
    let examples = try Clusters(classes: 4, perClass: 3, width: 32).source().train
    return (learner, examples)
  }

  @Test(arguments: Architecture.allCases)
  func theExactInformationIsThatOfALoop(architecture: Architecture) throws {
    let (learner, examples) = try Self.trained(architecture)
    let before = try learner.weights()
    let ours = try FisherInformation.diagonal(of: learner, examples, task: nil, kind: .exact)
    let expected = try Self.bruteForce(learner, examples.inputs)
    #expect(try expected.amax([]).item() > 1e-4)
    for slot in learner.vector.layout.slots {
      expectNear(
        try learner.vector.layout.view(slot, of: ours), try learner.vector.layout.view(slot, of: expected),
        relative: 2e-4, "\(architecture): \(slot.path)")
    }
    #expect(try learner.weights() == before, "estimating moved weights or running statistics")
  }

  @Test(arguments: Architecture.allCases)
  func aLayerWithoutARuleIsNotMistakenForOne(architecture: Architecture) throws {
    let (learner, examples) = try Self.trained(architecture)
    let tape = try learner.model.recording { _ = try learner.model(examples.inputs) }
    #expect(tape.covers(learner.vector.parameters) == architecture.isLayerwise)
  }

  @Test func moreThanOnePieceOfExamplesGivesTheMeanOfAll() throws {
    let (learner, _) = try Self.trained(.dense)
    let examples = try Clusters(classes: 4, perClass: 75, width: 32).source().train
    #expect(examples.count == 300)
    let all = try FisherInformation.diagonal(of: learner, examples, task: nil, kind: .exact)
    let first = try FisherInformation.diagonal(
      of: learner, examples.select(Array(0..<100)), task: nil, kind: .exact)
    let rest = try FisherInformation.diagonal(
      of: learner, examples.select(Array(100..<300)), task: nil, kind: .exact)
    expectNear(all, try (first + rest * 2) / 3)
  }

  @Test func aLimitTakesSoManyAtRandom() throws {
    let (learner, examples) = try Self.trained(.dense)
    let all = try FisherInformation.diagonal(of: learner, examples, task: nil, kind: .exact)
    let same = try FisherInformation.diagonal(of: learner, examples, task: nil, kind: .exact, limit: 1000)
    #expect(try same.data() == all.data())
    let first = try FisherInformation.diagonal(of: learner, examples, task: nil, kind: .exact, limit: 4)
    let second = try FisherInformation.diagonal(of: learner, examples, task: nil, kind: .exact, limit: 4)
    #expect(try first.data() != second.data())
    let singles = try (0..<examples.count).map {
      try FisherInformation.diagonal(of: learner, examples.select([$0]), task: nil, kind: .exact)
    }
    let one = try FisherInformation.diagonal(of: learner, examples, task: nil, kind: .exact, limit: 1)
    #expect(try singles.contains { try $0.isClose(to: one, relative: 1e-4, absolute: 1e-9) })
  }

  /// The sampled kind tends to the exact one.
  @Test func manySamplesTendToTheExactInformation() throws {
    let (learner, examples) = try Self.trained(.dense)
    let exact = try FisherInformation.diagonal(of: learner, examples, task: nil, kind: .exact)
    var sum = try exact.zerosLike()
    for _ in 0..<400 {
      sum = try sum + FisherInformation.diagonal(of: learner, examples, task: nil, kind: .sampled)
    }
    let ratio = try (sum / 400).sum().item() / exact.sum().item()
    #expect(abs(ratio - 1) < 0.1)
    expectNear(try sum / 400, exact, relative: 0.2)
  }

  @Test func regressionHasTheInformationOfUnitGaussians() throws {
    let random = RandomStreams(seed: 4)
    let learner = try Learner(
      .tiny(), objective: Regression(), optimizer: SGD(learningRate: 0.01), pipeline: InputPipeline())
    let inputs = try Tensor.normal([6, 8], random.stream("x"))
    let examples = try Examples(inputs: inputs, targets: Tensor.normal([6, 2], random.stream("y")))
    try learner.begin(Experience(index: 0, name: "0", examples: examples))
    let ours = try FisherInformation.diagonal(of: learner, examples, task: nil, kind: .exact)
    let vector = learner.vector
    let expected = try Tensor.zeros([vector.count])
    for n in 0..<6 {
      let output = try learner.model(inputs[n..<(n + 1)])
      for k in 0..<2 {
        let found = try gradients(
          of: output.select(k, dim: 1).sum(), withRespectTo: vector.parameters.map(\.value), retainGraph: true
        )
        try noGrad {
          for (slot, gradient) in zip(vector.layout.slots, found) {
            try vector.layout.view(slot, of: expected).add(gradient.square(), scale: 1.0 / 6)
          }
        }
      }
    }
    expectNear(ours, expected)
  }
}
