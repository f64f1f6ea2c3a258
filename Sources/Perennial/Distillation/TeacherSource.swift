import Torch

/// Who teaches in each step: a trained model, several, the student's own past, its moving average, or a file of answers.
public protocol TeacherSource: AnyObject {
  /// The names that the recipe's `teachers:`, or an arm before, must have.
  var teacherNames: [String] { get }

  /// An experience begins, the head has grown, and the student is still as it was.
  func begin(_ experience: Experience, _ learner: Learner) throws

  /// What the teachers say of a batch, one signal for each that is heard by itself; none while there is nobody to ask.
  ///
  /// - Parameter taps: the names of the teachers' taps that are wanted.
  func signals(_ batch: Batch, taps: [String], _ learner: Learner) throws -> [TeacherSignal]

  /// The same without taps, for terms that see outputs piece by piece: in pieces, where the teacher's can be.
  func signalsInPieces(_ batch: Batch, _ learner: Learner) throws -> [TeacherSignal]

  /// The student took a step.
  func observe(_ step: Step) throws

  /// The experience is learned.
  func end(_ learner: Learner) throws

  /// Who answers in a trial before the real run, in which nothing is kept.
  var trial: any TeacherSource { get }

  /// Everything needed to go on exactly. A teacher that does not change is no part of it.
  func state() throws -> State
  func restore(_ state: State, _ learner: Learner) throws
}

extension TeacherSource {
  public var teacherNames: [String] { [] }
  public var trial: any TeacherSource { self }
  public func begin(_ experience: Experience, _ learner: Learner) throws {}
  public func signalsInPieces(_ batch: Batch, _ learner: Learner) throws -> [TeacherSignal] {
    try signals(batch, taps: [], learner)
  }
  public func observe(_ step: Step) throws {}
  public func end(_ learner: Learner) throws {}
  public func state() throws -> State { State() }
  public func restore(_ state: State, _ learner: Learner) throws {}
}

/// What one teacher says of a batch.
public struct TeacherSignal {
  /// Who says it, for logs.
  public let name: String
  public var look: Look
  /// The student's unit of each of the teacher's outputs; −1 where the student has none.
  public let units: [Int]
  /// How much it counts among several.
  public var weight: Double
  /// Where it is true, bool in the shape of the outputs, an output is no more than a share of what those units have together;
  /// nil where all outputs are known.
  public var unkept: OutputPieces?

  public init(
    _ name: String, _ look: Look, units: [Int], weight: Double = 1, unkept: OutputPieces? = nil
  ) {
    (self.name, self.look, self.units, self.weight, self.unkept) = (name, look, units, weight, unkept)
  }
}
