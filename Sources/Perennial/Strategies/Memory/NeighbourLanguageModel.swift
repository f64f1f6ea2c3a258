import Torch

/// A language model that looks up what followed in similar contexts (Khandelwal et al. 2020).
///
///     p(w | c) = λ Σ_k [w_k = w] exp(−d_k² / τ) / Σ_k exp(−d_k² / τ) + (1 − λ) p_LM(w | c),   d_k = ‖f(c) − key_k‖
///
/// over the k nearest keys. f(c) is what the last feed-forward layer reads at the last token of the context c, as in the
/// paper. When an experience ends, each of its tokens is written with its context's key, under the identifier
/// `example · length + place`; the oldest go first.
public final class NeighbourLanguageModel: Strategy {
  public static let card = StrategyCard(
    "knn-lm", .memory,
    summary: "The next token is also told by what followed in similar contexts.",
    formula: "p(w|c) = λ Σ_k [w_k = w] softmax(−d_k²/τ) + (1−λ) p_LM(w|c),   d_k = ‖f(c) − key_k‖",
    use: "A language model must take in texts at once, and give them up again.",
    avoid: "The model goes on learning much: keys of the past are then stale.",
    cost: "A key a token that was learned; a search a token that is told.",
    paper: "Khandelwal et al., Generalization through Memorization: Nearest Neighbor Language Models, 2020"
  ) { NeighbourLanguageModel($0) }

  /// What a recipe can choose. The paper has k = 1024 and λ = 0.25.
  public struct Options: RememberedKeysOptions {
    public var memory = 1_000_000
    public var eviction = Eviction.ring
    public var neighbours = 1024
    public var temperature = 1.0
    public var share = 0.25
    public var scope: Double?
    public var index: NeighbourGraph.Options?
    /// The tap whose values are keys, or `features`; what the last feed-forward layer reads when nil, or the features of a
    /// model that does not say.
    public var key: String?

    public init() {}

    public func validate(at node: ConfigurationNode) throws { try validateKeys(at: node) }
  }

  public let name = "knn-lm"
  public var seesBatch: Bool { false }
  public let options: Options
  private let remembered: RememberedKeys
  /// Tokens whose keys are computed at once.
  private static let batch = 4096

  public init(_ options: Options = Options()) {
    self.options = options
    remembered = RememberedKeys(options)
  }

  /// What is remembered: keys of contexts, and the token that followed each.
  public var memory: KeyValueMemory? { remembered.memory }

  public func check(_ facts: StreamFacts) throws {
    guard facts.classes == nil else {
      throw StrategyError.model(name, "tells tokens: use `objective: tokens`, or `knn` for classes")
    }
  }

  /// The tap whose values are keys.
  func key(_ learner: Learner) -> String {
    options.key ?? learner.model.tapNames.last { $0.hasPrefix("feed-forwards.") } ?? "features"
  }

  public func questionTaps(_ learner: Learner) -> [String] { [key(learner)] }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    guard learner.objective is TokenPrediction else {
      throw StrategyError.model(name, "tells tokens: use `objective: tokens`, or `knn` for classes")
    }
    if let length = learner.session?.examples.targets.shape.last {
      try forget(experience.withdrawn, length: length)
    }
  }

  public func end(_ experience: Experience, _ learner: Learner) throws {
    guard let session = learner.session else { return }
    let examples = session.examples
    let length = examples.targets.shape[1]
    let rows = max(Self.batch / length, 1)
    let tap = key(learner)
    for start in stride(from: 0, to: examples.count, by: rows) {
      let places = try Tensor.arange(start, min(start + rows, examples.count))
      let batch = try learner.batch(of: examples, places, isAugmented: false)
      let look = try learner.asking(task: nil) {
        let (features, taps) = try learner.model.recording(taps: [tap]) {
          try learner.model.features(batch.inputs)
        }
        return Look(features: features, outputs: features, taps: taps)
      }
      try noGrad {
        let tokens = try batch.targets.flatten()
        let counted = try (tokens .!= TokenPrediction.ignored).nonzero().flatten()
        let numbers = try
          (examples.identifiers.indexSelect(places).unsqueeze(1) * length + Tensor.arange(0, length))
          .flatten()
        try remembered.write(
          look.value(tap).flatten(from: 0, to: 1).indexSelect(counted), tokens.indexSelect(counted),
          identifiers: numbers.indexSelect(counted.to(.cpu)))
      }
    }
  }

  /// Withdraws all tokens of some examples.
  ///
  /// - Parameter length: the tokens of an example.
  public func forget(_ examples: [Int], length: Int) throws {
    try remembered.delete(examples.flatMap { ($0 * length)..<(($0 + 1) * length) })
  }

  public func answer(_ question: Question, _ learner: Learner) throws -> Tensor? {
    let tap = key(learner)
    let keys = tap == "features" ? question.features : question.taps[tap] ?? question.features
    let outputs = question.outputs
    return try remembered.answer(keys.flatten(from: 0, to: 1), outputs.flatten(from: 0, to: 1))?
      .reshape(outputs.shape)
  }

  public var replayBytes: Int { remembered.byteCount }
  public func state() throws -> State { try remembered.state() }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    try remembered.restore(state)
  }
}
