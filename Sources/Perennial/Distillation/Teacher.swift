import Torch

/// A model that knows something already, for students to learn from.
public protocol Teacher {
  /// The class label that each of its outputs stands for; nil where outputs are no classes.
  var labels: [Int]? { get }
  /// K
  var outputs: Int { get }
  /// What it is shown, where it takes other inputs than the student.
  var data: DataSource? { get }
  /// The network, where it can be opened.
  var network: Frozen? { get }
  /// The names of what there is to look at.
  var tapNames: [String] { get }

  /// Outputs, features and the values at these taps for inputs `[N, …]`, outside the graph.
  func look(_ inputs: Tensor, taps: [String]) throws -> Look

  /// Outputs and features in the graph of the inputs, so that inputs can be learned from what the teacher says of them.
  func look(inGraphOf inputs: Tensor) throws -> Look

  /// SHA-256 of all that it knows: nothing that a student does changes it.
  func digest() throws -> String
}

extension Teacher {
  public var data: DataSource? { nil }
  public var network: Frozen? { nil }

  /// The student's unit of each output; −1 where the student has none.
  func units(in learner: Learner) -> [Int] {
    guard learner.objective.isClassification, let labels else { return Array(0..<outputs) }
    return labels.map { learner.classes.unit(of: $0) ?? -1 }
  }
}

/// A trained network as a teacher.
public struct PretrainedTeacher: Teacher {
  public let labels: [Int]?
  public let data: DataSource?
  public var network: Frozen? { frozen }
  private let frozen: Frozen

  /// - Parameters:
  ///   - labels: of the outputs in order; nil where they are no classes.
  ///   - data: what it is shown, where it takes other inputs than the student.
  public init(_ network: Frozen, labels: [Int]?, data: DataSource? = nil) {
    frozen = network
    self.labels = labels
    self.data = data
  }

  public var outputs: Int { frozen.outputs }
  public var tapNames: [String] { frozen.tapNames }
  public func look(_ inputs: Tensor, taps: [String]) throws -> Look { try frozen.look(inputs, taps: taps) }
  public func look(inGraphOf inputs: Tensor) throws -> Look { try frozen.look(inGraphOf: inputs) }
  public func digest() throws -> String { try frozen.digest() }
}
