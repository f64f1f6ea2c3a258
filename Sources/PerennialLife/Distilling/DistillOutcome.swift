import Foundation
import Perennial

/// How a student is made of a version that serves.
public struct StudentPlan {
  /// `life.yaml` of the student's directory.
  public let yaml: String
  /// Puts what the student's model is made from into the folder that it is given.
  public let files: ((URL) throws -> Void)?
  /// Changes of `life.yaml` while a backbone is taught that rests afterwards under a head that counts: there must be
  /// something that learns.
  public let teaching: [RecipeChange]
  /// Of soft targets.
  public var temperature = 2.0
  /// Why the student is made even if the gate refuses it.
  public var force: String?

  /// - Parameters: as the properties say.
  public init(yaml: String, files: ((URL) throws -> Void)? = nil, teaching: [RecipeChange] = []) {
    (self.yaml, self.files, self.teaching) = (yaml, files, teaching)
  }
}

/// What became of a student.
public struct DistillOutcome: Codable, Sendable, Equatable {
  /// One of the two.
  public struct Side: Codable, Sendable, Equatable {
    public let version: Int
    /// On everything that judges.
    public let accuracy: Double?
    /// Weights, those that rest included.
    public let parameters: Int
    /// Bytes of the weights and of what the head has counted.
    public let bytes: Int
    /// The median answer to one input.
    public let milliseconds: Double
  }

  /// `promoted`, `forced` or `refused`, in which case there is no directory.
  public let result: LearnOutcome.Result
  public let teacher: Side
  public let student: Side
  /// The student's milliseconds over the teacher's.
  public let millisecondsRatio: Double
  /// Inputs that were taught, and those that judged.
  public let examples: Int
  public let heldOut: Int
  public let verdict: Verdict
  /// Of training, and its optimizer steps.
  public let seconds: Double
  public let steps: Int
}
