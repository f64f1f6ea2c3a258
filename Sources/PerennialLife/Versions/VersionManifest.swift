import Foundation
import Perennial

/// One version of a model as `versions/<number>-<digest>.json` describes it: everything that serving it needs to know,
/// and which blobs hold its numbers.
public struct VersionManifest: Codable, Sendable, Equatable {
  /// Why there is a version.
  public enum Kind: String, Codable, Sendable {
    /// The untrained model.
    case initial = "init"
    /// An update that passed the gate.
    case learned = "learn"
    /// An update that did not, promoted by a person.
    case forced
    /// Learned again without what was to be forgotten.
    case rebuilt = "rebuild"
    /// Trained elsewhere, such as a student of the one before.
    case imported = "import"
  }

  /// A file of tensors, named after its content.
  public struct Blob: Codable, Sendable, Equatable {
    public let sha256: String
    public let bytes: Int
  }

  /// Of the layout of the directory.
  public var format = Self.currentFormat
  public let version: Int
  /// The version that it was learned from.
  public let parent: Int?
  public let kind: Kind
  /// ISO 8601, by the clock of the machine.
  public let created: String
  /// The names of the labels in the order of their numbers.
  public var labels: [String]
  /// Labels that have become part of another, by number.
  public var merged: [Int: Int]
  /// `life.yaml` as the version was learned with.
  public let configuration: String
  /// How many inputs were learned on the way here, and by this version.
  public let examples: Int
  public let newExamples: Int
  /// Parameters of the model.
  public let parameters: Int
  /// Accuracy on all judged examples, where there were any.
  public let accuracy: Double?
  /// The program that made it.
  public let program: String
  /// Files beside the directory's own that the model is made from, with their SHA-256.
  public var files: [String: String]
  /// Weights that are those of these files, and so are in no blob.
  public var fromFiles: [String]
  public var blobs: [String: Blob]
  /// Where the audit log ended once the version was decided on.
  public var audit: AuditEnd?
  /// Whom it, or the version that it goes on from, was taught by, for a student.
  public var teacher: Origin?

  /// The last entry of an audit log.
  public struct AuditEnd: Codable, Sendable, Equatable {
    public let sequence: Int
    public let digest: String

    init(_ entry: AuditEntry) { (sequence, digest) = (entry.sequence, entry.digest) }

    init(sequence: Int, digest: String) { (self.sequence, self.digest) = (sequence, digest) }
  }

  /// A version of another model directory.
  public struct Origin: Codable, Sendable, Equatable {
    public let version: Int
    /// The name of its manifest, which carries its digest.
    public let manifest: String
    /// Weights of its model, those that rest included.
    public let parameters: Int
  }

  /// The format that this program writes.
  public static let currentFormat = 1

  static let modelBlob = "model"
  /// Weights that do not learn and come from no file: the same for all versions.
  static let restingBlob = "resting"
  static let stateBlob = "state"

  /// The labels that the model can answer with: those of examples that are part of no other.
  public var answers: [String] { labels.indices.filter { merged[$0] == nil }.map { labels[$0] } }

  /// The number of the label that a label has become.
  public func resolved(_ label: Int) -> Int {
    var label = label
    while let target = merged[label], target != label { label = target }
    return label
  }
}
