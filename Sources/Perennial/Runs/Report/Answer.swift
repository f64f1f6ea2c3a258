/// What came out, in a sentence or two, before any number has to be looked up.
struct Answer {
  let headline: String
  let detail: String

  init(_ results: RunResults) {
    let ranked = Self.ranked(results)
    let contenders = ranked.filter { StrategyRole($0.name) != .joint }
    guard let best = contenders.first else {
      headline = ranked.isEmpty ? "Nothing has finished yet." : "Only the joint upper bound has run."
      detail = ""
      return
    }
    let count = results.stream.experiences.count
    let at = Self.score(best, results)
    let over = count == 1 ? "" : " on average over all \(count) experiences"
    headline =
      contenders.count == 1
      ? "\(best.name) ended at \(at)\(over)."
      : "\(best.name) \(count == 1 ? "learned" : "kept") the most: \(at)\(over)."

    var sentences = [Self.taught(results, contenders)].compactMap(\.self)
    if sentences.isEmpty, contenders.count > 1 {
      let second = contenders[1]
      let lead = best.value.mean - second.value.mean
      if lead < max(best.value.std, second.value.std) {
        sentences.append("Its lead over \(second.name) is within the spread of the seeds.")
      }
    }
    if let joint = ranked.first(where: { StrategyRole($0.name) == .joint }) {
      let gap = joint.value.mean - best.value.mean
      sentences.append(
        gap > 0
          ? "Training on everything at once reaches \(Self.score(joint, results))."
          : "That is no less than training on everything at once.")
    }
    let finetuning = results.strategies.first { StrategyRole($0) == .finetuning }
    if let growth = results.statistic(.perplexityGrowth, of: best.name) {
      sentences.append(
        "Perplexities of earlier experiences grew by \(NumberText.fixed(100 * growth.mean, 1))\u{A0}%.")
    } else if let name = finetuning, let forgot = results.statistic(.forgetting, of: name) {
      let own = best.name == name ? nil : results.statistic(.forgetting, of: best.name)
      let beside = own.map { own in
        own.mean < 0
          ? ", \(best.name) gained \(Self.points(own))" : ", \(best.name) \(Self.points(own))"
      }
      sentences.append("Plain fine-tuning \(Self.change(forgot))\(beside ?? "").")
    } else if let forgot = results.statistic(.forgetting, of: best.name) {
      sentences.append("It \(Self.change(forgot)).")
    }
    detail = sentences.joined(separator: " ")
  }

  /// What became of what was learned: negative forgetting is a gain.
  private static func change(_ forgetting: Statistic) -> String {
    forgetting.mean < 0
      ? "gained \(points(forgetting)) points on what it had learned"
      : "forgot \(points(forgetting)) points of what it had learned"
  }

  private static func points(_ statistic: Statistic) -> String {
    NumberText.fixed(100 * abs(statistic.mean), 1)
  }

  /// How good a strategy is, as the field says it: a share, or a perplexity where tokens are told.
  private static func score(_ arm: (name: String, value: Statistic), _ results: RunResults) -> String {
    results.statistic(.perplexity, of: arm.name).map {
      "a perplexity of \(NumberText.value($0.mean, of: .perplexity))"
    } ?? "\(NumberText.fixed(100 * arm.value.mean, 1))\u{A0}%"
  }

  /// What the best student with a teacher has over the best of its size without; nil where one of them is missing.
  private static func taught(_ results: RunResults, _ ranked: [(name: String, value: Statistic)]) -> String? {
    func hasTeacher(_ name: String) -> Bool {
      results.runs(of: name).contains { $0.transfer?.comparisons.isEmpty == false }
    }
    func size(_ name: String) -> Int? { results.runs(of: name).map(\.cost.parameters).max() }
    guard let student = ranked.first(where: { hasTeacher($0.name) }),
      let control = ranked.first(where: { !hasTeacher($0.name) && size($0.name) == size(student.name) })
    else { return nil }
    let lead = student.value.mean - control.value.mean
    guard lead > max(student.value.std, control.value.std) else {
      return
        "With a teacher, \(student.name) is not better than \(control.name) without by more than the spread of the seeds."
    }
    return
      "Its teacher is worth \(NumberText.fixed(100 * lead, 1)) points to \(student.name), against \(control.name) without."
  }

  /// Strategies by average accuracy, the best first; those without one left out.
  static func ranked(_ results: RunResults) -> [(name: String, value: Statistic)] {
    results.strategies.enumerated().compactMap { place, name in
      results.statistic(.averageAccuracy, of: name).map { (place: place, name: name, value: $0) }
    }.sorted { ($1.value.mean, $0.place) < ($0.value.mean, $1.place) }.map { ($0.name, $0.value) }
  }
}
