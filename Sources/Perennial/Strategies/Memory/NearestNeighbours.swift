import Torch

/// The nearest neighbours in an external memory answer (Cover & Hart 1967): new classes and facts without a gradient.
///
///     p(y | x) = λ Σ_k [v_k = y] exp(−d_k² / τ) / Σ_k exp(−d_k² / τ) + (1 − λ) p_model(y | x),   d_k = ‖φ̂(x) − key_k‖
///
/// over the k nearest keys, φ̂ = φ / ‖φ‖. When an experience ends, its examples are written, each once and under its identifier;
/// those that it withdraws are deleted when it begins, and have no part in any answer from then on. What is learned by
/// gradient goes on as without the memory.
///
/// With a `scope` the memory is heard only where its nearest key is near enough, and elsewhere the model answers for
/// itself: with one neighbour that is editing by memory, as SERAC (Mitchell et al., Memory-Based Model Editing at Scale,
/// 2022) and GRACE (Hartvigsen et al., Aging with GRACE, 2023, whose radius never grows or splits here). Facts are put in,
/// replaced and withdrawn in use by ``remember(_:labels:identifiers:_:)`` and ``forget(_:)``.
public final class NearestNeighbours: Strategy {
  public static let card = StrategyCard(
    "knn", .memory,
    summary: "The nearest neighbours in a memory of features answer; nothing is learned by gradient.",
    formula: "p(y|x) = λ Σ_k [v_k = y] softmax(−d_k²/τ) + (1−λ) p_model(y|x),   heard where d_1 ≤ scope",
    use: "Features are good and rest; facts change, and must be deletable at once.",
    avoid: "Features are learned from the stream: keys of the past would be stale.",
    cost: "3 bytes a number of a key; a search a question, with `index: {}` in hardly growing time.",
    paper:
      "Cover & Hart, Nearest Neighbor Pattern Classification, 1967; Mitchell et al. 2022; Hartvigsen et al. 2023"
  ) { NearestNeighbours($0) }

  /// What a recipe can choose.
  public struct Options: RememberedKeysOptions {
    public var memory = 100_000
    public var eviction = Eviction.classBalanced
    public var neighbours = 10
    public var temperature = 0.1
    public var share = 1.0
    public var scope: Double?
    public var index: NeighbourGraph.Options?

    public init() {}

    public func validate(at node: ConfigurationNode) throws { try validateKeys(at: node) }
  }

  public let name = "knn"
  public var seesBatch: Bool { false }
  public let options: Options
  private let remembered: RememberedKeys
  /// Examples whose features are computed at once.
  private static let batch = 1000

  public init(_ options: Options = Options()) {
    self.options = options
    remembered = RememberedKeys(options)
  }

  /// What is remembered: features of length 1, output units, identifiers of examples.
  public var memory: KeyValueMemory? { remembered.memory }

  public func check(_ facts: StreamFacts) throws {
    guard facts.classes != nil else { throw StrategyError.needsClasses(name) }
  }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    try forget(experience.withdrawn)
  }

  public func end(_ experience: Experience, _ learner: Learner) throws {
    guard let session = learner.session else { return }
    let examples = session.examples
    for start in stride(from: 0, to: examples.count, by: Self.batch) {
      let places = try Tensor.arange(start, min(start + Self.batch, examples.count))
      let batch = try learner.batch(of: examples, places, isAugmented: false)
      let keys = try learner.asking(task: session.task) { try learner.model.features(batch.inputs) }
      try write(keys, batch.targets, examples.identifiers.indexSelect(places))
    }
  }

  /// Puts facts in, in use: an identifier that is known has its fact replaced.
  ///
  /// - Parameters:
  ///   - inputs: model inputs `[N, …]`.
  ///   - labels: the class of each.
  ///   - identifiers: of each, for replacing and forgetting it.
  /// - Throws: `LearnerError.unknownLabel` for a class that the model has no unit for; `MemoryError`.
  public func remember(_ inputs: Tensor, labels: [Int], identifiers: [Int], _ learner: Learner) throws {
    let units = try labels.map { label in
      guard let unit = learner.classes.unit(of: label) else { throw LearnerError.unknownLabel(label) }
      return unit
    }
    let keys = try learner.asking(task: nil) { try learner.model.features(inputs) }
    try write(keys, Tensor(units), Tensor(identifiers))
  }

  /// Withdraws the examples or facts of these identifiers; those that are not there are passed over.
  public func forget(_ identifiers: [Int]) throws { try remembered.delete(identifiers) }

  private func write(_ keys: Tensor, _ units: Tensor, _ identifiers: Tensor) throws {
    try noGrad { try remembered.write(keys.unitRows(), units, identifiers: identifiers) }
  }

  public func answer(_ question: Question, _ learner: Learner) throws -> Tensor? {
    try remembered.answer(
      question.features.unitRows(), question.outputs,
      among: question.task.flatMap { learner.classes.tasks[$0] }
    )
  }

  public var replayBytes: Int { remembered.byteCount }
  public func state() throws -> State { try remembered.state() }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    try remembered.restore(state)
  }
}
