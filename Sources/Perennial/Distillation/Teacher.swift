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

  /// Outputs and features in the graph of the inputs, so that inputs can be learned from what the teacher says of them;
  /// refused where nothing else is said.
  func look(inGraphOf inputs: Tensor) throws -> Look

  /// SHA-256 of all that it knows: nothing that a student does changes it.
  func digest() throws -> String
}

extension Teacher {
  public var data: DataSource? { nil }
  public var network: Frozen? { nil }
  public func look(inGraphOf inputs: Tensor) throws -> Look {
    throw TorchError(.autograd, "what this teacher says is no part of a graph")
  }

  /// The student's unit of each output, −1 where the student has none.
  ///
  /// - Parameter name: for errors.
  /// - Throws: `DistillationError.teacher` for another number of values, where outputs are no classes.
  func units(for learner: Learner, name: String) throws -> [Int] {
    let count = learner.model.head.outputs
    guard learner.objective.isClassification else {
      guard outputs == count else {
        throw DistillationError.teacher(name, "gives \(outputs) values, and the student \(count)")
      }
      return Array(0..<outputs)
    }
    guard let labels else { return (0..<outputs).map { $0 < count ? $0 : -1 } }
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
