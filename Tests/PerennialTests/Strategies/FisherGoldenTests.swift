import Testing
import Torch

@testable import Perennial

/// Classification whose "draws" from the predictive distribution are given labels.
private struct GivenDraws: Objective {
  let labels: [Int]
  private let plain = Classification()

  init(_ labels: [Int]) { self.labels = labels }

  var isClassification: Bool { true }
  func losses(_ outputs: Tensor, _ targets: Tensor) throws -> Tensor { try plain.losses(outputs, targets) }
  func sums(_ outputs: Tensor, _ targets: Tensor) throws -> [Double] { try plain.sums(outputs, targets) }
  func fisherRoots(_ outputs: Tensor) throws -> [Tensor] { try plain.fisherRoots(outputs) }
  func scores(_ outputs: Tensor, _ targets: Tensor) throws -> Tensor { try plain.scores(outputs, targets) }
  func sample(_ outputs: Tensor, _ generator: Generator) throws -> Tensor { try Tensor(labels) }
  func outputs(for targets: Tensor) -> Int? { nil }
}

/// Against a plain loop over items and classes with PyTorch's autograd: `Scripts/golden/ewc.py`.
@Suite struct FisherGoldenTests {
  static let architectures = ["mlp", "convnet"]

  /// - Parameter isTaped: whether all layers have a rule for per-sample gradients.
  static func blueprint(_ architecture: String, _ golden: GoldenTensors, isTaped: Bool) -> Blueprint {
    Blueprint { random in
      let all = golden.all(architecture)
      func load(_ layer: some Module, _ name: String) throws {
        try layer.load([
          "weight": golden["\(architecture)/\(name).weight"], "bias": golden["\(architecture)/\(name).bias"],
        ])
      }
      let head = try RowsHead(
        try #require(all["output.weight"]), try #require(all["output.bias"]), isTaped: isTaped)
      let initialization = try random.stream("initialization")
      guard architecture == "convnet" else {
        let hidden = try Linear(6, 8, initialization)
        try load(hidden, "hidden")
        let backbone = LayersBackbone(8, ["hidden": hidden, "activation": Activation(.relu)])
        return Network(backbone, head: head, headName: "output")
      }
      let first = try Conv2d(1, 3, kernel: 3, padding: 1, initialization)
      let second = try Conv2d(3, 4, kernel: 3, stride: 2, initialization)
      try load(first, "conv1")
      try load(second, "conv2")
      let backbone = LayersBackbone(
        4,
        [
          "conv1": first, "a": Activation(.relu), "conv2": second, "b": Activation(.relu),
          "pool": GlobalAveragePool(),
        ])
      return Network(backbone, head: head, headName: "output")
    }
  }

  /// A learner of the golden model that knows all five classes as task 0 and the active ones as task 1.
  static func learner(
    _ architecture: String, _ golden: GoldenTensors, isTaped: Bool = true
  ) throws -> (Learner, Examples) {
    let objective = GivenDraws(try golden["\(architecture)/sampled"].integers())
    let learner = try Learner(
      blueprint(architecture, golden, isTaped: isTaped), objective: objective,
      optimizer: SGD(learningRate: 0.1), pipeline: InputPipeline())
    let inputs = try golden["\(architecture)/inputs"]
    for (task, classes) in [[0, 1, 2, 3, 4], [0, 2, 3]].enumerated() {
      let examples = try Examples(inputs: inputs[0..<classes.count], targets: Tensor(classes))
      try learner.begin(Experience(index: task, name: "\(task)", examples: examples, task: task))
    }
    try learner.end()
    return (learner, try Examples(inputs: inputs, targets: golden["\(architecture)/labels"]))
  }

  static func compare(
    _ fisher: Tensor, _ name: String, _ golden: GoldenTensors, _ layout: VectorLayout,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    for slot in layout.slots {
      expectNear(
        try layout.view(slot, of: fisher), try golden["\(name)/\(slot.path)"], "\(name) of \(slot.path)",
        sourceLocation: sourceLocation)
    }
  }

  @Test(arguments: architectures, [true, false])
  func theModelIsTheGoldenOne(architecture: String, isTaped: Bool) throws {
    let golden = try GoldenTensors("ewc")
    let (learner, examples) = try Self.learner(architecture, golden, isTaped: isTaped)
    expectNear(try noGrad { try learner.model(examples.inputs) }, try golden["\(architecture)/logits"])
  }

  @Test(arguments: architectures, FisherInformation.Kind.allCases)
  func everyKindIsTheGoldenOneLayerByLayerAndOneByOne(
    architecture: String, kind: FisherInformation.Kind
  ) throws {
    let golden = try GoldenTensors("ewc")
    for isTaped in [true, false] {
      let (learner, examples) = try Self.learner(architecture, golden, isTaped: isTaped)
      let fisher = try FisherInformation.diagonal(of: learner, examples, task: nil, kind: kind)
      try Self.compare(fisher, "\(architecture).fisher_\(kind.rawValue)", golden, learner.vector.layout)
    }
  }

  @Test(arguments: architectures, [true, false])
  func aTaskRestrictsTheDistributionToItsClasses(architecture: String, isTaped: Bool) throws {
    let golden = try GoldenTensors("ewc")
    let (learner, examples) = try Self.learner(architecture, golden, isTaped: isTaped)
    let fisher = try FisherInformation.diagonal(of: learner, examples, task: 1, kind: .exact)
    try Self.compare(fisher, "\(architecture).fisher_active", golden, learner.vector.layout)
  }

  /// Avalanche squares the mean gradient of each batch: about a factor of the batch size too small, and another
  /// quantity for every batch size (avalanche#1224, #723).
  @Test(arguments: architectures)
  func avalancheSquaresTheBatchMeanGradient(architecture: String) throws {
    let golden = try GoldenTensors("ewc")
    let (learner, examples) = try Self.learner(architecture, golden)
    let ours = try FisherInformation.diagonal(of: learner, examples, task: nil, kind: .empirical)
    let layout = learner.vector.layout
    let theirs = try layout.slots.reduce(0.0) {
      try $0 + golden["\(architecture).fisher_batched/\($1.path)"].sum().item()
    }
    #expect(try ours.sum().item() > 1.5 * theirs)
    // The parts of a set average to the whole, however it is cut.
    let parts = try [0..<4, 4..<8, 8..<12].map {
      try FisherInformation.diagonal(
        of: learner, examples.select(Array($0)), task: nil, kind: .empirical)
    }
    expectNear(try (parts[0] + parts[1] + parts[2]) / 3, ours)
  }

  /// Mammoth weighs the squared gradient of the true label by its probability: neither exact nor empirical.
  @Test func mammothWeighsTheTrueLabelByItsProbability() throws {
    let golden = try GoldenTensors("ewc")
    let (learner, examples) = try Self.learner("mlp", golden)
    let ours = try FisherInformation.diagonal(of: learner, examples, task: nil, kind: .empirical)
    let p = try noGrad { try learner.model(examples.inputs).softmax() }
    var theirs = try ours.zerosLike()
    for n in 0..<examples.count {
      let one = try examples.select([n])
      let own = try FisherInformation.diagonal(of: learner, one, task: nil, kind: .empirical)
      theirs = try theirs + own * p[n][Int(one.targets.item())].item() / Double(examples.count)
    }
    #expect(try ours.sum().item() > 1.2 * theirs.sum().item())
    try Self.compare(ours, "mlp.fisher_empirical", golden, learner.vector.layout)
  }
}
