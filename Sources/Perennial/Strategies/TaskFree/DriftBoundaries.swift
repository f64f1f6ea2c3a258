import Torch

/// A strategy that holds something of the past which a change of the stream makes worthless.
public protocol Forgetful: Strategy {
  /// Drops it; `begin` follows.
  func forget()
}

/// Boundaries where a detector finds them: the other strategies end and begin inside a running experience (Aljundi et
/// al., Task-free continual learning, 2019; fixed intervals as van de Ven et al. 2022).
///
///     e_t = error of item t before it was learned;  detector(e_1 … e_t) fires  ⇒  end, begin
///
/// The errors are of the outputs that the step computes anyway, before its update; with dropout they are those of the
/// thinned model. Samples are drawn as if there were no boundary, so that alone it is fine-tuning to the last bit.
public final class DriftBoundaries: Strategy {
  public static let card = StrategyCard(
    "drift-boundaries", .taskFree, summary: "Finds the boundaries that the other strategies of the arm need.",
    formula: "detector(e_1 … e_t) fires ⇒ the other strategies end and begin;  e_t the error before learning",
    use: "Streams that change by themselves, with strategies that need to know when. First in the list.",
    avoid: "Boundaries are known, or no other strategy listens to them.",
    cost: "A number an item; what the other strategies do at an end, at every boundary.",
    paper: "Aljundi et al., Task-Free Continual Learning, 2019; the detectors have their own"
  ) { try DriftBoundaries($0) }

  /// What is watched of every item.
  public enum Signal: String, CaseIterable, Codable, Sendable {
    /// 1 where the class is wrong.
    case error
    case loss
    /// What the head sees, by a two-sample test.
    case features
  }

  /// What starts anew at a boundary.
  public enum Restart: String, CaseIterable, Codable, Sendable { case nothing, memory, weights }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// Which of ``DriftDetectorRegistry``.
    public var detector = Selection("adwin")
    public var signal = Signal.error
    /// The test of `signal: features`.
    public var features = FeatureDrift.Options()
    /// A boundary every so many steps, in place of a detector.
    public var every: Int?
    /// Whether a change for the better is none.
    public var onlyWorse = true
    public var restart = Restart.nothing

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("every", every, atLeast: 1)
      _ = try DriftDetectorRegistry.make(detector)
    }
  }

  public let name = "drift-boundaries"
  public let options: Options
  /// How many boundaries were found.
  public private(set) var found = 0
  private var detector: any DriftDetector
  private var features: FeatureDrift
  private var steps = 0
  /// The mean of what was watched since the last boundary, and its course of late: exponential, weight 1/50.
  private var usual = RunningMean()
  private var recent = 0.0
  private var isDue = false

  /// - Throws: `ConfigurationError` for an unknown detector.
  public init(_ options: Options = Options()) throws {
    self.options = options
    detector = try DriftDetectorRegistry.make(options.detector)
    features = FeatureDrift(options.features)
  }

  public func check(_ facts: StreamFacts) throws {
    try facts.refuse(
      ["joint": "it starts anew with every boundary", "cumulative": "it trains on everything anyway"],
      beside: name)
    guard facts.strategies.first == nil || facts.strategies.first == name else {
      throw StrategyError.cannotCombine(
        name, facts.strategies[0], "boundaries must be known before others begin; list it first")
    }
    guard facts.classes != nil || options.signal != .error || options.every != nil else {
      throw StrategyError.model(name, "only classes are right or wrong; use `signal: loss`")
    }
  }

  public func isBoundary(_ step: Step) throws -> Bool {
    steps += 1
    if let every = options.every {
      isDue = steps % every == 0
    } else {
      isDue = try noGrad { try options.signal == .features ? watchFeatures(step) : watchErrors(step) }
    }
    if isDue { found += 1 }
    return isDue
  }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    guard isDue else { return }
    isDue = false
    (usual, recent) = (RunningMean(), 0)
    switch options.restart {
    case .nothing: break
    case .memory: for case let other as any Forgetful in learner.strategies { other.forget() }
    case .weights: try learner.restart()
    }
  }

  private func watchFeatures(_ step: Step) throws -> Bool {
    let rows = try step.features.detach().narrow(dim: 0, start: 0, count: step.batch.fresh)
    let width = rows.shape[1]
    let values = try rows.to(.cpu).array(of: Float.self).map(Double.init)
    var changed = false
    for start in stride(from: 0, to: values.count, by: width) {
      features.update(Array(values[start..<start + width]))
      changed = changed || features.isDrift
    }
    return changed
  }

  private func watchErrors(_ step: Step) throws -> Bool {
    var changed = false
    for value in try signal(step) {
      usual.update(value)
      recent = usual.count == 1 ? value : recent + (value - recent) / 50
      detector.update(value)
      if detector.isDrift, !options.onlyWorse || recent > usual.mean { changed = true }
    }
    return changed
  }

  private func signal(_ step: Step) throws -> [Double] {
    let fresh = step.batch.fresh
    let outputs = try step.learner.mask(step.outputs.detach(), step.batch).narrow(
      dim: 0, start: 0, count: fresh)
    let targets = try step.batch.targets.narrow(dim: 0, start: 0, count: fresh)
    guard options.signal == .error else {
      return try step.learner.objective.losses(outputs, targets).to(.cpu).array(of: Float.self).map(
        Double.init)
    }
    return zip(try outputs.argmax(1).integers(), try targets.integers()).map { $0 == $1 ? 0 : 1 }
  }

  public func state() throws -> State {
    var state = State()
    Self.write(detector, to: &state)
    state["features"] = features
    state["steps"] = steps
    state["found"] = found
    state["usual"] = usual
    state["recent"] = recent
    state["due"] = isDue
    return state
  }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    detector = try Self.read(detector, from: state)
    features = try state.require("features")
    steps = try state.require("steps")
    found = try state.require("found")
    usual = try state.require("usual")
    recent = try state.require("recent")
    isDue = try state.require("due")
  }

  private static func write(_ detector: some DriftDetector, to state: inout State) {
    state["detector"] = detector
  }

  private static func read<Detector: DriftDetector>(_ like: Detector, from state: State) throws
    -> any DriftDetector
  {
    let detector: Detector = try state.require("detector")
    return detector
  }
}
