extension Recipe {
  /// How the learning rate changes within an experience. Positions count in the unit in which the recipe
  /// gives the length of training: steps or epochs. Every experience starts the schedule afresh.
  public enum Schedule: Sendable, Equatable {
    /// The learning rate stays as it is.
    case constant
    /// Multiplied by a factor at regular intervals.
    case step(Step)
    /// Multiplied by a factor at given positions.
    case multiStep(MultiStep)
    /// Half a cosine from the learning rate down to a minimum (Loshchilov and Hutter 2017, without restarts).
    case cosine(Cosine)
    /// Up and down again within the experience (Smith and Topin 2018).
    case oneCycle(OneCycle)
  }

  /// Options of the step schedule.
  public struct Step: Configurable, Equatable {
    /// Steps or epochs between two changes.
    public var every = 30
    /// What the learning rate is multiplied by.
    public var factor = 0.1
    public init() {}

    /// Rejects intervals below 1 and factors that are not above 0.
    public func validate(at node: ConfigurationNode) throws {
      try node.require("every", every, atLeast: 1)
      try node.require("factor", factor, above: 0)
    }
  }

  /// Options of the multi-step schedule.
  public struct MultiStep: Configurable, Equatable {
    /// Steps or epochs after which the learning rate changes, ascending.
    public var milestones: [Int] = []
    /// What the learning rate is multiplied by.
    public var factor = 0.1
    public init() {}

    /// Rejects milestones that are missing, below 1 or out of order.
    public func validate(at node: ConfigurationNode) throws {
      guard let first = milestones.first else {
        throw node.error(at: "milestones", "must list at least one position")
      }
      guard first >= 1, zip(milestones, milestones.dropFirst()).allSatisfy({ $0 < $1 }) else {
        throw node.error(at: "milestones", "must be whole numbers of at least 1 in ascending order")
      }
      try node.require("factor", factor, above: 0)
    }
  }

  /// Options of the cosine schedule.
  public struct Cosine: Configurable, Equatable {
    /// The learning rate at the end.
    public var minimum = 0.0
    public init() {}

    /// Rejects a negative learning rate.
    public func validate(at node: ConfigurationNode) throws {
      try node.require("minimum", minimum, atLeast: 0)
    }
  }

  /// Options of the one-cycle schedule.
  public struct OneCycle: Configurable, Equatable {
    /// The fraction of the training in which the learning rate rises.
    public var rise = 0.3
    /// The learning rate at the start is the recipe's divided by this.
    public var startDivisor = 25.0
    /// The learning rate at the end is that at the start divided by this.
    public var endDivisor = 10_000.0
    public init() {}

    /// Rejects a rise outside [0, 1] and divisors below 1.
    public func validate(at node: ConfigurationNode) throws {
      try node.require("rise", rise, in: 0...1)
      try node.require("start_divisor", startDivisor, atLeast: 1)
      try node.require("end_divisor", endDivisor, atLeast: 1)
    }
  }

  /// A linear rise from a fraction of the learning rate to all of it, before the schedule begins.
  public struct WarmUp: Configurable, Equatable {
    /// Until the full learning rate, in what the training is counted in: steps or epochs; 5 where `steps` is not given either.
    public var length: Int?
    /// As `length`, in steps whatever the training is counted in.
    public var steps: Int?
    /// The fraction of the learning rate at the start.
    public var from = 0.0
    public init() {}

    /// Steps until the full learning rate, where the length of the training is counted in units of so many steps.
    func steps(unit: Int) -> Int { steps ?? (length ?? 5) * unit }

    /// Rejects lengths below 1 and fractions outside [0, 1].
    public func validate(at node: ConfigurationNode) throws {
      try node.require("length", length, atLeast: 1)
      try node.require("steps", steps, atLeast: 1)
      if length != nil, steps != nil {
        throw node.error(at: "steps", "give either `length` or `steps`, not both")
      }
      try node.require("from", from, in: 0...1)
    }
  }
}

extension Recipe.Schedule: Decodable {
  /// Reads `cosine` or `{step: {every: 30}}`.
  public init(from decoder: any Decoder) throws {
    let selection = try Selection(from: decoder)
    let read = try selection.pick(
      from: [
        "constant": {
          _ = try selection.decode(Nothing.self)
          return .constant
        },
        "step": { .step(try selection.decode()) },
        "multi-step": { .multiStep(try selection.decode()) },
        "cosine": { .cosine(try selection.decode()) },
        "one-cycle": { .oneCycle(try selection.decode()) },
      ] as KeyValuePairs<String, () throws -> Self>, kind: "schedule")
    self = try read()
  }
}

/// The options of something that has none: any key is an error.
public struct Nothing: Configurable, Equatable {
  public init() {}
}
