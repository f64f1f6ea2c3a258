import Torch

/// What a learner meets at once: a set of training examples, and nothing of what comes later.
public struct Experience {
  /// The place in the stream, counted from 0.
  public let index: Int
  /// A name for people, such as the classes "0,1".
  public let name: String
  /// The training examples.
  public let examples: Examples
  /// Training examples held out to choose hyper-parameters on.
  public let validation: Examples?
  /// The task, where the scenario tells it to the learner.
  public let task: Int?
  /// The identifiers of examples of earlier experiences that no longer hold: what this one says takes their place, or
  /// nothing does. Memories give them up.
  public let withdrawn: [Int]

  /// - Parameter task: also becomes the task of examples that have none of their own.
  public init(
    index: Int, name: String, examples: Examples, validation: Examples? = nil, task: Int? = nil,
    withdrawn: [Int] = []
  ) throws {
    self.index = index
    self.name = name
    func ofTask(_ examples: Examples) throws -> Examples {
      guard let task, examples.tasks == nil else { return examples }
      return try examples.with(task: task)
    }
    self.examples = try ofTask(examples)
    self.validation = try validation.map(ofTask)
    self.task = task
    self.withdrawn = withdrawn
  }
}
