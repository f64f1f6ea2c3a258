import Torch

/// Sequence-level distillation (Kim & Rush 2016): the teacher writes, and the student learns what it wrote as if it were
/// data.
///
///     L = −log q(ŷ | x),   ŷ the teacher's continuation of x
///
/// ŷ is the likeliest token at each place, which is beam search of width 1, or drawn at a temperature. Of running text the
/// first tokens of each row are x; where a row has an answer, all in front of it is; of a translation the source. The teacher writes when an experience
/// begins, the same texts whenever a run is resumed. Beside it, `distillation` may compare token by token.
public final class SequenceDistillation: Strategy {
  public static let card = StrategyCard(
    "sequence-kd", .distillation, summary: "The teacher writes the texts that the student learns.",
    formula: "L = −log q(ŷ | x), ŷ written by the teacher behind x",
    use:
      "Language models and translators: no teacher is needed while the student learns; data have no answers, or bad ones.",
    avoid: "Texts of the data are better than what the teacher writes.",
    cost: "The teacher writes every training text once.",
    paper: "Kim & Rush, Sequence-Level Knowledge Distillation, 2016"
  ) { SequenceDistillation($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// A name under the recipe's `teachers:`.
    public var teacher = ""
    /// Tokens of a row that stay as they are, at least; of a translation none of the target.
    public var prompt = 16
    /// Of the draws; the likeliest token is taken when nil.
    public var temperature: Double?

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      guard !teacher.isEmpty else { throw node.error("missing key `teacher`: who writes?") }
      try node.require("prompt", prompt, atLeast: 1)
      try node.require("temperature", temperature, above: 0)
    }
  }

  public let name = "sequence-kd"
  public var seesBatch: Bool { false }
  public let options: Options
  /// Rows that the teacher writes at once.
  private static let rows = 64

  public init(_ options: Options) { self.options = options }

  public var teacherNames: [String] { options.teacher.isEmpty ? [] : [options.teacher] }

  public func check(_ facts: StreamFacts) throws {
    guard facts.classes == nil else {
      throw StrategyError.model(
        name, "it is for texts that are written: use `objective: tokens` or `writing`")
    }
    guard facts.teachers.contains(options.teacher) else {
      throw DistillationError.unknownTeacher(options.teacher, known: facts.teachers)
    }
  }

  public var replacesTrainingSet: Bool { true }

  public func trainingSet(for experience: Experience, _ learner: Learner) throws -> TrainingSet? {
    guard let teacher = try learner.teacher(options.teacher).network else {
      throw DistillationError.teacher(options.teacher, "it is a program, and cannot write")
    }
    let writer = try teacher.writer(for: name)
    let generator = try Generator(
      seed: RandomStreams.derive(learner.random.seed, "\(name)/\(experience.index)"))
    let form = WrittenRows(prompt: options.prompt, temperature: options.temperature)
    let examples = experience.examples
    let parts = try stride(from: 0, to: examples.count, by: Self.rows).map { start in
      let range = start..<min(start + Self.rows, examples.count)
      return try writer.rewritten(
        examples.inputs[range].to(learner.device), examples.targets[range].to(learner.device), as: form,
        generator)
    }
    return TrainingSet(
      try Examples(
        inputs: Tensor.concatenate(parts.map { try $0.inputs.to(.cpu) }),
        targets: Tensor.concatenate(parts.map { try $0.targets.to(.cpu) }), tasks: examples.tasks,
        identifiers: examples.identifiers))
  }
}
