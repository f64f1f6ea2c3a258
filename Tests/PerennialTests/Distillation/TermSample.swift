import Testing
import Torch

@testable import Perennial

/// A distillation term as a recipe writes it, on the tensors of a group of `distillation_terms.safetensors`.
struct TermSample: Sendable, CustomTestStringConvertible {
  /// The name of the golden case, or of the sample.
  let name: String
  /// As a recipe writes it: `dkd: {temperature: 2}`.
  let yaml: String
  /// Where the values come from.
  var group = "logits"
  /// The golden tensor of the classes.
  var targets = "targets"
  /// The examples of the plan, as a golden tensor.
  var examples: String?
  /// How much of the experience is learned.
  var progress = 0.0

  init(
    _ name: String, _ yaml: String, on group: String = "logits", targets: String = "targets",
    examples: String? = nil, progress: Double = 0
  ) {
    (self.name, self.yaml, self.group) = (name, yaml, group)
    (self.targets, self.examples, self.progress) = (targets, examples, progress)
  }

  var testDescription: String { name }
  var termName: String { String(yaml.prefix { $0 != ":" }) }

  /// Whether the term compares outputs rather than values at taps.
  var isResponse: Bool { TermRegistry.cards.contains { $0.name == termName && $0.family == .response } }

  func term() throws -> any DistillationTerm {
    try TermRegistry.make(Selection(ConfigurationNode(yaml: yaml, source: "test")))
  }

  func golden() throws -> GoldenTensors { try GoldenTensors("distillation_terms") }

  /// The values of the group: outputs, or one pair for each tap.
  func operands() throws -> (students: [Tensor], teachers: [Tensor]) {
    let all = try golden().all(group)
    func list(_ side: String) throws -> [Tensor] {
      try (0..<all.keys.count { $0.hasPrefix(side) }).map { try #require(all["\(side)\($0)"]) }
    }
    return (try list("student"), try list("teacher"))
  }

  func plan(_ students: [Tensor], _ teachers: [Tensor]) throws -> TermPlan {
    guard !isResponse else {
      return TermPlan(
        outputs: students[0].shape[1],
        targets: try examples.map { try golden()["\(name)/\($0)"].integers() } ?? [])
    }
    return TermPlan(
      shapes: zip(students, teachers).map { TermPlan.Shapes(student: $0.shape, teacher: $1.shape) },
      outputs: 7)
  }

  func sight(_ students: [Tensor], _ teachers: [Tensor], targets: Tensor? = nil) throws -> TermSight {
    let count = students[0].shape[0]
    let places = try Tensor.arange(0, count)
    guard !isResponse else {
      return TermSight(
        student: students[0], teacher: teachers[0],
        targets: try targets ?? golden()["\(group)/\(self.targets)"], places: places, progress: progress)
    }
    let outputs = try Tensor.zeros([count, 7])
    return TermSight(
      student: outputs, teacher: outputs,
      pairs: Array(zip(students, teachers)).map { (student: $0, teacher: $1) },
      places: places, progress: progress)
  }

  /// What a training step would add to its loss.
  func loss(
    _ term: any DistillationTerm, _ students: [Tensor], _ teachers: [Tensor], targets: Tensor? = nil
  ) throws -> Tensor {
    try DistillationReducer()(term.values(sight(students, teachers, targets: targets)))
  }

  /// The same of a new term.
  func loss(_ students: [Tensor], _ teachers: [Tensor], targets: Tensor? = nil) throws -> Tensor {
    let term = try term()
    _ = try term.build(plan(students, teachers), RandomStreams(seed: 1))
    return try loss(term, students, teachers, targets: targets)
  }

  func loss() throws -> Tensor {
    let (students, teachers) = try operands()
    return try loss(students, teachers)
  }

  /// Copies that gradients reach.
  static func leaves(_ tensors: [Tensor]) throws -> [Tensor] {
    try tensors.map {
      let leaf = try $0.clone()
      try leaf.setRequiresGrad(true)
      return leaf
    }
  }
}
