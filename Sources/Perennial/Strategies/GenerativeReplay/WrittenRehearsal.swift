import Torch

/// LAMOL (Sun et al. 2020): a language model writes its own rehearsal.
///
///     L = L_answer + λ L_text
///
/// Before an experience is learned, the model writes γ N texts, drawn among the k likeliest tokens, each from the token
/// that begins every text (the paper's GEN), and these are learned among the N new ones. L_answer counts what is to be
/// written after a prompt; L_text all of a text, so that the model can make up prompts too. Texts without exactly one
/// separator are thrown away, as in the paper. Where all of a text is learned anyway, the two are one.
///
/// Published: λ = 0.25, γ = 0.2, k = 20.
public final class WrittenRehearsal: Strategy {
  public static let card = StrategyCard(
    "lamol", .generativeReplay,
    summary: "A language model writes texts of the past for its own rehearsal.",
    formula: "L = L_answer + λ L_text   on new texts and γN that the model wrote before it began",
    use: "Texts may not be kept, and the model writes well enough to be believed.",
    avoid: "Small or untrained models, whose texts teach nonsense.",
    cost: "γN texts are written before each experience; steps on 1 + γ times the texts.",
    paper: "Sun et al., LAMOL: LAnguage MOdeling for Lifelong Language Learning, ICLR 2020"
  ) { WrittenRehearsal($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// λ, of the loss of whole texts.
    public var lambda = 0.25
    /// γ, texts written for each new one.
    public var ratio = 0.2
    /// Tokens that take part in a draw.
    public var topK = 20

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("lambda", lambda, atLeast: 0)
      try node.require("ratio", ratio, atLeast: 0)
      try node.require("top_k", topK, atLeast: 1)
    }
  }

  public let name = "lamol"
  public let options: Options
  private var form: WrittenForm?
  private var learned = 0
  /// What was written for the experience of this index.
  private var written: (index: Int, examples: Examples?)?

  public init(_ options: Options = Options()) { self.options = options }

  public var seesOutputs: Bool { false }
  public var replacesTrainingSet: Bool { true }

  public func trainingSet(for experience: Experience, _ learner: Learner) throws -> TrainingSet? {
    let form = try WrittenForm(of: experience.examples, for: name)
    guard self.form.map({ $0 == form }) ?? true else {
      throw StrategyError.model(name, "experiences must write their texts alike")
    }
    self.form = form
    if written?.index != experience.index {
      written = (experience.index, try learned > 0 ? write(experience.examples, form, learner) : nil)
    }
    let own = experience.examples
    guard let past = written?.examples else { return TrainingSet(own) }
    let tasks = try own.tasks.map { try $0.narrow(dim: 0, start: 0, count: 1).expand([past.count]) }
    return TrainingSet(
      try .concatenate([
        own,
        Examples(
          inputs: past.inputs.to(own.inputs.dtype), targets: past.targets, tasks: tasks,
          identifiers: past.identifiers),
      ]))
  }

  /// Texts of the past; nil where none has the form.
  private func write(_ examples: Examples, _ form: WrittenForm, _ learner: Learner) throws -> Examples? {
    let writer = try learner.model.continuer(for: name)
    let (count, length) = (Int(options.ratio * Double(examples.count)), examples.inputs.shape[1])
    guard count > 0 else { return nil }
    // A stream of its own: what is written before an experience is written again when it is gone on with.
    let draws = try Generator(seed: RandomStreams.derive(learner.random.seed, "lamol/\(learned)"))
    let texts = try learner.asking(task: nil) {
      try writer.continuations(
        of: [[Int]](repeating: [form.start], count: count), count: [Int](repeating: length, count: count),
        temperature: 1, topK: options.topK, draws)
    }
    let filler = try examples.inputs.integers().last ?? form.start
    let rows = texts.compactMap { form.row($0, length: length, filler: filler) }
    guard !rows.isEmpty else { return nil }
    let shape = [rows.count, length]
    // No text of the data has a number below 0.
    return try Examples(
      inputs: Tensor(rows.flatMap(\.inputs), shape: shape),
      targets: Tensor(rows.flatMap(\.targets), shape: shape), identifiers: Tensor.arange(-rows.count, 0))
  }

  public func terms(_ step: Step) throws -> [LossTerm] {
    guard options.lambda > 0, form?.separator != nil else { return [] }
    let targets = try noGrad { try WrittenForm.wholeTargets(step.batch.inputs, step.batch.targets) }
    return [
      try LossTerm("texts", step.learner.meanLoss(step, on: targets) * options.lambda)
    ]
  }

  public func end(_ experience: Experience, _ learner: Learner) throws {
    learned += 1
    written = nil
  }

  public func state() throws -> State {
    var state = State()
    state["form"] = form
    state["learned"] = learned
    if let written {
      state["written"] = written.index
      state.tensors["inputs"] = written.examples?.inputs
      state.tensors["targets"] = written.examples?.targets
    }
    return state
  }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    form = state["form"]
    learned = try state.require("learned")
    written = nil
    guard let index: Int = state["written"] else { return }
    guard let inputs = state.tensors["inputs"], let targets = state.tensors["targets"] else {
      return written = (index, nil)
    }
    written = try (
      index, Examples(inputs: inputs, targets: targets, identifiers: Tensor.arange(-inputs.shape[0], 0))
    )
  }
}
