import Torch

/// Brain-inspired replay (van de Ven, Siegelmann & Tolias 2020): the classifier itself learns to draw.
///
///     L = L_C + L_G,   L_G(x) = (−log p(x|z) + KL(q(z|x) ‖ N(μ_c, σ_c²))) / D
///
/// both shared among experiences as in ``GenerativeReplay``, and of the paper's components
///
/// - *replay through feedback*: code and drawing come from the classifier's own features, by connections backwards;
/// - *conditional replay*: the prior is a mixture with one learned normal distribution a class, so a class is drawn at
///   will. With the class known the divergence has a closed form, which the paper's sampling estimates;
/// - *gating*: for each class a fixed random part of the units of each backward layer is silent;
/// - *distillation*: replayed items are learned by the past self's outputs softened at T = 2.
///
/// Internal replay, the fifth, is for images that need pretrained convolutions, and not here. Classes that come back in
/// another experience get a distribution and gates of that experience: where only inputs change, these stand for the
/// context. Published: z = 100, gates on 80 % of the units, Adam 1e-3.
public final class BrainInspiredReplay: Strategy {
  public static let card = StrategyCard(
    "bi-r", .generativeReplay,
    summary: "Generative replay through the classifier's own feedback connections, class by class.",
    formula: "L = L_C + (−log p(x|z) + KL(q(z|x) ‖ N(μ_c, σ_c²))) / D, decoder units gated by class",
    use: "As generative replay, with more classes or harder inputs.",
    avoid: "Inputs that a small decoder cannot draw.",
    cost: "A step on twice the items, with a decoder; a copy of both.",
    paper: "van de Ven, Siegelmann & Tolias, Brain-inspired replay for continual learning, 2020"
  ) { BrainInspiredReplay($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    public var latent = 100
    /// Widths of the layers from the features to the code, backwards.
    public var hidden = [400, 400]
    /// The share of backward units that is silent for a class; 0 leaves gates out.
    public var gated = 0.8
    public var distill = true
    public var temperature = 2.0
    /// Of the feedback connections; the rest of the model learns by its own optimizer.
    public var learningRate = 1e-3
    /// Generated items a step; as many as fresh ones when nil.
    public var batch: Int?

    public init() {}

    enum CodingKeys: String, CodingKey {
      case latent, hidden, gated, distill, temperature, batch
      case learningRate = "lr"
    }

    public func validate(at node: ConfigurationNode) throws {
      try node.require("latent", latent, atLeast: 1)
      try node.require("hidden", hidden.min(), atLeast: 1)
      try node.require("gated", gated, in: 0..<1)
      try node.require("temperature", temperature, above: 0)
      try node.require("lr", learningRate, above: 0)
      try node.require("batch", batch, atLeast: 1)
    }
  }

  /// A class as an experience showed it: what has a distribution and gates.
  private struct Kind: Codable, Hashable {
    let experience: Int
    let unit: Int
  }

  public let name = "bi-r"
  public let options: Options
  private var rehearsal: PseudoRehearsal
  private var form: InputForm?
  private var kinds: [Kind] = []
  private var feedback: SideTraining?
  private var past: Feedback?
  private var pastKinds = 0
  /// The kinds of the items made up for the step being taken.
  private var drawn: Tensor?

  public init(_ options: Options = Options()) {
    self.options = options
    rehearsal = PseudoRehearsal(distills: options.distill, temperature: options.temperature)
  }

  public func check(_ facts: StreamFacts) throws {
    guard facts.classes != nil else { throw StrategyError.needsClasses(name) }
  }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    try rehearsal.begin(experience, learner)
    if let module = feedback?.module as? Feedback {
      past = try make(learner)
      try past?.load(module.stateDictionary())
      past?.evaluate()
    }
    pastKinds = kinds.count
    guard let session = learner.session else { return }
    let units = Set(try session.examples.targets.integers()).sorted()
    kinds += units.map { Kind(experience: experience.index, unit: $0) }
    try growFeedback(learner)
  }

