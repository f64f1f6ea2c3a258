import Torch

/// The learning of one experience: what is trained on, how far it has come.
public final class Session {
  public let experience: Experience
  /// What is trained on, targets as output units.
  public let examples: Examples
  /// Units before this experience, or before the last boundary inside it; those from here on are new.
  public internal(set) var previousOutputs: Int
  /// Optimizer steps that the experience gets.
  public let steps: Int
  public let schedule: Schedule
  /// What the learning rate is multiplied by throughout.
  private let peak: Double
  private let mixesTasks: Bool
  /// Whether a strategy trains on other examples than those of the experience.
  var isReplaced: Bool { mixesTasks }
  /// Steps done.
  public internal(set) var step = 0
  var sampler: BatchSampler
  /// Fresh items drawn so far, and up to the last boundary inside the experience.
  var drawn: Int { sampler.drawn }
  var boundary = 0

  init(
    experience: Experience, examples: Examples, mixesTasks: Bool, previousOutputs: Int, budget: Int,
    options: TrainingOptions, lengths: [Int]? = nil
  ) {
    self.mixesTasks = mixesTasks
    self.experience = experience
    self.examples = examples
    self.previousOutputs = previousOutputs
    let budget = options.length.isSteps ? budget : 1
    steps = options.steps(examples: examples.count) * budget
    schedule = options.schedule(examples.count, budget)
    peak = experience.index == 0 ? 1 : options.rewarm
    sampler = BatchSampler(
      count: examples.count, batch: options.batch, stopsAtEpoch: !options.length.isSteps,
      keepsOrder: options.keepsOrder,
      buckets: options.buckets.flatMap { window in lengths.map { LengthBuckets($0, window: window) } })
  }

  /// A finished part of a session, of these examples: what strategies are shown at a boundary.
  init(_ session: Session, experience: Experience, examples: Examples) {
    self.experience = experience
    self.examples = examples
    (mixesTasks, previousOutputs, steps) = (session.mixesTasks, session.previousOutputs, session.steps)
    (schedule, peak, sampler, step) = (session.schedule, session.peak, session.sampler, session.step)
  }

  /// Whether all steps are done.
  public var isDone: Bool { step >= steps }

  /// The learning rate of the step to come.
  func learningRate(base: Double) -> Double { schedule.learningRate(at: step, base: base * peak) }

  /// The task that every example shares; nil when they have several, as in joint training, or none.
  public var task: Int? { examples.tasks == nil || mixesTasks ? nil : experience.task }
}

extension TrainingOptions.Length {
  /// With epochs a larger training set brings its larger budget by itself.
  var isSteps: Bool { if case .steps = self { true } else { false } }
}
