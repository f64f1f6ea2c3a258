import Torch

/// What a part of the loss did to the student at one step.
public struct TermReading: Codable, Equatable, Sendable {
  /// The term; `labels` for the loss on labels.
  public let name: String
  /// Optimizer steps of the session before it was read.
  public let step: Int
  public let weight: Double
  /// Reduced, without the weight.
  public let value: Double
  /// The norm of the weighted part's gradient at the student's backbone: 0 for a part that teaches it nothing.
  public let gradient: Double
  /// The cosine of that gradient with the labels'; nil where one of them is 0.
  public let cosine: Double?
}

extension Distillation {
  /// The share of the session between two readings.
  private static let readings = 4

  /// Whether the step is one of those that are read.
  func isRead(_ step: Step) -> Bool {
    step.number % max(step.session.steps / Self.readings, 1) == 0
  }

  /// Reads what labels and terms each would do to the backbone by themselves: one backward pass for each.
  func read(_ step: Step, _ parts: [Contribution]) throws -> [TermReading] {
    let places = step.model.backbone.trainableParameters.map(\.parameter.value)
    guard !places.isEmpty else { return [] }
    let hard = Contribution(
      name: "labels", value: try step.learner.loss(step.outputs, step.batch),
      weight: isTeaching ? options.hard(step.progress) : 1)
    let all = [hard] + parts
    let measured = try all.map { part -> Tensor? in
      guard part.weight != 0, try part.value.requiresGrad else { return nil }
      let own = try gradients(of: part.value, withRespectTo: places, retainGraph: true, allowUnused: true)
      return try noGrad { try Tensor.concatenate(own.map { try $0.flatten() }) * part.weight }
    }
    return try noGrad {
      let norms = try measured.map { try $0?.norm().item() ?? 0 }
      return try all.indices.map { index in
        var cosine: Double?
        if index > 0, norms[0] > 0, norms[index] > 0, let labels = measured[0], let own = measured[index] {
          cosine = try (labels * own).sum().item() / (norms[0] * norms[index])
        }
        return TermReading(
          name: all[index].name, step: step.number, weight: all[index].weight,
          value: try all[index].value.item(),
          gradient: norms[index], cosine: cosine)
      }
    }
  }

  /// What will be computed, in words, after ``prepare(_:)``: every term with its weight, options, taps, shapes and what
  /// it learns.
  public func explanation(_ learner: Learner) -> [String] {
    let teachers =
      options.teacherNames.isEmpty ? options.teacher.name : options.teacherNames.joined(separator: ", ")
    var lines = ["teacher: \(teachers)" + (options.teachers.count > 1 ? ", \(options.merge.rawValue)" : "")]
    lines += alignments.sorted { $0.key.teacher < $1.key.teacher }.flatMap { question, groups in
      groups.map { "  \(question.teacher): \(Self.text($0, learner))" }
    }
    lines.append("labels: weight \(options.hard)")
    for ((term, weight), settings) in zip(terms, settings) {
      var line = "\(term.name): weight \(weight)" + (strength == 1 ? "" : " × \(NumberText.short(strength))")
      line += settings.map { ", \($0.key) \($0.value)" }.joined()
      lines.append(line)
      if let card = TermRegistry.cards.first(where: { $0.name == term.name }) {
        lines.append("  " + card.formula)
      }
      lines += details(term).map { "  " + $0 }
    }
    lines.append("items: \(options.items.rawValue); trust: \(options.trust.rawValue)")
    return lines
  }

  private func details(_ term: any DistillationTerm) -> [String] {
    guard let plan = adapters.plan(of: term) else { return ["nobody teaches yet"] }
    var lines = zip(term.pairs, plan.shapes).map { pair, shapes in
      "student \(pair.student) \(Self.text(shapes.student)) ← teacher \(pair.teacher) \(Self.text(shapes.teacher))"
    }
    if term.pairs.isEmpty { lines.append("outputs [N, \(plan.outputs)] ← outputs [N, \(plan.outputs)]") }
    let learned = adapters.child(term.name)?.parameterCount ?? 0
    if learned > 0 {
      lines.append("learns \(NumberText.grouped(learned)) values of its own, which stay out of the student")
    }
    return lines
  }

  /// Which outputs are compared.
  private static func text(_ alignment: Alignment, _ learner: Learner) -> String {
    guard learner.objective.isClassification else { return NumberText.count(alignment.count, "output") }
    let labels = alignment.units.map { learner.classes.labels[$0] }.sorted()
    let text =
      labels == Array((labels.first ?? 0)...(labels.last ?? 0)) && labels.count > 2
      ? "\(labels[0])–\(labels[labels.count - 1])" : labels.map(String.init).joined(separator: ", ")
    return "classes \(text) of the student's \(learner.classes.count)"
  }

  /// `[N, 64, 8, 8]`
  private static func text(_ shape: [Int]) -> String {
    "[\((["N"] + shape.dropFirst().map(String.init)).joined(separator: ", "))]"
  }
}

extension Ramp: CustomStringConvertible {
  public var description: String {
    from == to ? "\(to)" : "\(from) → \(to) (\(shape.rawValue))"
  }
}
