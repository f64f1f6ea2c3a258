/// Something that happened in a run.
///
/// The session tells its observers; the progress line, the event log and TensorBoard are observers.
public enum RunEvent: Sendable, Equatable {
  /// A run of a strategy with a seed begins, or goes on from a checkpoint after `step` steps of `steps`.
  case started(RunPosition, step: Int, steps: Int)
  /// A step is done: the count over the whole run, and the loss of its batch.
  case step(RunPosition, step: Int, steps: Int, loss: Double)
  /// The strategies are finishing an experience: importances, herding and the like.
  case consolidating(RunPosition)
  /// The model was scored on the test set of every experience; unseen ones included.
  case evaluated(RunPosition, step: Int, accuracies: [Double])
  /// A network that learns beside the model was scored on the test set of every experience learned so far.
  case peer(RunPosition, step: Int, name: String, accuracies: [Double])
  /// A window of an online stream was scored, each batch before it was learned.
  case prequential(RunPosition, step: Int, PrequentialRecord.Point)
  /// A boundary was found inside an experience.
  case boundary(RunPosition, step: Int)
  /// A learning rate and strengths were chosen for an experience.
  case tuned(RunPosition, step: Int, ContinualGridSearch.Choice)
  /// Forgetting was measured against its budget; where it is over, the experience may be learned again.
  case forgot(RunPosition, step: Int, ForgettingBudget.Outcome)
  /// A checkpoint was written.
  case saved(RunPosition, step: Int, path: String)
  /// A run of a strategy with a seed is over.
  case finished(RunPosition, metrics: [MetricName: Double], seconds: Double)
  /// Everything stops here, to be resumed later.
  case interrupted(RunPosition, step: Int)
  /// Something that the user should know and that stops nothing.
  case warning(String)
}

/// Where in a recipe an event happened.
public struct RunPosition: Sendable, Hashable {
  /// The arm.
  public var strategy: String
  /// The seed.
  public var seed: Int
  /// The experience, counted from 0.
  public var experience: Int
  /// The number of experiences.
  public var experiences: Int

  /// Creates a position.
  public init(strategy: String, seed: Int, experience: Int = 0, experiences: Int) {
    self.strategy = strategy
    self.seed = seed
    self.experience = experience
    self.experiences = experiences
  }
}

/// Whoever is told what happens in a run. Observers must not throw: nothing they do may stop the training.
public protocol RunObserver: AnyObject {
  /// Takes note of an event. Called on the thread that trains, at every step.
  func note(_ event: RunEvent)
}

/// Thrown when a run was asked to stop and has written the checkpoint from which it can go on.
public struct RunInterrupted: Error, Equatable {
  /// Where it stopped.
  public let position: RunPosition
  /// The number of steps done in the run of this strategy and seed.
  public let step: Int

  /// Creates the error.
  public init(position: RunPosition, step: Int) {
    self.position = position
    self.step = step
  }
}
