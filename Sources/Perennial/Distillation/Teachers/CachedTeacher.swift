import Foundation
import Torch

/// A teacher's answers, asked for once and then looked up: by the place of an example and the view of it that is learned.
///
/// A student that sees examples in `training.views` ways meets every answer again after so many epochs; without
/// augmentation one view is all there is. Answers are whole, or the k largest outputs and the mass of the rest.
public final class CachedTeacher: TeacherSource {
  static let name = "cached"

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// A name under the recipe's `teachers:`.
    public var teacher = ""
    /// Keeps only so many of the largest outputs; all when nil.
    public var top: Int?
    /// Where answers are kept between runs; only in memory when nil. Each experience has a file of its own.
    public var file: String?

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("top", top, atLeast: 1)
      guard !teacher.isEmpty else { throw node.error("missing key `teacher`: whose answers?") }
    }
  }

  private let options: Options
  private var answers: AnswerCache?
  private var units: [Int] = []

  public init(_ options: Options) { self.options = options }

  /// The teacher itself, as far as taps and classes go.
  public var trial: any TeacherSource { NamedTeachers([.init(options.teacher)]) }

  /// - Throws: `DistillationError.teacher` for a file of another teacher, other data or another augmentation.
  public func begin(_ experience: Experience, _ learner: Learner) throws {
    guard let session = learner.session else { return }
    try open(session, learner)
  }

  private func open(_ session: Session, _ learner: Learner) throws {
    guard let teacher = learner.teachers[options.teacher] else {
      throw DistillationError.unknownTeacher(options.teacher, known: learner.teachers.keys.sorted())
    }
    guard learner.options.views != nil || learner.pipeline.augmentations.isEmpty else {
      throw DistillationError.teacher(
        options.teacher,
        "its answers cannot be kept while every epoch augments anew: set `training.views`, such as 8")
    }
    units = teacher.labels.map { $0.map { learner.classes.unit(of: $0) ?? -1 } } ?? Array(0..<teacher.outputs)
    guard units.contains(where: { $0 >= 0 }) else {
      throw DistillationError.noCommonClasses(teacher: options.teacher)
    }
    let origin = try AnswerCache.Origin(teacher, session.examples, learner, top: options.top)
    let url = options.file.map { URL(fileURLWithPath: "\($0)-\(session.experience.index).safetensors") }
    if let url, FileManager.default.fileExists(atPath: url.path) {
      answers = try AnswerCache(contentsOf: url, origin, teacher: options.teacher)
    } else {
      let made = try AnswerCache(asking: teacher, session.examples, learner, origin)
      try url.map { try AtomicFile.write(made.encoded(), to: $0) }
      answers = made
    }
  }

  public func signals(_ batch: Batch, taps: [String], _ learner: Learner) throws -> [TeacherSignal] {
    guard let answers = try opened(learner) else { return [] }
    if let tap = taps.first(where: { $0 != "outputs" }) { throw TapError.unknown(tap, known: ["outputs"]) }
    guard batch.fresh == batch.count else {
      throw DistillationError.teacher(
        options.teacher, "its kept answers are for fresh items alone: set `items: fresh` beside a memory")
    }
    let outputs = try answers(batch.places, views: batch.views).to(learner.device)
    return [TeacherSignal(options.teacher, Look(features: outputs, outputs: outputs), units: units)]
  }

  public func end(_ learner: Learner) throws { answers = nil }

  /// Sessions are restored after their strategies: answers are opened again at the first question then.
  private func opened(_ learner: Learner) throws -> AnswerCache? {
    if answers == nil, let session = learner.session { try open(session, learner) }
    return answers
  }
}
