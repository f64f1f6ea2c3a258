extension Recipe {
  /// An optimizer with its options.
  public enum Optimizer: Sendable, Equatable {
    /// Stochastic gradient descent.
    case sgd(SGD)
    /// Adam (Kingma and Ba 2015); weight decay is added to the gradient.
    case adam(Adam)
    /// Adam with decoupled weight decay (Loshchilov and Hutter 2019).
    case adamW(AdamW)
  }

  /// Options of stochastic gradient descent.
  public struct SGD: Configurable, Equatable {
    /// The learning rate.
    public var lr = 0.1
    /// The fraction of the previous update that is kept.
    public var momentum = 0.0
    /// The fraction of the gradient that does not enter the momentum.
    public var dampening = 0.0
    /// Whether the gradient looks ahead along the momentum.
    public var nesterov = false
    /// The factor of the L2 penalty's gradient.
    public var weightDecay = 0.0

    public init() {}

    /// Rejects negative rates, and Nesterov's method without what it needs.
    public func validate(at node: ConfigurationNode) throws {
      try node.require("lr", lr, atLeast: 0)
      try node.require("momentum", momentum, in: 0..<1)
      try node.require("dampening", dampening, in: 0...1)
      try node.require("weight_decay", weightDecay, atLeast: 0)
      if nesterov, momentum == 0 || dampening != 0 {
        throw node.error(at: "nesterov", "needs `momentum` above 0 and `dampening` of 0")
      }
    }
  }

  /// Options of Adam.
  public struct Adam: Configurable, Equatable {
    /// The learning rate.
    public var lr = 0.001
    /// How much of the running mean of the gradient is kept at each step.
    public var beta1 = 0.9
    /// How much of the running mean of the squared gradient is kept at each step.
    public var beta2 = 0.999
    /// What keeps the denominator from zero.
    public var epsilon = 1e-8
    /// The factor of the L2 penalty's gradient.
    public var weightDecay = 0.0

    public init() {}

    /// Rejects negative rates and means that never change.
    public func validate(at node: ConfigurationNode) throws {
      try validateAdam(node, lr: lr, beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weightDecay)
    }
  }

  /// Options of AdamW.
  public struct AdamW: Configurable, Equatable {
    /// The learning rate.
    public var lr = 0.001
    /// How much of the running mean of the gradient is kept at each step.
    public var beta1 = 0.9
    /// How much of the running mean of the squared gradient is kept at each step.
    public var beta2 = 0.999
    /// What keeps the denominator from zero.
    public var epsilon = 1e-8
    /// The fraction of the weights that is taken away at each step, times the learning rate.
    public var weightDecay = 0.01

    public init() {}

    /// Rejects negative rates and means that never change.
    public func validate(at node: ConfigurationNode) throws {
      try validateAdam(node, lr: lr, beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weightDecay)
    }
  }
}

private func validateAdam(
  _ node: ConfigurationNode, lr: Double, beta1: Double, beta2: Double, epsilon: Double, weightDecay: Double
) throws {
  try node.require("lr", lr, atLeast: 0)
  try node.require("beta1", beta1, in: 0..<1)
  try node.require("beta2", beta2, in: 0..<1)
  try node.require("epsilon", epsilon, above: 0)
  try node.require("weight_decay", weightDecay, atLeast: 0)
}

extension Recipe.Optimizer: Decodable {
  /// The learning rate at the start.
  public var learningRate: Double {
    switch self {
    case .sgd(let options): options.lr
    case .adam(let options): options.lr
    case .adamW(let options): options.lr
    }
  }

  /// Reads `adam` or `{adam: {lr: 0.001}}`.
  public init(from decoder: any Decoder) throws {
    let selection = try Selection(from: decoder)
    let read = try selection.pick(
      from: [
        "sgd": { Self.sgd(try selection.decode()) },
        "adam": { Self.adam(try selection.decode()) },
        "adamw": { Self.adamW(try selection.decode()) },
      ] as KeyValuePairs<String, () throws -> Self>, kind: "optimizer")
    self = try read()
  }
}
