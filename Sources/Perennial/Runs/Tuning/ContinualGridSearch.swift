import Torch

/// Learning rate and strength chosen from the data of the current experience alone (De Lange et al., A continual
/// learning survey, 2021, §5.2, as in FACIL): no test set, and nothing of what is still to come.
///
///     plasticity   A* = max over learning rates of the validation accuracy of plain fine-tuning
///     stability    start high, strength ← decay · strength until the validation accuracy is ≥ (1 − p) A*
///
/// Each trial starts from the state before the experience and is thrown away.
public struct ContinualGridSearch {
  /// What a recipe can choose, as `training.tune`.
  public struct Options: Configurable {
    /// Those to try; three times, as much as, a third and a tenth of the recipe's when nil.
    public var learningRates: [Double]?
    /// p, the share of the accuracy on what is new that may be given up for what is old.
    public var tolerance = 0.05
    /// The first strength over the recipe's, what is left of it with every trial, and the number of trials.
    public var start = 10.0
    public var decay = 0.5
    public var trials = 8

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      if let learningRates {
        guard !learningRates.isEmpty, learningRates.allSatisfy({ $0 > 0 && $0.isFinite }) else {
          throw node.error(at: "learning_rates", "must list at least one number above 0")
        }
      }
      try node.require("tolerance", tolerance, in: 0..<1)
      try node.require("start", start, above: 0)
      try node.require("decay", decay, above: 0)
      try node.require("decay", decay, in: 0..<1)
      try node.require("trials", trials, atLeast: 1)
    }
  }

  /// What was chosen for an experience.
  public struct Choice: Codable, Equatable, Sendable, CustomStringConvertible {
    /// Counted from 0.
    public var experience: Int
    public var learningRate: Double
    /// A*, the validation accuracy of fine-tuning with it.
    public var plasticity: Double
    /// By strategy; empty in the first experience, which has nothing to hold.
    public var strengths: [String: Double] = [:]
    /// The validation accuracy with them.
    public var accuracy: Double?
    /// Trials of strengths.
    public var trials = 0

    enum CodingKeys: String, CodingKey {
      case experience, plasticity, strengths, accuracy, trials
      case learningRate = "learning_rate"
    }

    public var description: String {
      let held = strengths.sorted { $0.key < $1.key }.map { "\($0.key) \(NumberText.short($0.value))" }
      return (["tuned to learning rate \(NumberText.short(learningRate))"] + held).joined(separator: ", ")
    }
  }

  let options: Options
  /// A learner in the state before the experience, with the strategies of the arm or none.
  let learner: (_ isPlain: Bool) throws -> Learner

  /// Learns the experience again and again, each time with a learner of its own.
  ///
  /// - Parameter isFirst: there is nothing to hold yet, so only the learning rate is chosen.
  func choose(for experience: Experience, isFirst: Bool) throws -> Choice {
    let usual = try learner(true).baseLearningRate
    var best: (rate: Double, accuracy: Double)?
    for rate in options.learningRates ?? [3, 1, 1.0 / 3, 0.1].map({ $0 * usual }) {
      let accuracy = try trial(isPlain: true, experience, rate) { _ in }
      if best.map({ accuracy > $0.accuracy }) ?? true { best = (rate, accuracy) }
    }
    var choice = Choice(
      experience: experience.index, learningRate: best?.rate ?? usual, plasticity: best?.accuracy ?? 0)
    let strengths = try learner(false).strengths
    guard !isFirst, strengths.contains(where: { $0.value > 0 }) else { return choice }
    var factor = options.start
    for number in 1...options.trials {
      choice.strengths = strengths.mapValues { $0 * factor }
      choice.trials = number
      let accuracy = try trial(isPlain: false, experience, choice.learningRate) {
        $0.strengths = choice.strengths
      }
      choice.accuracy = accuracy
      if accuracy >= (1 - options.tolerance) * choice.plasticity { break }
      factor *= options.decay
    }
    return choice
  }

  /// The validation accuracy after one trial; 0 where training diverges.
  private func trial(
    isPlain: Bool, _ experience: Experience, _ rate: Double, _ change: (Learner) -> Void
  ) throws -> Double {
    let learner = try learner(isPlain)
    learner.baseLearningRate = rate
    change(learner)
    do {
      try learner.begin(experience)
      while let session = learner.session, !session.isDone { try learner.step() }
    } catch LearnerError.notFinite { return 0 }
    guard let validation = experience.validation else { return 0 }
    return try learner.score(validation, task: experience.task)
  }
}

extension Learner {
  /// The strengths of the strategies that have one, by name.
  var strengths: [String: Double] {
    get {
      let tunable = strategies.compactMap { $0 as? any Tunable }
      return Dictionary(uniqueKeysWithValues: tunable.map { ($0.name, $0.strength) })
    }
    set {
      for case let strategy as any Tunable in strategies {
        if let strength = newValue[strategy.name] { strategy.strength = strength }
      }
    }
  }
}
