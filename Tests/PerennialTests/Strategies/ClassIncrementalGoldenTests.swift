import Testing
import Torch

@testable import Perennial

/// Class-incremental methods step for step against PyTorch: `Scripts/golden/class_incremental.py` tells the whole protocol.
@Suite struct ClassIncrementalGoldenTests {
  /// A method of the golden file, with a memory that keeps everything.
  enum Arm: String, CaseIterable {
    case lwfMC = "lwf-mc"
    case icarl, softmax, eeil, wa, bic, lucir, podnet, lwm
    case podnetPictures = "podnet-pictures"

    var strategy: any Strategy {
      switch self {
      case .lwfMC: LwFMultiClass()
      case .icarl: Method.iCaRL { $0.memory = 1000 }
      case .softmax: Method.iCaRL { ($0.memory, $0.variant) = (1000, .softmax) }
      case .eeil:
        Method.eeil {
          $0.memory = 1000
          ($0.fineTuning.epochs, $0.fineTuning.lr, $0.fineTuning.drops, $0.fineTuning.batch) = (
            5, 0.05, 1, 1000
          )
        }
      case .wa: Method.wa { $0.memory = 1000 }
      case .bic: Method.bic { $0.memory = 1000 }
      case .lucir: Method.lucir { $0.memory = 1000 }
      case .podnet, .podnetPictures:
        Method.podnet {
          $0.memory = 1000
          ($0.fineTuning.epochs, $0.fineTuning.weightDecay, $0.fineTuning.batch) = (4, 0, 1000)
        }
      case .lwm: Method.lwm()
      }
    }

    var isOfPictures: Bool { self == .lwm || self == .podnetPictures }

    var rate: Double {
      switch self {
      case .lucir, .podnetPictures: 0.01
      case .lwm: 0.02
      default: 0.1
      }
    }

    func blueprint(_ data: GoldenTensors, _ golden: GoldenTensors) throws -> Blueprint {
      let pictures = golden.all("pictures.initial")
      let initial = isOfPictures ? pictures : data.all("initial")
      return Blueprint { random in
        let generator = try random.stream("initialization")
        let hidden = try Linear(isOfPictures ? 32 : 8, isOfPictures ? 12 : 16, generator)
        try hidden.load([
          "weight": #require(initial["hidden.weight"]), "bias": #require(initial["hidden.bias"]),
        ])
        let backbone: LayersBackbone
        if isOfPictures {
          let convolution = try Conv2d(1, 4, kernel: 3, padding: 1, generator)
          try convolution.load([
            "weight": #require(initial["conv.weight"]), "bias": #require(initial["conv.bias"]),
          ])
          backbone = LayersBackbone(
            12,
            ["conv": convolution, "first": Activation(.relu), "hidden": hidden, "second": Activation(.relu)])
        } else {
          backbone = LayersBackbone(16, ["hidden": hidden, "activation": Activation(.relu)])
        }
        switch self {
        case .lucir:
          return Network(backbone, head: try CosineHead(features: 16, generator))
        case .podnet, .podnetPictures:
          let width = isOfPictures ? 12 : 16
          return Network(backbone, head: try LocalSimilarityHead(features: width, proxies: 2, generator))
        default:
          return Network(
            backbone, head: try RowsHead(#require(initial["head.weight"]), #require(initial["head.bias"])))
        }
      }
    }

    /// The vectors of the head by class, where the method's own head cannot be given them as it grows.
    func vectors(_ data: GoldenTensors, _ golden: GoldenTensors) throws -> Tensor? {
      switch self {
      case .lucir: try data["initial/head.weight"]
      case .podnet: try golden["proxies.initial/weight"]
      case .podnetPictures: try golden["pictures.initial/vectors"]
      default: nil
      }
    }

    func experience(_ index: Int, _ data: GoldenTensors) throws -> Experience {
      var (inputs, labels) = (
        try data["experience\(index + 1)/inputs"], try data["experience\(index + 1)/labels"]
      )
      if isOfPictures { inputs = try inputs.reshape([80, 1, 2, 4]) }
      if self == .bic {
        let all = try labels.integers()
        let classes = (2 * index)..<(2 * index + 2)
        let first = try classes.map { try #require(all.firstIndex(of: $0)) }
        let places = first.flatMap { [Int](repeating: $0, count: 10) }
        (inputs, labels) = (try inputs.indexSelect(Tensor(places)), try labels.indexSelect(Tensor(places)))
      }
      return try Experience(
        index: index, name: "\(index)", examples: Examples(inputs: inputs, targets: labels))
    }
  }

  /// How far a run in float32 may be from the one in float64. The gradient of a distance between maps of two models that
  /// are still nearly alike depends on the last digits of both.
  static func tolerance(_ arm: Arm) -> Double {
    arm == .podnetPictures ? 1e-3 : arm.isOfPictures ? 2e-4 : 5e-5
  }

  @Test(arguments: Arm.allCases)
  func everyStepIsTheOneOfPyTorch(arm: Arm) throws {
    let (data, golden) = (try GoldenTensors("training"), try GoldenTensors("class_incremental"))
    let strategy = arm.strategy
    let learner = try Learner(
      arm.blueprint(data, golden), optimizer: SGD(learningRate: arm.rate), strategies: [strategy],
      options: TrainingOptions(batch: 1000, length: .epochs(10)), pipeline: InputPipeline(), seed: 5)
    var losses: [Double] = []
    for index in 0..<3 {
      try learner.begin(arm.experience(index, data))
      // LUCIR places the vectors of later classes itself.
      if let vectors = try arm.vectors(data, golden), arm != .lucir || index == 0 {
        let weight = try #require(learner.model.parameters.first { $0.path == "head.weight" }).parameter.value
        let new = (2 * index)..<(2 * index + 2)
        try noGrad { try weight[new].copy(from: vectors[new]) }
      }
      while let session = learner.session, !session.isDone { losses.append(try learner.step()) }
      try learner.end()
      let expected = golden.all("\(arm.rawValue).after\(index + 1)")
      let state = try learner.model.stateDictionary()
      #expect(Set(state.keys) == Set(expected.keys))
      for (path, value) in state {
        expectNear(
          value, try #require(expected[path]), relative: Self.tolerance(arm),
          "\(arm) after \(index + 1): \(path)")
      }
      if index > 0, let correction = (strategy as? BiasCorrection)?.correction {
        let line = try golden["bic.correction/lines"][index - 1].floats().map(Double.init)
        expectNear(correction.alpha, line[0], within: 1e-3)
        expectNear(correction.beta, line[1], within: 1e-3)
        #expect(correction.first == 2 * index && correction.count == 2)
      }
    }
    let expected = try golden["\(arm.rawValue)/losses"].floats().map(Double.init)
    #expect(losses.count == expected.count)
    for (step, (ours, theirs)) in zip(losses, expected).enumerated() {
      #expect(
        abs(ours - theirs) < Self.tolerance(arm) * max(1, theirs), "\(arm), step \(step): \(ours), \(theirs)")
    }
    if arm == .icarl {
      let answer = try learner.predict(data["experience1/inputs"])
      expectNear(answer, try golden["icarl.nearest/outputs"], relative: 1e-4)
    }
  }
}
