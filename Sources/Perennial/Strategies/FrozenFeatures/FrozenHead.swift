import Torch

/// Another head answers: one that counts instead of learning, such as nearest class means or streaming LDA, on the
/// features of the model as it trains.
///
/// It sees each fresh batch's features and answers in use in place of the learned head, which goes on learning as
/// without it. Meant for a frozen backbone (`training: {freeze: backbone}`): statistics of features that move are stale.
/// It makes the learners on frozen features arms of one recipe.
public final class FrozenHead: Strategy {
  public static let card = StrategyCard(
    "frozen-head", .frozenFeatures,
    summary:
      "A head that counts: class means, streaming LDA, ridge regression or neighbours.",
    formula: "output = head(z), statistics of z counted once in training",
    use: "The backbone is frozen and good: nothing is forgotten, and the order of the data does not matter.",
    avoid: "Features must be learned from the stream itself.",
    cost: "Counting features in a step; a linear system or a search when asked.",
    paper:
      "Hayes & Kanan, Lifelong Machine Learning with Deep Streaming LDA, 2020; McDonnell et al., RanPAC, 2023"
  ) { FrozenHead($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// One of the heads, with its options.
    public var head = Selection("streaming-lda")

    public init() {}
  }

  public let name = "frozen-head"
  public let options: Options
  private var head: (any Head)?

  public init(_ options: Options = Options()) { self.options = options }

  public convenience init(head: String) {
    var options = Options()
    options.head = Selection(head)
    self.init(options)
  }

  public func check(_ facts: StreamFacts) throws {
    guard facts.classes != nil else { throw StrategyError.needsClasses(name) }
    let head = try HeadRegistry.make(options.head, features: 1, Generator(seed: 0))
    guard head.trainableParameters.isEmpty else {
      throw StrategyError.model(name, "\(options.head.name) learns by gradient; choose a head that counts")
    }
  }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    try made(learner).grow(to: learner.model.head.outputs, learner.random.stream("frozen-head"))
  }

  public func observe(_ step: Step) throws {
    let fresh = step.batch.fresh
    try head?.prepare(
      step.features.detach().narrow(dim: 0, start: 0, count: fresh),
      step.batch.targets.narrow(dim: 0, start: 0, count: fresh))
  }

  public var answersBeyondModel: Bool { true }

  public func answer(_ question: Question, _ learner: Learner) throws -> Tensor? {
    try head?(question.features)
  }

  private func made(_ learner: Learner) throws -> any Head {
    if let head { return head }
    let made = try HeadRegistry.make(
      options.head, features: learner.model.backbone.featureCount, learner.random.stream("frozen-head"))
    if learner.device != .cpu { try made.move(to: learner.device) }
    made.evaluate()
    head = made
    return made
  }

  public func state() throws -> State {
    var state = try State(tensors: head?.stateDictionary() ?? [:])
    state["outputs"] = head?.outputs
    return state
  }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    head = nil
    guard let outputs: Int = state["outputs"] else { return }
    let head = try made(learner)
    try head.grow(to: outputs, learner.random.stream("frozen-head"))
    try head.load(state.tensors)
  }
}
