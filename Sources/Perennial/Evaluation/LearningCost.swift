/// What learning a stream took.
public struct LearningCost: Codable, Equatable, Sendable {
  /// Wall-clock seconds spent in training steps and in what strategies do around them.
  public var trainingSeconds: Double
  /// Wall-clock seconds spent scoring test sets.
  public var evaluationSeconds: Double
  /// Optimizer steps.
  public var steps: Int
  /// Examples of the stream trained on per training second (rehearsed ones not counted).
  public var examplesPerSecond: Double
  /// The largest resident memory of the process, in bytes.
  public var peakMemoryBytes: Int
  /// Bytes that the replay memory holds at the end.
  public var replayBytes: Int
  /// Learned values at the end, those that are held fixed by then included.
  public var parameters: Int
  /// The same after each experience: how the model grows.
  public var parametersByExperience: [Int]?
  /// Multiplications of a forward pass for one example in matrix products and convolutions.
  public var multiplyAdds: Int?
  /// The median time of a forward pass for one example, in seconds.
  public var latencySeconds: Double?

  public init(
    trainingSeconds: Double = 0, evaluationSeconds: Double = 0, steps: Int = 0, examplesPerSecond: Double = 0,
    peakMemoryBytes: Int = 0, replayBytes: Int = 0, parameters: Int = 0
  ) {
    self.trainingSeconds = trainingSeconds
    self.evaluationSeconds = evaluationSeconds
    self.steps = steps
    self.examplesPerSecond = examplesPerSecond
    self.peakMemoryBytes = peakMemoryBytes
    self.replayBytes = replayBytes
    self.parameters = parameters
  }

  enum CodingKeys: String, CodingKey {
    case trainingSeconds = "training_seconds"
    case evaluationSeconds = "evaluation_seconds"
    case steps
    case examplesPerSecond = "examples_per_second"
    case peakMemoryBytes = "peak_memory_bytes"
    case replayBytes = "replay_bytes"
    case parameters
    case parametersByExperience = "parameters_by_experience"
    case multiplyAdds = "multiply_adds"
    case latencySeconds = "latency_seconds"
  }
}
