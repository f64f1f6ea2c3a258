import Testing
import Torch

@testable import Perennial

/// A list of strategies under a name: what the laws below hold for.
struct Method: Sendable, CustomTestStringConvertible {
  let name: String
  let make: @Sendable () -> [any Strategy]

  init(_ name: String, _ make: @escaping @Sendable () -> [any Strategy]) {
    self.name = name
    self.make = make
  }

  var testDescription: String { name }

  /// Whether the strategies themselves say that they can serve such a setting.
  func serves(_ setting: Setting) -> Bool {
    let strategies = make()
    let facts = StreamFacts(
      classes: 6, experiences: 3, scenario: setting.scenario, strategies: strategies.map(\.name))
    do {
      for strategy in strategies { try strategy.check(facts) }
      let stream = try setting.stream()
      try setting.learner(strategies, stream: stream).begin(stream.experience(0))
      return true
    } catch {
      return !(error is StrategyError)
    }
  }

  /// The plainest setting that they can serve.
  var setting: Setting {
    [Setting.plain, .tasks, .cosineHead, .images, .similarityPictures, .texts].first(where: serves) ?? .tasks
  }

  static func replay(_ change: (inout Replay.Options) -> Void = { _ in }) -> Replay {
    var options = Replay.Options()
    options.memory = 13
    change(&options)
    return Replay(options)
  }

  static func ewc(_ change: (inout ElasticWeightConsolidation.Options) -> Void = { _ in })
    -> ElasticWeightConsolidation
  {
    var options = ElasticWeightConsolidation.Options()
    options.lambda = 5
    change(&options)
    return ElasticWeightConsolidation(options)
  }

  static func lwf(_ change: (inout LearningWithoutForgetting.Options) -> Void = { _ in })
    -> LearningWithoutForgetting
  {
    var options = LearningWithoutForgetting.Options()
    change(&options)
    return LearningWithoutForgetting(options)
  }

  /// Every strategy with every option that takes another path, family by family.
  static let all: [Method] =
    core + regularization + replays + generative + isolation + frozenFeatures + transfer + taskFree
    + adapters + compression + distillations + companions + classIncremental

  static let core: [Method] = [
    Method("finetune") { [] },
    Method("joint") { [Joint()] },
    Method("cumulative") { [Joint.cumulative()] },
    Method("replay reservoir") { [replay()] },
    Method("replay class-balanced") { [replay { $0.policy = .classBalanced }] },
    Method("replay experience-balanced") { [replay { $0.policy = .experienceBalanced }] },
    Method("replay ring") { [replay { $0.policy = .ring }] },
    Method("replay at the end, by experiences") {
      [
        replay {
          ($0.insert, $0.weighting, $0.policy) = (.end, .experiences, .classBalanced)
          $0.batch = 3
        }
      ]
    },
    Method("ewc folded") { [ewc()] },
    Method("ewc separate") { [ewc { $0.mode = .separate }] },
    Method("ewc online") { [ewc { ($0.mode, $0.decay, $0.fisher) = (.online, 0.9, .empirical) }] },
    Method("ewc sampled") { [ewc { ($0.fisher, $0.samples) = (.sampled, 5) }] },
    Method("lwf") { [lwf()] },
    Method("lwf van-de-ven") { [lwf { $0.variant = .vanDeVen }] },
    Method("lwf avalanche") { [lwf { $0.variant = .avalanche }] },
    Method("l1") { [WeightPenalty(.l1, lambda: 0.01)] },
    Method("l2") { [WeightPenalty(.l2, lambda: 0.01)] },
    Method("l2-previous") { [WeightPenalty(.l2Previous, lambda: 0.1)] },
    Method("replay, lwf and ewc") { [replay(), lwf { $0.variant = .vanDeVen }, ewc()] },
  ]
}

/// A model, an optimizer and a stream for the laws to hold on.
enum Setting: String, CaseIterable, Sendable {
  case plain, dropoutAndNorm, adamAugmented, tasks, domains, instances, fixedHead, cosineHead, meansHead,
    blurredSteps, images, similarityPictures, tasksAndNorm, ldaHead, ridgeHead, neighboursHead, frozenLDA,
    texts

