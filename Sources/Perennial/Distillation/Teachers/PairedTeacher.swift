import Torch

/// A teacher of another kind of data: for every item it is shown a random example of the same class from its own data,
/// and the student learns what it says of that (in the way of Gupta et al., Cross Modal Distillation for Supervision
/// Transfer, 2016, with pairs by class in place of two views of one scene).
///
///     student(sound of a seven)  ←  teacher(image of a seven)
///
/// The teacher's data are the `data:` of its entry in the recipe. Examples are drawn anew for every item of every step,
/// from a random stream of their own.
public final class PairedTeacher: TeacherSource {
  static let name = "paired"

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// A name under the recipe's `teachers:`, with `data` of its own.
    public var teacher = ""

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      guard !teacher.isEmpty else { throw node.error("missing key `teacher`: who is shown the other data?") }
    }
  }

  private let name: String
  /// The places of each label in the teacher's data.
  private var places: [Int: [Int]] = [:]

  public init(_ options: Options) { name = options.teacher }

  /// - Parameter teacher: a name among the learner's teachers.
  public init(_ teacher: String) { name = teacher }

  public var teacherNames: [String] { [name] }

  /// - Throws: `DistillationError` for a teacher without data of its own, or without an example of some class.
  public func begin(_ experience: Experience, _ learner: Learner) throws {
    guard learner.objective.isClassification else {
      throw refusal("pairs are made by class, and there are none")
    }
    let places = try known(learner)
    if let label = learner.classes.labels.first(where: { places[$0] == nil }) {
      throw refusal("its data have no example of class \(label) to pair with")
    }
  }

  public func signals(_ batch: Batch, taps: [String], _ learner: Learner) throws -> [TeacherSignal] {
    let teacher = try learner.teacher(name)
    let data = try data(of: teacher)
    let places = try known(learner)
    var numbers = learner.random.numbers("paired teacher")
    let drawn = try batch.targets.integers().map { unit in
      let label = learner.classes.labels[unit]
      guard let place = places[label]?.randomElement(using: &numbers) else {
        throw refusal("its data have no example of class \(label) to pair with")
      }
      return place
    }
    let inputs = try data.pipeline(
      data.train.inputs, Tensor(drawn), augmentation: nil, device: learner.device)
    let units = try teacher.units(for: learner, name: name)
    return [TeacherSignal(name, try teacher.look(inputs, taps: taps), units: units)]
  }

  private func data(of teacher: any Teacher) throws -> DataSource {
    guard let data = teacher.data else { throw refusal("it has no `data` of its own to pair with") }
    return data
  }

  private func known(_ learner: Learner) throws -> [Int: [Int]] {
    if places.isEmpty {
      let labels = try data(of: learner.teacher(name)).train.targets.integers()
      places = Dictionary(grouping: labels.indices) { labels[$0] }
    }
    return places
  }

  private func refusal(_ problem: String) -> DistillationError { .teacher(name, problem) }
}
