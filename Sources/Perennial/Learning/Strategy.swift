import Torch

/// A way not to forget: what to add to plain training, at which point of a step.
///
/// A learner holds a list of strategies; the empty list is fine-tuning. Every requirement has a default that does
/// nothing, so a method implements only what its paper changes. Strategies see batches and, where the scenario grants
/// it, a task; never test data, nor what comes later.
public protocol Strategy: AnyObject {
  /// A name for logs, results and saved states, unique within a learner.
  var name: String { get }

  /// Whether the strategy can serve such a stream, beside those others. For those who start runs: it is asked
  /// before anything is learned, and tells a learner nothing.
  func check(_ facts: StreamFacts) throws

  /// Another network in place of the blueprint's own, such as one of columns that grow in number.
  ///
  /// - Parameter fresh: makes the blueprint's own once more.
  func rebuild(
    _ network: Network, _ random: RandomStreams, fresh: @escaping (RandomStreams) throws -> Network
  )
    throws -> Network

  /// A network was made, the learner's own or a copy: attach modules of the strategy's own.
  func extend(_ network: Network, _ random: RandomStreams) throws

  /// Whether it looks at what the model makes of a batch, or at where items lie in it. A batch can be learned in parts where
  /// no strategy does: then `loss` and `terms` are asked of each part, and their means over its items count by how many
  /// those are; `rehearse`, `inspect`, `transform` and `observe` are asked once, of the whole batch, and have nothing of what the
  /// model made of it. Nothing that is kept in `rehearse` may be of single items, or have a graph.
  var seesBatch: Bool { get }

  /// Whether it looks at all outputs of a batch at once; as `seesBatch` where nothing is said. Where no strategy does, those
  /// of language models are made piece by piece, ``Look/pieces``, and ``Step/outputs`` is empty.
  var seesOutputs: Bool { get }

  /// The names of the model's taps whose values the strategy wants to see in every step, in ``Step/look``.
  var taps: [String] { get }

  /// The names of the teachers that it learns from, besides the model itself.
  var teacherNames: [String] { get }

  /// The models that it trains beside the learner's own, as a recipe names them.
  var models: [Selection] { get }

  /// Networks that learned beside the model and could stand in its place, for reports.
  var peers: [(name: String, network: Network)] { get }

  /// What learns beside the model and never becomes part of it, such as an adapter between two widths. The optimizer
  /// moves it; `state()` is for the strategy to save. After it has changed, tell ``Learner/parametersChanged()``.
  var companion: Module? { get }

  /// Whether ``trainingSet(for:_:)`` gives one. A learner refuses two such strategies.
  var replacesTrainingSet: Bool { get }

  /// Other examples to train on than the experience's own, such as everything seen so far; only a strategy that
  /// ``replacesTrainingSet`` is asked.
  func trainingSet(for experience: Experience, _ learner: Learner) throws -> TrainingSet?

  /// An experience begins; the head has grown already. Take a teacher, set masks.
  func begin(_ experience: Experience, _ learner: Learner) throws

  /// The model is about to learn, or to be asked, about items of this task: put its masks in place. Nil stands for
  /// no task in particular.
  func select(task: Int?, _ learner: Learner) throws

  /// Mixes remembered items into a batch.
  func rehearse(_ batch: Batch, _ learner: Learner) throws -> Batch

  /// Whether ``loss(_:)`` gives one. A learner refuses two such strategies.
  var replacesLoss: Bool { get }

  /// Another loss in place of the objective's own; only a strategy that ``replacesLoss`` is asked.
  func loss(_ step: Step) throws -> Tensor?

  /// Differentiable parts to add to the loss.
  func terms(_ step: Step) throws -> [LossTerm]

  /// Sees the gradient of the loss before anything changes it. Integrate paths, estimate importances.
  func inspect(_ vector: ParameterVector, _ step: Step) throws

  /// Changes the gradient: penalties in closed form, projections, masks.
  func transform(_ vector: ParameterVector, _ step: Step) throws

