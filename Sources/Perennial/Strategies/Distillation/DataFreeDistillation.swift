import Foundation
import Torch

/// Data-free distillation (DAFL, Chen et al. 2019): a student learns from a teacher alone, on images that a generator
/// draws to please the teacher.
///
///     generator   L = L_oh + α L_a + β L_ie
///     L_oh        mean CE(z_t, argmax z_t)      the teacher is sure
///     L_a         −mean |f_t|                   its features answer
///     L_ie        Σ_c p̄_c log₁₀ p̄_c            p̄ the mean of softmax(z_t) over a batch: all classes come alike
///     student     T² KL(softmax(z_t / T) ‖ softmax(z_s / T))
///
/// Every batch of the stream is replaced by as many images, drawn before the step; labels and inputs of the stream are
/// never looked at, only how many there are and what shape they have. |f| is the mean and the entropy in base 10 as in
/// the authors' program, which α and β were chosen for. Published for MNIST: α = 0.1, β = 5, T = 1, Adam for the
/// generator at 0.2, batches of 512.
public final class DataFreeDistillation: Strategy {
  public static let card = StrategyCard(
    "data-free", .distillation, summary: "Learns from a teacher on images that a generator draws for it.",
    formula: "G: CE(z_t, argmax z_t) − α |f_t| + β Σ p̄ log p̄;  student: T² KL(z_t ‖ z_s)",
    use: "There is a teacher, and its data are gone or private.",
    avoid: "Any data of the kind are at hand: `distillation`.",
    cost: "A generator that learns beside the student; a backward pass through the teacher a step.",
    paper: "Chen et al., Data-Free Learning of Student Networks, 2019"
  ) { DataFreeDistillation($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// A name under the recipe's `teachers:`, or an arm before this one.
    public var teacher = ""
    /// α
    public var activation = 0.1
    /// β
    public var entropy = 5.0
    /// T
    public var temperature = 1.0
    /// Numbers in a code.
    public var latent = 100
    /// Channels inside the generator.
    public var channels = 128
    /// Of the generator.
    public var learningRate = 0.2

    public init() {}

    enum CodingKeys: String, CodingKey {
      case teacher, activation, entropy, temperature, latent, channels
      case learningRate = "lr"
    }

    public func validate(at node: ConfigurationNode) throws {
      guard !teacher.isEmpty else { throw node.error("missing key `teacher`: who is learned from?") }
      try node.require("activation", activation, atLeast: 0)
      try node.require("entropy", entropy, atLeast: 0)
      try node.require("temperature", temperature, above: 0)
      try node.require("latent", latent, atLeast: 1)
      try node.require("channels", channels, atLeast: 1)
      try node.require("lr", learningRate, above: 0)
    }
  }

  public let name = "data-free"
  public let options: Options
  private var shape: [Int]?
  private var generating: SideTraining?
  private var alignment: Alignment?
  /// What the teacher says of the images of this step, for the units that both have.
  private var answers: Tensor?

  public init(_ options: Options) { self.options = options }

  public func check(_ facts: StreamFacts) throws {
    guard facts.classes != nil else { throw StrategyError.needsClasses(name) }
    guard facts.teachers.contains(options.teacher) else {
      throw DistillationError.unknownTeacher(options.teacher, known: facts.teachers)
    }
    if let other = facts.strategies.first(where: { $0 != name }) {
      throw StrategyError.cannotCombine(name, other, "it puts drawn images in the place of the stream's")
    }
  }

  public var teacherNames: [String] { [options.teacher] }
  var generator: ImageGenerator? { generating?.module as? ImageGenerator }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    let teacher = try learner.teacher(options.teacher)
    if options.activation > 0, !teacher.tapNames.contains("features") {
      throw DistillationError.teacher(options.teacher, "it shows no features: set `activation: 0`")
    }
    let shape = Array(experience.examples.inputs.shape.dropFirst())
    guard shape.count == 3 else {
      throw StrategyError.model(name, "it draws images [C, H, W], and inputs are of shape \(shape)")
    }
    alignment = nil
    guard try aligned(learner).count > 0 else {
      throw DistillationError.noCommonClasses(teacher: options.teacher)
    }
    if generating == nil { try make(shape, learner) }
  }

  public func rehearse(_ batch: Batch, _ learner: Learner) throws -> Batch {
    guard let generating, let generator else { return batch }
    let alignment = try aligned(learner)
    let codes = try Tensor.normal([batch.count, options.latent], learner.random.stream("data-free codes"))
    let images = try generator(codes.to(learner.device))
    let look = try learner.teacher(options.teacher).look(inGraphOf: images)
    let outputs = try alignment.teacher(look.outputs)
    let losses = try Self.losses(outputs: outputs, features: look.features)
    try generating.descend(
      losses.oneHot + losses.activation * options.activation + losses.entropy * options.entropy)
    let said = try noGrad { try outputs.detach() }
    answers = said
    let units = try Tensor(alignment.units).to(learner.device).indexSelect(said.argmax(1))
    return Batch(
      inputs: try images.detach(), targets: units, fresh: batch.count, source: batch.source,
      places: batch.places)
  }

  public var replacesLoss: Bool { true }

  public func loss(_ step: Step) throws -> Tensor? {
    guard let answers else { return nil }
    let values = try ResponseDistillation.forwardKL(
      student: aligned(step.learner).student(step.outputs), teacher: answers, temperature: options.temperature
    )
    return try DistillationReducer()(values, temperature: options.temperature)
  }

  public func observe(_ step: Step) throws { answers = nil }

  /// L_oh, L_a and L_ie `[]` for a teacher's outputs `[N, K]` and features `[N, D]`.
  static func losses(outputs: Tensor, features: Tensor) throws -> (
    oneHot: Tensor, activation: Tensor, entropy: Tensor
  ) {
    let mean = try outputs.softmax().mean([0])
    return (
      try outputs.crossEntropy(outputs.detach().argmax(1)), try -features.abs().mean(),
      try (mean * mean.clamp(min: 1e-30).log()).sum() / Foundation.log(10.0)
    )
  }

  /// What the generator draws now.
  public func pictures(_ learner: Learner) throws -> [Picture] {
    guard let generator, let shape, shape[0] == 1 || shape[0] == 3 else { return [] }
    let codes = try Tensor.normal([60, options.latent], Generator(seed: 0)).to(learner.device)
    let images = try noGrad { try generator.evaluating { try learner.pipeline.pixels(generator(codes)) } }
    return [try Picture("Images that the generator draws", grid: images, columns: 15)]
  }

  public func state() throws -> State {
    var state = State()
    state["shape"] = shape
    if let generating { state.set(try generating.state(), under: "generator") }
    return state
  }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    (alignment, answers) = (nil, nil)
    guard let shape: [Int] = state["shape"] else { return }
    try make(shape, learner)
    try generating?.restore(state.scoped("generator"), learner.device)
  }

  private func make(_ shape: [Int], _ learner: Learner) throws {
    self.shape = shape
    let generator = try ImageGenerator(
      shape, latent: options.latent, channels: options.channels, learner.random.stream("data-free generator"))
    generating = try SideTraining(generator, learningRate: options.learningRate, device: learner.device)
  }

  private func aligned(_ learner: Learner) throws -> Alignment {
    if let alignment { return alignment }
    let made = try Alignment(
      learner.teacher(options.teacher).units(for: learner, name: options.teacher), group: nil,
      outputs: learner.model.head.outputs,
      device: learner.device)
    alignment = made
    return made
  }
}
