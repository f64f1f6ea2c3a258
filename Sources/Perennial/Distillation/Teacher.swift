import Torch

/// A model that knows something already, for students to learn from.
public protocol Teacher {
  /// The class label that each of its outputs stands for; nil where outputs are no classes.
  var labels: [Int]? { get }
  /// K
  var outputs: Int { get }
  /// The names of what there is to look at.
  var tapNames: [String] { get }

  /// Outputs, features and the values at these taps for inputs `[N, …]`, outside the graph.
  func look(_ inputs: Tensor, taps: [String]) throws -> Look

  /// SHA-256 of all that it knows: nothing that a student does changes it.
  func digest() throws -> String
}

extension Teacher {
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
  private let network: Frozen

  /// - Parameter labels: of the outputs in order; nil where they are no classes.
  public init(_ network: Frozen, labels: [Int]?) {
    self.network = network
    self.labels = labels
  }

  public var outputs: Int { network.outputs }
  public var tapNames: [String] { network.tapNames }
  public func look(_ inputs: Tensor, taps: [String]) throws -> Look { try network.look(inputs, taps: taps) }
  public func digest() throws -> String { try network.digest() }
}