  /// The optimizer has moved the parameters. Insert into memory, hold weights in place.
  func observe(_ step: Step) throws

  /// Whether the stream has changed with this step: the other strategies then end what they were learning and begin
  /// anew, see ``Learner/consolidate()``.
  func isBoundary(_ step: Step) throws -> Bool

  /// An experience ends. Estimate importances, select exemplars, prune.
  func end(_ experience: Experience, _ learner: Learner) throws

  /// The names of the model's taps whose values ``answer(_:_:)`` needs, in ``Question/taps``.
  func questionTaps(_ learner: Learner) -> [String]

  /// Another answer than the head's, outputs `[N, K]`: nearest means, neighbours, corrected biases. In use only; the
  /// last strategy that has one is heard.
  func answer(_ question: Question, _ learner: Learner) throws -> Tensor?

  /// Whether answers in use need more than the trained model: what the strategy keeps, or the task. Such a model cannot be
  /// given away alone.
  var answersBeyondModel: Bool { get }

  /// Everything needed to go on exactly.
  func state() throws -> State

  /// Goes on from a state; `past` gives experiences again for strategies that keep all data.
  func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws

  /// Bytes of examples that the strategy keeps.
  var replayBytes: Int { get }

  /// What there is to see at the end of a run, for its report.
  func pictures(_ learner: Learner) throws -> [Picture]
}

/// What a model is asked in use.
public struct Question {
  /// Model inputs `[N, …]`.
  public let inputs: Tensor
  /// Their features `[N, D]`, and the outputs `[N, K]` of the head or of an earlier strategy.
  public let features: Tensor
  public let outputs: Tensor
  /// The task of all items, where it is told.
  public let task: Int?
  /// The values at the taps that strategies asked for.
  public let taps: [String: Tensor]
}

/// What a session trains on, when it is not the experience alone.
public struct TrainingSet {
  public let examples: Examples
  /// A factor of the number of steps.
  public let budget: Int

  public init(_ examples: Examples, budget: Int = 1) {
    self.examples = examples
    self.budget = budget
  }
}

extension Strategy {
  public func check(_ facts: StreamFacts) throws {}
  public func rebuild(
    _ network: Network, _ random: RandomStreams, fresh: @escaping (RandomStreams) throws -> Network
  ) throws -> Network { network }
  public func extend(_ network: Network, _ random: RandomStreams) throws {}
  public var seesBatch: Bool { true }
  public var seesOutputs: Bool { seesBatch }
  public var taps: [String] { [] }
  public var teacherNames: [String] { [] }
  public var models: [Selection] { [] }
  public var peers: [(name: String, network: Network)] { [] }
  public var companion: Module? { nil }
  public var replacesTrainingSet: Bool { false }
  public func trainingSet(for experience: Experience, _ learner: Learner) throws -> TrainingSet? { nil }
  public func begin(_ experience: Experience, _ learner: Learner) throws {}
  public func select(task: Int?, _ learner: Learner) throws {}
  public func rehearse(_ batch: Batch, _ learner: Learner) throws -> Batch { batch }
  public var replacesLoss: Bool { false }
  public func loss(_ step: Step) throws -> Tensor? { nil }
  public func terms(_ step: Step) throws -> [LossTerm] { [] }
  public func inspect(_ vector: ParameterVector, _ step: Step) throws {}
  public func transform(_ vector: ParameterVector, _ step: Step) throws {}
  public func observe(_ step: Step) throws {}
  public func isBoundary(_ step: Step) throws -> Bool { false }
  public func end(_ experience: Experience, _ learner: Learner) throws {}
  public func questionTaps(_ learner: Learner) -> [String] { [] }
  public func answer(_ question: Question, _ learner: Learner) throws -> Tensor? { nil }
  public var answersBeyondModel: Bool { false }
  public func state() throws -> State { State() }
  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {}
  public var replayBytes: Int { 0 }
  public func pictures(_ learner: Learner) throws -> [Picture] { [] }
}
