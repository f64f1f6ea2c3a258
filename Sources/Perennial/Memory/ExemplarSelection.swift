import Torch

/// Which examples of a class are worth keeping.
public enum ExemplarSelection: String, CaseIterable, Codable, Sendable {
  /// Any.
  case random
  /// Those whose mean feature stays nearest to that of the class, one after the other (Welling 2009; Rebuffi et al.
  /// 2017, algorithm 4).
  case herding
  /// Those the model is least sure of (Chaudhry et al. 2018).
  case entropy
  /// Those nearest to the decision boundary: the smallest output of their own class (Chaudhry et al. 2018).
  case distance

  /// Whether the choice needs class labels.
  var needsClasses: Bool { self == .entropy || self == .distance }

  /// The `count` best of the examples at `places`, the best first.
  func choose(_ count: Int, of examples: Examples, _ places: [Int], task: Int?, _ learner: Learner) throws
    -> [Int]
  {
    let count = min(count, places.count)
    let order: [Int]
    if self == .random {
      order = try Tensor.permutation(places.count, learner.random.stream("selection")).integers()
    } else {
      let (features, scores) = try look(at: examples, places, task: task, learner)
      order =
        try self == .herding
        ? Self.herding(features, count: count) : scores.argsort(0, descending: self == .entropy).integers()
    }
    return order.prefix(count).map { places[$0] }
  }

  /// Features `[n, D]` of norm 1, and the score `[n]` of this way of choosing.
  private func look(at examples: Examples, _ places: [Int], task: Int?, _ learner: Learner) throws
    -> (features: Tensor, scores: Tensor)
  {
    var (features, scores): ([Tensor], [Tensor]) = ([], [])
    try learner.asking(task: task) {
      for start in stride(from: 0, to: places.count, by: 256) {
        let piece = try Tensor(Array(places[start..<min(start + 256, places.count)]))
        let batch = try learner.batch(of: examples, piece, task: task, isAugmented: false)
        let rows = try learner.model.features(batch.inputs)
        features.append(try rows.unitRows())
        guard needsClasses else { continue }
        let outputs = try learner.mask(learner.model.head(rows), batch)
        if self == .distance {
          scores.append(try outputs.gather(batch.targets.unsqueeze(1), dim: 1).squeeze(1))
        } else {
          let p = try outputs.softmax()
          scores.append(try -(p * p.clamp(min: 1e-30).log()).sum([1]))
        }
      }
    }
    return (
      try Tensor.concatenate(features), try scores.isEmpty ? Tensor.zeros([0]) : Tensor.concatenate(scores)
    )
  }

  /// Herding: the k-th choice x is argmin ‖μ − (φ(x) + Σ φ(chosen)) / k‖ among those not chosen yet.
  static func herding(_ features: Tensor, count: Int) throws -> [Int] {
    try noGrad {
      let features = try features.to(.float64)
      let mean = try features.mean([0])
      var sum = try mean.zerosLike()
      // ‖kμ − Σ − φ‖² without the part that all share; infinite for what is chosen.
      let own = try features.square().sum([1])
      return try (1...max(count, 1)).prefix(count).map { k in
        let chosen = try (own - features.matmul(mean * k - sum) * 2).argmin(0).itemInt()
        try own[chosen].fill(Double.infinity)
        sum = try sum + features[chosen]
        return chosen
      }
    }
  }
}

extension ReplayMemory {
  /// Makes room for a session's examples and keeps the best: an equal share of every class of every experience.
  func admit(_ session: Session, by selection: ExemplarSelection, _ learner: Learner) throws {
    try admit(
      session.examples, experience: session.experience.index, task: session.task, by: selection, learner)
  }

  /// Makes room for examples and keeps the best: an equal share of every class of every experience.
  ///
  /// Each group is kept in the order of choice, so that a smaller share is its beginning.
  ///
  /// - Parameters:
  ///   - examples: targets as output units.
  ///   - task: the task that all share.
  ///   - perGroup: the share of each class of each experience, for a memory that grows with them.
  func admit(
    _ examples: Examples, experience index: Int, task: Int?, by selection: ExemplarSelection,
    _ learner: Learner, perGroup: Int? = nil
  ) throws {
    struct Group: Hashable { let experience, unit: Int }
    let isByClass = learner.objective.isClassification
    func groups(_ targets: Tensor, _ experiences: [Int]) throws -> [(group: Group, places: [Int])] {
      let units = try isByClass ? targets.integers() : [Int](repeating: 0, count: experiences.count)
      var (members, order): ([Group: [Int]], [Group]) = ([:], [])
      for (place, group) in zip(experiences, units).map(Group.init).enumerated() {
        if members[group] == nil { order.append(group) }
        members[group, default: []].append(place)
      }
      return order.map { ($0, members[$0] ?? []) }
    }
    let kept = try self.examples
    let old = try kept.map { try groups($0.targets, experiences()) } ?? []
    let new = try groups(examples.targets, [Int](repeating: index, count: examples.count))
      .sorted { $0.group.unit < $1.group.unit }
    let total = old.count + new.count
    let room = perGroup.map { $0 * total } ?? capacity
    func share(_ number: Int) -> Int { room / total + (number < room % total ? 1 : 0) }
    var parts: [(examples: Examples, experience: Int)] = []
    for (number, entry) in old.enumerated() {
      guard let kept else { continue }
      parts.append((try kept.select(Array(entry.places.prefix(share(number)))), entry.group.experience))
    }
    for (number, entry) in new.enumerated() {
      let chosen = try selection.choose(
        share(old.count + number), of: examples, entry.places, task: task, learner)
      parts.append((try examples.select(chosen), index))
    }
    try replace(with: parts, capacity: room)
  }
}