  /// Those that every strategy is tried in: texts are for the few that read them.
  static let allCases: [Setting] = [
    .plain, .dropoutAndNorm, .adamAugmented, .tasks, .domains, .instances, .fixedHead, .cosineHead,
    .meansHead,
    .blurredSteps, .images, .similarityPictures, .tasksAndNorm, .ldaHead, .ridgeHead, .neighboursHead,
    .frozenLDA,
  ]

  var scenario: Scenario {
    switch self {
    case .tasks, .tasksAndNorm: .taskIncremental
    case .domains: .domainIncremental
    case .instances: .instanceIncremental
    default: .classIncremental
    }
  }

  func stream() throws -> Perennial.Stream {
    switch self {
    case .tasks, .tasksAndNorm, .domains: try Clusters().stream(scenario)
    case .instances: try Clusters().stream(.instanceIncremental) { $0.validation = 0.1 }
    case .adamAugmented: try Clusters().stream(pipeline: .noisy())
    case .blurredSteps: try Clusters().stream { ($0.blur, $0.classOrder) = (0.4, .seeded) }
    case .images, .similarityPictures:
      try StreamPlan(scenario: .classIncremental, experiences: 3).stream(
        of: Clusters().source().asPictures(), seed: 1)
    case .texts:
      try StreamPlan(scenario: .classIncremental, experiences: 3).stream(
        of: Clusters().source().asTokens(), seed: 1)
    default: try Clusters().stream()
    }
  }

  func learner(
    _ strategies: [any Strategy], stream: Perennial.Stream, teachers: [String: any Teacher] = [:]
  ) throws -> Learner {
    let blueprint: Blueprint =
      switch self {
      case .dropoutAndNorm, .tasksAndNorm: .tiny(batchNorm: true, dropout: 0.3)
      case .images: .tinyPictures()
      case .similarityPictures:
        .tinyPictures { try LocalSimilarityHead(features: $0, proxies: 2, $1) }
      case .fixedHead: .tiny { try FixedHead(features: $0, capacity: 8, $1) }
      case .cosineHead: .tiny { try CosineHead(features: $0, $1) }
      case .ldaHead: .tiny { features, _ in try StreamingLDAHead(features: features) }
      case .frozenLDA:
        Blueprint.tiny(batchNorm: true) { features, _ in try StreamingLDAHead(features: features) }
          .withFrozenBackbone()
      case .ridgeHead: .tiny { try RidgeHead(features: $0, width: 12, $1) }
      case .neighboursHead: .tiny { features, _ in try NearestNeighboursHead(features: features, memory: 20) }
      case .texts: .tinyReader()
      case .meansHead: .tiny { try NearestClassMeanHead(features: $0, $1) }
      default: .tiny()
      }
    let optimizer: any Optimizer =
      self == .adamAugmented || self == .tasks
      ? try Adam(learningRate: 0.01) : try SGD(learningRate: 0.05, momentum: 0.9, weightDecay: 1e-4)
    var options = TrainingOptions(batch: 8, length: .epochs(1), clip: 5)
    if self == .blurredSteps {
      options = TrainingOptions(
        batch: 7, length: .steps(5), schedule: { _, _ in .cosine(steps: 5, minimum: 0.001) },
        resetOptimizer: true)
    }
    return try Learner(
      blueprint, objective: Classification(), optimizer: optimizer, strategies: strategies, options: options,
      pipeline: stream.pipeline, teachers: teachers, seed: 7)
  }
}

extension State {
  /// All tensors' bytes and all values: equal for states that go on alike.
  ///
  /// Values are JSON of dictionaries, whose order is free, so they are compared with their characters sorted.
  func fingerprint() throws -> [String: String] {
    var all = values.mapValues { String($0.sorted()) }
    for (key, tensor) in tensors {
      all["tensor \(key)"] = "\(tensor.dtype) \(tensor.shape) \(try tensor.data().base64EncodedString())"
    }
    return all
  }

  /// Through the bytes of a file and back.
  func saved() throws -> State {
    let folder = TemporaryPlace()
    defer { folder.remove() }
    let url = folder.url.appendingPathComponent("state.safetensors")
    try Safetensors.encode(tensors, metadata: values).write(to: url)
    let contents = try Safetensors.read(url)
    return State(tensors: try contents.tensors.mapValues { try $0.clone() }, values: contents.metadata)
  }
}
