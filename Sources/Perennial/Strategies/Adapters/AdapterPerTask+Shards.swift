import Torch

extension AdapterPerTask: ShardedStrategy {
  public var shards: [Shard] {
    order.tasks.enumerated().map { place, number in
      Shard(experience: number, examples: Set(seen.indices.contains(place) ? seen[place] : []))
    }
  }

  /// A row of the head is learned by the first set of adapters that has its class, and heard by those that have it later.
  public func shards(after examples: Set<Int>, _ learner: Learner) throws -> [Int]? {
    guard learner.objective.isClassification, seen.count == order.count, isApart(learner) else { return nil }
    var found = Set(seen.indices.filter { !examples.isDisjoint(with: seen[$0]) })
    // Each round may find sets that have learned beside rows of those found before.
    while true {
      let rows = Set(owners.filter { found.contains($0.value) }.keys)
      let more = found.union(units.indices.filter { !rows.isDisjoint(with: units[$0]) })
      guard more != found else {
        // All sets stand on a backbone that has learned the first.
        return options.firstSession && found.contains(0) ? nil : found.sorted()
      }
      found = more
    }
  }

  /// Whether all that learns is adapters and rows of the head, one for each unit.
  private func isApart(_ learner: Learner) -> Bool {
    let outputs = learner.model.head.outputs
    return learner.model.parameters.allSatisfy { _, parameter in
      switch parameter.kind {
      case .adapter: true
      case .head: parameter.value.shape.first == outputs
      default: !parameter.isTrainable
      }
    }
  }

  public func clear(_ places: Set<Int>, _ learner: Learner) throws {
    guard !places.isEmpty else { return }
    try shelf(learner).renew(places, learner.random.stream("adapters"))
    let rows = Set(owners.filter { places.contains($0.value) }.keys)
    try redraw(rows, learner)
    owners = owners.filter { !places.contains($0.value) }
    for place in places {
      units[place] = []
      seen[place] = []
    }
    let kept = sets.indices.filter { !places.contains(sets[$0]) }
    means = try kept.isEmpty ? nil : means.map { try $0.indexSelect(Tensor(kept).to(learner.device)) }
    sets = kept.map { sets[$0] }
    // What was held, and moments of rows that rest, tell of what they were.
    held = HeldWeights()
    try learner.parametersChanged()
    learner.optimizer.reset()
  }

  /// Draws rows of the head afresh; nothing is added, or subtracted, for a class that nobody has learned.
  private func redraw(_ rows: Set<Int>, _ learner: Learner) throws {
    guard !rows.isEmpty else { return }
    let generator = try learner.random.stream("head")
    try noGrad {
      for case (_, let parameter) in learner.model.parameters where parameter.kind == .head {
        let value = parameter.value
        let shape = [rows.count] + value.shape.dropFirst()
        let bound = 1 / Double(max(value.shape.dropFirst().reduce(1, *), 1)).squareRoot()
        let fresh =
          value.rank > 1
          ? try Initializer.uniform(shape, -bound, bound, generator) : try Tensor.zeros(shape)
        try value.indexCopy(
          Tensor(rows.sorted()).to(value.device), from: fresh.to(value.dtype).to(value.device))
      }
    }
  }
}