  public func rehearse(_ batch: Batch, _ learner: Learner) throws -> Batch {
    drawn = nil
    guard let past, let form, rehearsal.isActive else { return batch }
    return try noGrad {
      let count = options.batch ?? batch.fresh
      let random = try learner.random.stream("generated inputs")
      let kinds = try Tensor.randomIntegers(0..<pastKinds, [count], random).to(learner.device)
      let noise = try Tensor.normal([count, options.latent], random).to(learner.device)
      let rows = try form.mean(past.draw(kinds, noise: noise))
      drawn = kinds
      return try rehearsal.join(batch, form.inputs(rows, learner.pipeline), learner)
    }
  }

  public func terms(_ step: Step) throws -> [LossTerm] {
    let learner = step.learner
    if form == nil {
      form = InputForm(step.batch.inputs, of: step.batch.source)
      try growFeedback(learner)
    }
    guard let form, let feedback, let module = feedback.module as? Feedback else { return [] }
    let (inputs, factors) = try rehearsal.items(step)
    var features = try step.features.narrow(dim: 0, start: 0, count: step.batch.fresh)
    if let places = rehearsal.places {
      features = try Tensor.concatenate([
        features, step.features.narrow(dim: 0, start: places.lowerBound, count: places.count),
      ])
    }
    let noise = try Tensor.normal(
      [features.shape[0], options.latent], learner.random.stream("generator")
    ).to(learner.device)
    let losses = try module.losses(
      features, rows: noGrad { try form.rows(inputs, learner.pipeline) }, kinds: itemKinds(step),
      noise: noise, form)
    try feedback.vector.zeroGradients()
    let drawing = LossTerm("drawing", try (losses * factors).mean())
    return try [drawing] + (rehearsal.term(step).map { [$0] } ?? [])
  }

  /// The kind of every fresh item, and of those made up behind them.
  private func itemKinds(_ step: Step) throws -> Tensor {
    var table = [Int](repeating: 0, count: step.learner.classes.count)
    for (index, kind) in kinds.enumerated() where index >= pastKinds { table[kind.unit] = index }
    let fresh = try step.batch.targets.narrow(dim: 0, start: 0, count: step.batch.fresh)
    let own = try Tensor(table).to(step.learner.device).indexSelect(fresh)
    return try drawn.map { try Tensor.concatenate([own, $0]) } ?? own
  }

  public func observe(_ step: Step) throws { try feedback?.step() }

  public func end(_ experience: Experience, _ learner: Learner) throws { past = nil }

  /// What the model draws now, a row a class.
  public func pictures(_ learner: Learner) throws -> [Picture] {
    guard let form, form.isPixels, let module = feedback?.module as? Feedback else { return [] }
    let each = 6
    let rows = try noGrad {
      let noise = try Tensor.normal([each * kinds.count, options.latent], Generator(seed: 0))
      let order = try Tensor((0..<(each * kinds.count)).map { $0 / each })
      return try form.mean(module.draw(order.to(learner.device), noise: noise.to(learner.device)))
    }
    return [
      try Picture(
        "Inputs that the model draws, class by class", grid: rows.reshape([-1] + form.shape),
        columns: 2 * each)
    ]
  }

  /// Feedback connections for all kinds so far.
  private func growFeedback(_ learner: Learner) throws {
    guard form != nil else { return }
    let random = try learner.random.stream("generator")
    if feedback == nil, let module = try make(learner) {
      feedback = try SideTraining(module, learningRate: options.learningRate, device: learner.device)
    }
    try (feedback?.module as? Feedback)?.grow(to: kinds.count, random)
    try feedback?.parametersChanged(learner.device)
  }

  private func make(_ learner: Learner) throws -> Feedback? {
    guard let form else { return nil }
    let feedback = try Feedback(
      features: learner.model.backbone.featureCount, options, outputs: form.width,
      learner.random.stream("generator"))
    if learner.device != .cpu { try feedback.move(to: learner.device) }
    return feedback
  }

