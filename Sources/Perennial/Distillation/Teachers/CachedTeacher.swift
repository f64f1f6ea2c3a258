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
    /// Where answers are kept between runs; only in memory when nil. Each seed and experience has a file of its own.
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

  public var trial: any TeacherSource { Trial(of: self) }

  public var teacherNames: [String] { [options.teacher] }

  /// - Throws: `DistillationError.teacher` for a file of another teacher, other data or another augmentation.
  public func begin(_ experience: Experience, _ learner: Learner) throws {
    guard let session = learner.session else { return }
    try open(session, learner)
  }

  private func open(_ session: Session, _ learner: Learner) throws {
    let teacher = try learner.teacher(options.teacher)
    try requireViews(learner)
    units = try teacher.units(for: learner, name: options.teacher)
    guard units.contains(where: { $0 >= 0 }) else {
      throw DistillationError.noCommonClasses(teacher: options.teacher)
    }
    let origin = try AnswerCache.Origin(teacher, session.examples, learner, top: options.top)
    let url = options.file.map {
      URL(fileURLWithPath: "\($0)-\(learner.random.seed)-\(session.experience.index).safetensors")
    }
    if let url, FileManager.default.fileExists(atPath: url.path) {
      answers = try AnswerCache(contentsOf: url, origin, teacher: options.teacher)
    } else {
      let made = try AnswerCache(asking: teacher, session.examples, learner, origin)
      try url.map { try AtomicFile.write(made.encoded(), to: $0) }
      answers = made
    }
  }

  public func signals(_ batch: Batch, taps: [String], _ learner: Learner) throws -> [TeacherSignal] {
    try requireOutputs(taps)
    guard let answers = try answers(for: batch, learner) else { return [] }
    let said = try answers.pieces(batch.places, views: batch.views, learner.device)
    let outputs = try said.outputs.whole()
    let look = Look(features: outputs, outputs: outputs)
    return [TeacherSignal(options.teacher, look, units: units, unkept: said.unkept)]
  }

  public func signalsInPieces(_ batch: Batch, _ learner: Learner) throws -> [TeacherSignal] {
    guard let answers = try answers(for: batch, learner) else { return [] }
    let none = try Tensor.zeros([0])
    let said = try answers.pieces(batch.places, views: batch.views, learner.device)
    let look = Look(features: none, outputs: none, pieces: said.outputs)
    return [TeacherSignal(options.teacher, look, units: units, unkept: said.unkept)]
  }

  private func answers(for batch: Batch, _ learner: Learner) throws -> AnswerCache? {
    guard let answers = try opened(learner) else { return nil }
    guard batch.fresh == batch.count else {
      throw DistillationError.teacher(
        options.teacher, "its kept answers are for fresh items alone: set `items: fresh` beside a memory")
    }
    return answers
  }

  public func end(_ learner: Learner) throws { answers = nil }

  /// Sessions are restored after their strategies: answers are opened again at the first question then.
  private func opened(_ learner: Learner) throws -> AnswerCache? {
    if answers == nil, let session = learner.session { try open(session, learner) }
    return answers
  }

  private func requireViews(_ learner: Learner) throws {
    guard learner.options.views != nil || learner.pipeline.augmentations.isEmpty else {
      throw DistillationError.teacher(
        options.teacher,
        "its answers cannot be kept while every epoch augments anew: set `training.views`, such as 8")
    }
  }

  private func requireOutputs(_ taps: [String]) throws {
    if let tap = taps.first(where: { $0 != "outputs" }) {
      throw DistillationError.teacher(
        options.teacher, "its kept answers are outputs, and tell nothing of the tap `\(tap)`")
    }
  }

  /// The teacher itself in place of its kept answers, which must be possible.
  private final class Trial: TeacherSource {
    private let cached: CachedTeacher
    private let live: NamedTeachers

    init(of cached: CachedTeacher) {
      self.cached = cached
      live = NamedTeachers([.init(cached.options.teacher)])
    }

    func begin(_ experience: Experience, _ learner: Learner) throws {
      try cached.requireViews(learner)
      try live.begin(experience, learner)
    }

    func signals(_ batch: Batch, taps: [String], _ learner: Learner) throws -> [TeacherSignal] {
      try cached.requireOutputs(taps)
      return try live.signals(batch, taps: taps, learner)
    }
  }
}
