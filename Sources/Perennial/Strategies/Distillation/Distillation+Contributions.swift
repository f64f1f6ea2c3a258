import Torch

// What teachers and terms say of a step.
extension Distillation {
  /// What one term adds to the loss.
  public struct Contribution {
    public let name: String
    /// The reduced value `[]`, T² included, and its weight now.
    public internal(set) var value: Tensor
    public internal(set) var weight: Double
  }

  /// Whose outputs, and whether the units of each task by themselves.
  struct Question: Hashable {
    let teacher: String
    let byTask: Bool
  }

  /// What each term says of a step; none while nobody teaches.
  public func contributions(_ step: Step) throws -> [Contribution] {
    let weights = active.map { $0.weight(step.progress) * strength * rampedShare(step.progress) }
    guard weights.contains(where: { $0 > 0 }), let asked = try selected(step) else { return [] }
    let isInPieces = asked.look.pieces != nil
    let signals =
      try isInPieces
      ? source.signalsInPieces(asked.batch, step.learner)
      : source.signals(asked.batch, taps: teacherTaps, step.learner)
    guard !signals.isEmpty else { return [] }
    let tokens = try CountedTokens(isInPieces ? asked.look.features : asked.look.outputs, asked.batch.targets)
    let trusted = try signals.map { signal in
      try trust.weights(signal, asked.batch, step.learner).map { try tokens.items($0) }
    }
    let reduce = DistillationReducer()
    return try zip(active, weights).compactMap { item, weight in
      guard weight > 0 else { return nil }
      var sum: Tensor?
      for (signal, weights) in zip(signals, trusted) {
        for seen in try sights(item.term, signal, asked, tokens, step) {
          var value =
            switch seen {
            case .whole(let sight): try reduce(trustable(item.term, sight, weights), weights: weights)
            case .inPieces(let sight): try sight.mean(of: item.term, reduce)
            }
          if signal.weight != 1 { value = try value * signal.weight }
          sum = try sum.map { try $0 + value } ?? value
        }
      }
      return sum.map { Contribution(name: item.term.name, value: $0, weight: weight) }
    }
  }

  /// The values of a term, which are of items where items are trusted differently.
  private func trustable(_ term: any DistillationTerm, _ sight: TermSight, _ weights: Tensor?) throws
    -> TermValues
  {
    let seen = try term.values(sight)
    guard weights == nil || seen.values.rank > 0 else {
      throw DistillationError.betweenItems(term: term.name)
    }
    return seen
  }

  /// The course of the weight of all terms, as a share of its largest: `strength` may be tuned.
  private func rampedShare(_ progress: Double) -> Double { options.weight(progress) / options.weight.most }

  /// The items that teachers are asked about, and what the student made of them.
  private func selected(_ step: Step) throws -> (batch: Batch, look: Look)? {
    let (batch, fresh) = (step.batch, step.batch.fresh)
    switch options.items {
    case .all: return (batch, step.look)
    case .fresh where fresh == batch.count: return (batch, step.look)
    case .fresh: return try select(0..<fresh, step)
    case .remembered: return fresh == batch.count ? nil : try select(fresh..<batch.count, step)
    }
  }

  private func select(_ range: Range<Int>, _ step: Step) throws -> (batch: Batch, look: Look) {
    func part(_ value: Tensor) throws -> Tensor {
      try value.narrow(dim: 0, start: range.lowerBound, count: range.count)
    }
    let look = Look(
      features: try part(step.features),
      outputs: try step.look.pieces == nil ? part(step.outputs) : step.outputs,
      taps: try step.look.taps.mapValues(part), pieces: try step.look.pieces?.items(range))
    return (try step.batch.items(range), look)
  }

  /// What a term sees of a signal.
  private enum Seen {
    case whole(TermSight)
    case inPieces(PiecewiseSight)
  }

  /// What a term sees of a signal: once, or for the units of each task by themselves.
  private func sights(
    _ term: any DistillationTerm, _ signal: TeacherSignal, _ asked: (batch: Batch, look: Look),
    _ tokens: CountedTokens, _ step: Step
  ) throws -> [Seen] {
    let learner = step.learner
    if let student = asked.look.pieces {
      let teacher = try (signal.look.pieces ?? .init(whole: signal.look.outputs)).asTeacher()
      return try alignments(of: signal, learner, byTask: true).map {
        .inPieces(
          try PiecewiseSight(
            student: tokens.rows(student), teacher: tokens.rows(teacher),
            unkept: signal.unkept.map { try tokens.rows($0) }, alignment: $0,
            places: tokens.items(places(of: asked.batch)), progress: step.progress))
      }
    }
    let pairs = try term.pairs.map {
      (student: try asked.look.value($0.student), teacher: try signal.look.value($0.teacher))
    }
    let all = try alignments(of: signal, learner, byTask: term.pairs.isEmpty)
    let unkept = try signal.unkept.map { try tokens.rows($0.whole()) }
    return try all.map { alignment in
      let outputs = try alignment.student(tokens.rows(asked.look.outputs))
      return .whole(
        TermSight(
          student: outputs,
          teacher: try alignment.teacher(tokens.rows(signal.look.outputs), beside: outputs, unkept: unkept),
          pairs: pairs, units: alignment.units,
          targets: learner.objective.isClassification ? try alignment.targets(asked.batch.targets) : nil,
          places: try tokens.items(places(of: asked.batch)), progress: step.progress))
    }
  }

  /// One alignment, or one for each task of which the teacher knows something.
  private func alignments(of signal: TeacherSignal, _ learner: Learner, byTask: Bool) throws -> [Alignment] {
    let key = Question(teacher: signal.name, byTask: byTask)
    if let known = alignments[key] { return known }
    let tasks = byTask ? learner.classes.tasks.sorted { $0.key < $1.key }.map(\.value) : []
    let groups = tasks.isEmpty ? [nil] : tasks.map(Optional.some)
    let made = try groups.map {
      try Alignment(signal.units, group: $0, outputs: learner.model.head.outputs, device: learner.device)
    }.filter { $0.count > 0 || !byTask }
    alignments[key] = made
    return made
  }

  private func places(of batch: Batch) throws -> Tensor {
    guard batch.count > batch.fresh else { return batch.places }
    guard batch.fresh > 0 else { return try Tensor.full([batch.count], -1, dtype: .int64) }
    return try Tensor.concatenate([
      batch.places.narrow(dim: 0, start: 0, count: batch.fresh),
      Tensor.full([batch.count - batch.fresh], -1, dtype: .int64),
    ])
  }
}
