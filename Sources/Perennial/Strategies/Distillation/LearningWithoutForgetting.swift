import Torch

/// Learning without forgetting (Li & Hoiem 2016): the past self teaches the present one on new inputs.
///
///     L = CE + w · T² · KL(softmax(z_old / T) ‖ softmax(z / T))
///
/// over the old units alone, selected before the softmax; where tasks are granted, one such term for the units of
/// each earlier task (eq. 2). The teacher is the model as it was when the experience began, in evaluation mode.
/// Outputs that are no classes are held by their mean squared difference.
/// Cost: one more forward pass.
public final class LearningWithoutForgetting: Strategy, Tunable {
  public static let card = StrategyCard(
    "lwf", .distillation, summary: "The past self teaches the present one on new inputs.",
    formula: "L = CE + w T² KL(softmax(z_old / T) ‖ softmax(z / T)) over the old units",
    use: "No data may be kept, and new inputs look like old ones.",
    avoid: "Inputs change so much that the old model's answers on them mean nothing.",
    cost: "One more forward pass a step; a copy of the model.",
    paper: "Li & Hoiem, Learning without Forgetting, 2016"
  ) { LearningWithoutForgetting($0) }

  /// How implementations differ; all are kept under test.
  public enum Variant: String, CaseIterable, Codable, Sendable {
    /// As above.
    case canonical
    /// Soft cross-entropy with probability 0 for new units, T², and weights 1/t for the new data and 1 − 1/t for the
    /// teacher with t experiences seen (van de Ven & Tolias 2019).
    case vanDeVen = "van-de-ven"
    /// Without T² (Avalanche).
    case avalanche
  }

  /// Who teaches.
  public enum Teacher: String, CaseIterable, Codable, Sendable {
    /// The model as it was when the experience began.
    case pastSelf = "past-self"
  }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// Who teaches.
    public var teacher = Teacher.pastSelf
    /// T
    public var temperature = 2.0
    /// w
    public var weight = 1.0
    public var variant = Variant.canonical

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("temperature", temperature, above: 0)
      try node.require("weight", weight, atLeast: 0)
    }
  }

  public let name = "lwf"
  public private(set) var options: Options
  public var strength: Double {
    get { options.weight }
    set { options.weight = newValue }
  }
  /// The model as it was when the experience began; nil in the first one.
  public private(set) var teacher: Frozen?
  private var groups: [[Int]] = []
  private var experiencesSeen = 0

  public init(_ options: Options = Options()) { self.options = options }

  public func check(_ facts: StreamFacts) throws {
    guard facts.classes != nil || !facts.hasAlternatives else {
      throw StrategyError.model(
        name,
        "it is of the outputs of classes or of values, and these are of tokens: "
          + "write `distillation: {teacher: past-self}`, or `{teacher: unadapted}` beside adapters")
    }
  }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    experiencesSeen += 1
    guard let session = learner.session, experiencesSeen > 1, options.weight > 0 else { return }
    teacher = try Frozen(learner.model, learner.blueprint, device: learner.device)
    groups = oldUnits(learner.classes, current: experience.task, before: session.previousOutputs)
  }

  /// The units that the teacher knows: all together, or task by task.
  private func oldUnits(_ classes: ClassSpace, current: Int?, before: Int) -> [[Int]] {
    guard let current else { return [Array(0..<before)] }
    return classes.tasks.filter { $0.key != current }.sorted { $0.key < $1.key }.map(\.value)
  }

  public func rehearse(_ batch: Batch, _ learner: Learner) throws -> Batch {
    guard teacher != nil, options.variant == .vanDeVen else { return batch }
    var batch = batch
    let share = 1 / Double(experiencesSeen)
    batch.weights = try (batch.weights ?? Tensor.ones([batch.count], device: learner.device)) * share
    return batch
  }

  public func terms(_ step: Step) throws -> [LossTerm] {
    guard let teacher, !groups.isEmpty else { return [] }
    let wanted = try teacher(step.batch.inputs)
    let temperature = step.learner.objective.isClassification ? options.temperature : 1
    let reduce = DistillationReducer(scalesByTemperatureSquared: options.variant != .avalanche)
    var sum: Tensor?
    for (width, alike) in Dictionary(grouping: groups, by: \.count).sorted(by: { $0.key < $1.key })
    where width > 0 {
      let units = alike.flatMap(\.self)
      let values = try values(step, teacher: select(units, of: wanted), units, width: width, temperature)
      let items = try alike.count == 1 ? values : values.reshape([-1, alike.count]).sum([1])
      let term = try reduce(items, temperature: temperature)
      sum = try sum.map { try $0 + term } ?? term
    }
    guard let sum else { return [] }
    let weight =
      options.variant == .vanDeVen
      ? options.weight * (1 - 1 / Double(experiencesSeen)) / Double(groups.count) : options.weight
    return [LossTerm("lwf", weight == 1 ? sum : try sum * weight)]
  }

  /// What the student is away from the teacher on groups of `width` units that follow each other, item by item and
  /// group by group: `[N · groups]`, in one pass however many there are.
  private func values(_ step: Step, teacher: Tensor, _ units: [Int], width: Int, _ temperature: Double) throws
    -> Tensor
  {
    let isClassification = step.learner.objective.isClassification
    if isClassification, options.variant != .vanDeVen, units.count == width, let first = run(units) {
      return try ResponseDistillation.forwardKL(
        student: step.outputs, from: first, teacher: teacher, temperature: temperature)
    }
    let teacher = try teacher.reshape([-1, width])
    let student = try select(units, of: step.outputs).reshape([-1, width])
    guard isClassification else {
      return try ResponseDistillation.meanSquaredLogits(student: student, teacher: teacher)
    }
    guard options.variant == .vanDeVen else {
      return try ResponseDistillation.forwardKL(student: student, teacher: teacher, temperature: temperature)
    }
    // A granted task keeps to its own units; else new units are part of the student's distribution.
    let isPadded = step.session.experience.task == nil
    return try ResponseDistillation.zeroPaddedCrossEntropy(
      student: isPadded ? step.outputs : student, teacher: teacher, temperature: temperature)
  }

  private func select(_ units: [Int], of outputs: Tensor) throws -> Tensor {
    guard let first = run(units) else {
      return try outputs.indexSelect(Tensor(units).to(outputs.device), dim: 1)
    }
    return try units.count == outputs.shape[1]
      ? outputs : outputs.narrow(dim: 1, start: first, count: units.count)
  }

  /// The first of units that follow each other; nil where they do not.
  private func run(_ units: [Int]) -> Int? {
    units.first.flatMap { first in units.indices.allSatisfy { units[$0] == first + $0 } ? first : nil }
  }

  public func end(_ experience: Experience, _ learner: Learner) throws { teacher = nil }

  public func state() throws -> State {
    var state = State()
    state["experiences"] = experiencesSeen
    state["groups"] = groups
    if let teacher { state.set(try teacher.state(), under: "teacher") }
    return state
  }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    experiencesSeen = try state.require("experiences")
    groups = try state.require("groups")
    let saved = state.scoped("teacher")
    teacher = saved.values.isEmpty ? nil : try Frozen(saved, learner.blueprint, device: learner.device)
  }
}
