extension Distillation {
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
