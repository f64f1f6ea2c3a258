import Torch

/// Deep generative replay (Shin et al. 2017), in the form of van de Ven & Tolias (2019).
///
///     L = (1/t) · mean over fresh of the loss + (1 − 1/t) · mean over generated of the loss
///
/// with t experiences seen. A generator learns beside the classifier, from the same items with the same weights. When an
/// experience begins, both are copied: the copy of the generator makes up inputs, the copy of the classifier labels
/// them, hard, or with `distill` by its outputs softened at T = 2. Generated items a step are as many as fresh ones.
///
/// Images are learned as pixels in [0, 1] with cross-entropy, rows of numbers as Gaussians of variance 1, for which they
/// should be standardised. Generators: `vae` (symmetric, 400-400-100-400-400 published) and `gan`, see
/// ``AdversarialGenerator``. Adam 1e-3 of its own.
public final class GenerativeReplay: Strategy {
  public static let card = StrategyCard(
    "generative-replay", .generativeReplay,
    summary: "Rehearses inputs that a generator makes up, labelled by the past self.",
    formula: "L = (1/t) CE(x) + (1 − 1/t) L_replay(x̂),   x̂ ~ past generator, labels from the past solver",
    use: "No data may be kept, and inputs are simple enough for a small generator: digits, rows of a table.",
    avoid: "Natural images: what the generator cannot draw is forgotten.",
    cost: "A step on twice the items, and one of the generator; two copies of both models.",
    paper: "Shin et al., Continual Learning with Deep Generative Replay, 2017; van de Ven & Tolias 2019"
  ) { GenerativeReplay($0) }

  /// What generates.
  public enum Kind: String, CaseIterable, Codable, Sendable {
    /// A variational autoencoder.
    case variational = "vae"
    /// A generative adversarial network.
    case adversarial = "gan"
  }

  /// What a recipe can choose.
  public struct Options: Configurable {
    public var generator = Kind.variational
    /// Numbers in a code.
    public var latent = 100
    /// Widths from the inputs to the code; backwards from the code to the inputs.
    public var hidden = [400, 400]
    /// Of the generator.
    public var learningRate = 1e-3
    /// Learns the past self's softened outputs rather than its best guess.
    public var distill = false
    public var temperature = 2.0
    /// Generated items a step; as many as fresh ones when nil.
    public var batch: Int?

    public init() {}

    enum CodingKeys: String, CodingKey {
      case generator, latent, hidden, distill, temperature, batch
      case learningRate = "lr"
    }

    public func validate(at node: ConfigurationNode) throws {
      try node.require("latent", latent, atLeast: 1)
      try node.require("hidden", hidden.min(), atLeast: 1)
      try node.require("lr", learningRate, above: 0)
      try node.require("temperature", temperature, above: 0)
      try node.require("batch", batch, atLeast: 1)
    }
  }

  public let name = "generative-replay"
  public let options: Options
  private var rehearsal: PseudoRehearsal
  private var form: InputForm?
  private var generator: (any InputGenerator)?
  private var past: (any InputGenerator)?

  public init(_ options: Options = Options()) {
    self.options = options
    rehearsal = PseudoRehearsal(distills: options.distill, temperature: options.temperature)
  }

  public func check(_ facts: StreamFacts) throws {
    guard facts.classes != nil else { throw StrategyError.needsClasses(name) }
  }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    try rehearsal.begin(experience, learner)
    guard let generator else { return }
    past = try make(learner)
    try past?.restore(generator.state())
  }

  public func rehearse(_ batch: Batch, _ learner: Learner) throws -> Batch {
    guard let past, let form, rehearsal.isActive else { return batch }
    let rows = try past.sample(options.batch ?? batch.fresh, learner.random.stream("generated inputs"))
    return try rehearsal.join(batch, noGrad { try form.inputs(rows, learner.pipeline) }, learner)
  }

  public func terms(_ step: Step) throws -> [LossTerm] { try rehearsal.term(step).map { [$0] } ?? [] }

  public func observe(_ step: Step) throws {
    let learner = step.learner
    let (inputs, factors) = try rehearsal.items(step)
    let form = self.form ?? InputForm(inputs, of: step.batch.source)
    self.form = form
    if generator == nil { generator = try make(learner) }
    let rows = try noGrad { try form.rows(inputs, learner.pipeline) }
    try generator?.learn(rows, factors: factors, learner.random.stream("generator"))
  }

  public func end(_ experience: Experience, _ learner: Learner) throws { past = nil }

  /// What the generator draws now.
  public func pictures(_ learner: Learner) throws -> [Picture] {
    guard let generator, let form, form.isPixels else { return [] }
    // Of a stream of its own: looking must not change what is learned.
    let rows = try generator.sample(60, Generator(seed: 0))
    return [
      try Picture("Inputs that the generator draws", grid: rows.reshape([-1] + form.shape), columns: 15)
    ]
  }

  private func make(_ learner: Learner) throws -> (any InputGenerator)? {
    guard let form else { return nil }
    let random = try learner.random.stream("generator")
    return switch options.generator {
    case .variational: try VariationalGenerator(form, options, device: learner.device, random)
    case .adversarial: try AdversarialGenerator(form, options, device: learner.device, random)
    }
  }

  public func state() throws -> State {
    var state = State()
    state["form"] = form
    state.set(try rehearsal.state(), under: "rehearsal")
    if let generator { state.set(try generator.state(), under: "generator") }
    if let past { state.set(try past.state(), under: "past") }
    return state
  }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    form = state["form"]
    try rehearsal.restore(state.scoped("rehearsal"), learner)
    func saved(_ name: String) throws -> (any InputGenerator)? {
      let part = state.scoped(name)
      guard !part.tensors.isEmpty, let generator = try make(learner) else { return nil }
      try generator.restore(part)
      return generator
    }
    generator = try saved("generator")
    self.past = try saved("past")
  }
}
