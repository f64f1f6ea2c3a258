import Torch

/// Quantisation-aware training: the model learns with the weights and activations that few bits can hold.
///
/// Forward and backward pass use rounded weights; the optimizer moves the floating-point ones behind them, the rounding
/// passed straight through. At the end of an experience the model has the rounded weights themselves, so that nothing is
/// lost when they are stored as integers. Activations are rounded at the inputs of the backbone's layers, over a range
/// that follows what training meets. Put it first among the strategies of an arm, so that others see the weights behind.
/// Beside `distillation` the temperature is to be chosen anew: what is best in floating point may not be.
/// Cost: two passes over the parameters and one over the activations a step.
public final class QuantizationAwareTraining: Strategy {
  public static let card = StrategyCard(
    "quantization", .compression, summary: "Learns with weights and activations of few bits.",
    formula: "w ≈ s round(w / s), ∂w = ∂ŵ",
    use: "The model shall run with 8-bit integers or fewer.",
    avoid: "It stays in floating point.",
    cost: "Two passes over the parameters and one over the activations a step.",
    paper: "Jacob et al., Quantization and Training of Neural Networks for Efficient Inference, 2018"
  ) { QuantizationAwareTraining($0) }

  /// How numbers are rounded.
  public enum Scheme: String, Codable, CaseIterable, Sendable {
    /// Weights symmetric for each output unit, activations over the range that training meets.
    case integer
    /// Weights through tanh, activations in [0, 1]; the first layer and the head stay as they are (DoReFa, Zhou et al.
    /// 2016).
    case doReFa = "dorefa"
  }

  /// What a recipe can choose.
  public struct Options: Configurable {
    public var scheme = Scheme.integer
    /// Bits of a weight.
    public var weights = 8
    /// Bits of an activation; not rounded when nil.
    public var activations: Int? = 8

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("weights", weights, in: 2...16)
      try node.require("activations", activations, in: 2...16)
    }
  }

  public let name = "quantization"
  public let options: Options
  /// The weights behind, while the model has rounded ones.
  private var behind: Tensor?
  /// The range that inputs of each layer have had, by its place in the backbone.
  private var ranges: [String: ActivationRange] = [:]

  public init(_ options: Options = Options()) { self.options = options }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    let vector = learner.vector
    guard zip(vector.layout.slots, vector.parameters).contains(where: { isRounded($0, $1, vector) }) else {
      throw StrategyError.model(
        name, "there is no layer between the first and the head, which `dorefa` leaves as they are")
    }
    watch(learner)
  }

  public func rehearse(_ batch: Batch, _ learner: Learner) throws -> Batch {
    behind = try learner.vector.snapshot()
    try noGrad { try learner.vector.values.copy(from: rounded(learner.vector)) }
    return batch
  }

  public func inspect(_ vector: ParameterVector, _ step: Step) throws {
    guard let behind else { return }
    try noGrad {
      try vector.values.copy(from: behind)
      self.behind = nil
      guard options.scheme == .doReFa else { return }
      for (slot, parameter) in zip(vector.layout.slots, vector.parameters)
      where isRounded(slot, parameter, vector) {
        let gradient = try vector.layout.view(slot, of: vector.gradients)
        try gradient.copy(
          from: gradient * FakeQuantization.doReFaSlope(vector.layout.view(slot, of: vector.values)))
      }
    }
  }

  public func end(_ experience: Experience, _ learner: Learner) throws {
    try noGrad { try learner.vector.values.copy(from: rounded(learner.vector)) }
  }

  public func answer(_ question: Question, _ learner: Learner) throws -> Tensor? {
    guard learner.session != nil else { return nil }
    return try learner.vector.trying(rounded(learner.vector)) { try learner.model(question.inputs) }
  }

  private func rounded(_ vector: ParameterVector) throws -> Tensor {
    try noGrad {
      let result = try vector.snapshot()
      for (slot, parameter) in zip(vector.layout.slots, vector.parameters)
      where isRounded(slot, parameter, vector) {
        let place = try vector.layout.view(slot, of: result)
        try place.copy(
          from: options.scheme == .doReFa
            ? FakeQuantization.doReFa(place, bits: options.weights)
            : FakeQuantization.symmetric(place, bits: options.weights))
      }
      return result
    }
  }

  /// Matrices and kernels; for DoReFa not the first, and not the head.
  private func isRounded(_ slot: VectorLayout.Slot, _ parameter: Parameter, _ vector: ParameterVector) -> Bool
  {
    guard parameter.value.rank > 1, parameter.kind == .weight || parameter.kind == .head else { return false }
    guard options.scheme == .doReFa else { return true }
    let first = zip(vector.layout.slots, vector.parameters).first { $1.kind == .weight && $1.value.rank > 1 }
    return parameter.kind == .weight && slot.path != first?.0.path
  }

  // MARK: - Activations

  /// Puts filters in front of the backbone's layers; that of DoReFa's first layer sees inputs as they are.
  private func watch(_ learner: Learner) {
    guard let bits = options.activations else { return }
    let layers = learner.model.backbone.modules.compactMap { $0 as? any InputFiltering }
    for (index, layer) in layers.enumerated() where options.scheme == .integer || index > 0 {
      let range = ranges["\(index)"] ?? ActivationRange(isFixed: options.scheme == .doReFa)
      ranges["\(index)"] = range
      layer.inputFilter = { [unowned layer] in
        if layer.isTraining { try range.widen(by: $0) }
        return try FakeQuantization.affine($0, low: range.low, high: range.high, bits: bits)
      }
    }
  }

  public func state() throws -> State {
    var state = State()
    state["ranges"] = ranges.mapValues { [$0.low, $0.high, $0.isEmpty ? 1 : 0] }
    return state
  }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    behind = nil
    let saved: [String: [Double]] = try state.require("ranges")
    ranges = saved.mapValues { values in
      let range = ActivationRange(isFixed: options.scheme == .doReFa)
      if values.count == 3 { (range.low, range.high, range.isEmpty) = (values[0], values[1], values[2] == 1) }
      return range
    }
    watch(learner)
  }
}

/// The range of a layer's inputs: [0, 1], or a moving average of the smallest and largest of each batch.
private final class ActivationRange {
  private static let inertia = 0.99
  var low = 0.0
  var high = 1.0
  var isEmpty = true
  private let isFixed: Bool

  init(isFixed: Bool) { self.isFixed = isFixed }

  func widen(by values: Tensor) throws {
    guard !isFixed else { return }
    let (least, most): (Double, Double) = try noGrad {
      (
        try values.flatten().amin([0]).item(), try values.flatten().amax([0]).item()
      )
    }
    if isEmpty {
      (low, high, isEmpty) = (Swift.min(least, 0), Swift.max(most, 0), false)
    } else {
      low = Self.inertia * low + (1 - Self.inertia) * Swift.min(least, 0)
      high = Self.inertia * high + (1 - Self.inertia) * Swift.max(most, 0)
    }
  }
}
