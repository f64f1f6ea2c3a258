import Torch

/// SimKD (Chen et al. 2022): the student keeps its teacher's classifier, and learns to give it the teacher's features.
///
///     answer = classifier_t(pool(P(F_s))),   L = ‖P(F_s) − F_t‖² / D   (eq. 3)
///
/// The projector P of ``ReusedClassifier`` becomes part of the student, between its backbone and the classifier, and is
/// saved and counted with it; the classifier rests. Labels decide only which of its classes the student answers for:
/// nothing is learned from them.
public final class ClassifierReuse: Strategy {
  public static let card = StrategyCard(
    "sim-kd", .distillation, summary: "Keeps the teacher's classifier and learns to give it its features.",
    formula: "L = ‖P(F_s) − F_t‖² / D, answers by the teacher's classifier",
    use: "The teacher's classifier is linear and worth more than the student's own.",
    avoid: "Every value counts: the projector stays.",
    cost: "A forward pass of the teacher a step; the projector.",
    paper: "Chen et al., Knowledge Distillation with the Reused Teacher Classifier, 2022"
  ) { ClassifierReuse($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// A name under the recipe's `teachers:`, or an arm before this one.
    public var teacher = ""
    /// The last values before pooling, student first.
    public var taps = TapPair("layer3", "layer3")
    /// The teacher's channels for each channel inside the projector.
    public var reduction = 2

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      guard !teacher.isEmpty else { throw node.error("missing key `teacher`: whose classifier?") }
      try node.require("reduction", reduction, atLeast: 1)
    }
  }

  public let name = "sim-kd"
  public let options: Options

  public init(_ options: Options) { self.options = options }

  public func check(_ facts: StreamFacts) throws {
    guard facts.classes != nil else { throw StrategyError.needsClasses(name) }
    guard facts.teachers.contains(options.teacher) else {
      throw DistillationError.unknownTeacher(options.teacher, known: facts.teachers)
    }
  }

  public func rebuild(
    _ network: Network, _ random: RandomStreams, fresh: @escaping (RandomStreams) throws -> Network
  ) throws -> Network {
    let known = network.tapNames
    guard known.contains(options.taps.student) else {
      throw TapError.unknown(options.taps.student, known: known)
    }
    var projection = ReusedClassifier.Options()
    (projection.taps, projection.reduction) = ([options.taps], options.reduction)
    let head = try AdoptedHead(features: network.backbone.featureCount, random.stream("head"))
    return Network(
      ProjectingBackbone(network.backbone, projection), head: head, headName: network.headName)
  }

  public var taps: [String] { [ProjectingBackbone.tap] }
  public var teacherNames: [String] { [options.teacher] }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    let backbone = try backbone(of: learner)
    if !backbone.isBuilt, let session = learner.session {
      let sample = try learner.batch(of: session.examples, Tensor.arange(0, 1), isAugmented: false)
      let own = try noGrad {
        try learner.model.evaluating { try learner.model.look(sample.inputs, taps: [options.taps.student]) }
      }
      let theirs = try learner.teacher(options.teacher).look(sample.inputs, taps: [options.taps.teacher])
      try backbone.build(
        .init(
          student: own.value(options.taps.student).shape, teacher: theirs.value(options.taps.teacher).shape),
        learner.random)
    }
    try adopt(learner)
    let (resting, head) = (learner.model.frozenPaths, learner.model.headName + ".")
    learner.model.freeze { resting.contains($0) || $0.hasPrefix(head) }
    try learner.parametersChanged()
  }

  public var replacesLoss: Bool { true }

  public func loss(_ step: Step) throws -> Tensor? {
    let teacher = try step.learner.teacher(options.teacher).look(
      step.batch.inputs, taps: [options.taps.teacher])
    let values = try backbone(of: step.learner)
      .distances(step.look.value(ProjectingBackbone.tap), to: teacher.value(options.taps.teacher))
    return try DistillationReducer()(values, temperature: 1, weights: step.batch.weights)
  }

  private func backbone(of learner: Learner) throws -> ProjectingBackbone {
    guard let backbone = learner.model.backbone as? ProjectingBackbone else {
      throw StrategyError.model(name, "another strategy has put another model in place")
    }
    return backbone
  }

  /// Puts the teacher's rows in place, in the student's order.
  private func adopt(_ learner: Learner) throws {
    let teacher = try learner.teacher(options.teacher)
    func refused(_ problem: String) -> DistillationError { .teacher(options.teacher, problem) }
    guard let network = teacher.network, let weight = network.parameters["\(network.headName).weight"],
      let bias = network.parameters["\(network.headName).bias"], weight.rank == 2,
      let head = learner.model.head as? AdoptedHead
    else { throw refused("its classifier is not linear, and cannot be kept") }
    guard try weight.shape[1] == backbone(of: learner).featureCount else {
      throw refused(
        "its classifier takes \(weight.shape[1]) features, and `\(options.taps.teacher)` gives "
          + "\(try backbone(of: learner).featureCount): name the last values before it")
    }
    let units = try teacher.units(for: learner, name: options.teacher)
    let columns = try learner.classes.labels.indices.map { unit in
      guard let column = units.firstIndex(of: unit) else {
        throw refused("its classifier does not know class \(learner.classes.labels[unit])")
      }
      return column
    }
    let rows = try Tensor(columns).to(learner.device)
    try head.adopt(
      noGrad { try weight.to(.float32).indexSelect(rows) }, noGrad { try bias.to(.float32).indexSelect(rows) }
    )
  }
}