  public func state() throws -> State {
    var state = State()
    state["form"] = form
    state["kinds"] = kinds
    state["past_kinds"] = pastKinds
    state.set(try rehearsal.state(), under: "rehearsal")
    if let feedback { state.set(try feedback.state(), under: "feedback") }
    if let past { state.set(State(tensors: try past.stateDictionary()), under: "past") }
    return state
  }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    form = state["form"]
    kinds = try state.require("kinds")
    pastKinds = try state.require("past_kinds")
    try rehearsal.restore(state.scoped("rehearsal"), learner)
    let saved = state.scoped("feedback")
    feedback = nil
    if !saved.tensors.isEmpty, let module = try make(learner) {
      let training = try SideTraining(module, learningRate: options.learningRate, device: learner.device)
      try training.restore(saved, learner.device)
      feedback = training
    }
    let before = state.scoped("past").tensors
    self.past = before.isEmpty ? nil : try make(learner)
    try self.past?.load(before)
    self.past?.evaluate()
  }
}

/// Connections backwards from the features of a classifier: to a code, and from the code to the inputs, with a prior of
/// the code and silent units for each kind.
final class Feedback: Module {
  private let posterior: GaussianLayer
  private let decoder: Perceptron
  private let hidden: [Int]
  private let gated: Double
  /// Mean and logarithm of the variance of the prior `[kinds, latent]`.
  let priorMean: Parameter
  let priorLogVariance: Parameter
  /// Factors 0 and 1 of all units of hidden layers `[kinds, Σ widths]`.
  let gates: Parameter

  init(features: Int, _ options: BrainInspiredReplay.Options, outputs: Int, _ random: Generator) throws {
    hidden = options.hidden.reversed()
    gated = options.gated
    posterior = try GaussianLayer(features, options.latent, random)
    decoder = try Perceptron([options.latent] + hidden + [outputs], random)
    priorMean = Parameter(try Tensor.zeros([0, options.latent]))
    priorLogVariance = Parameter(try Tensor.zeros([0, options.latent]))
    gates = Parameter(try Tensor.zeros([0, hidden.reduce(0, +)]), kind: .buffer)
    super.init()
    register("posterior", posterior)
    register("decoder", decoder)
    register("prior_mean", priorMean)
    register("prior_log_variance", priorLogVariance)
    register("gates", gates)
  }

  /// Draws priors and gates for kinds that have none.
  func grow(to kinds: Int, _ random: Generator) throws {
    let new = kinds - priorMean.value.shape[0]
    guard new > 0 else { return }
    try noGrad {
      for parameter in [priorMean, priorLogVariance] {
        let rows = try Tensor.normal([new, parameter.value.shape[1]], random).to(parameter.value.device)
        parameter.replace(with: try Tensor.concatenate([parameter.value.detach(), rows]))
      }
      let open = try (Tensor.uniform([new, gates.value.shape[1]], random) .>= gated).to(.float32)
      gates.replace(with: try Tensor.concatenate([gates.value, open.to(gates.value.device)]))
    }
  }

  override func fit(_ shapes: [String: [Int]]) throws {
    guard let kinds = shapes["gates"]?.first else { return }
    try grow(to: kinds, Generator(seed: 0))
  }

  /// The loss L_G of each item `[N]`.
  func losses(_ features: Tensor, rows: Tensor, kinds: Tensor, noise: Tensor, _ form: InputForm) throws
    -> Tensor
  {
    let code = try posterior(features)
    let outputs = try decoder(code.sample(noise), gates: gates(of: kinds))
    return try form.reconstructionLoss(outputs, rows) + code.divergence(from: prior(of: kinds)) / form.width
  }

  /// Outputs `[N, D]` for inputs of the kinds int64 `[N]`.
  func draw(_ kinds: Tensor, noise: Tensor) throws -> Tensor {
    try decoder(prior(of: kinds).sample(noise), gates: gates(of: kinds))
  }

  private func prior(of kinds: Tensor) throws -> Gaussian {
    try Gaussian(
      mean: priorMean.value.indexSelect(kinds), logVariance: priorLogVariance.value.indexSelect(kinds))
  }

  private func gates(of kinds: Tensor) throws -> [Tensor] {
    gated > 0 ? try gates.value.indexSelect(kinds).split(hidden, dim: 1) : []
  }
}
