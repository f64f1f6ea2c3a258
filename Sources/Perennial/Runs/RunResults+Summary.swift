extension RunResults {
  /// The names of the strategies, each once, in the order of the runs.
  public var strategies: [String] {
    var seen: Set<String> = []
    return runs.map(\.strategy).filter { seen.insert($0).inserted }
  }

  /// The runs of one strategy, in the order of the file.
  public func runs(of strategy: String) -> [Run] { runs.filter { $0.strategy == strategy } }

  /// The seeds that any strategy ran with, ascending.
  public var seeds: [Int] { Set(runs.map(\.seed)).sorted() }

  /// What the scores are, where they are no accuracies.
  public var scoreKind: ScoreKind? { runs.lazy.compactMap(\.scoreKind).first }

  /// Mean and spread of a metric over a strategy's seeds; nil when it is undefined in all of them.
  public func statistic(_ metric: MetricName, of strategy: String) -> Statistic? {
    Statistic(runs(of: strategy).compactMap { $0.metrics[metric] })
  }

  /// Mean and spread of a cost over a strategy's seeds, such as `\.trainingSeconds`.
  public func statistic(_ cost: (LearningCost) -> Double, of strategy: String) -> Statistic? {
    Statistic(runs(of: strategy).map { cost($0.cost) })
  }

  /// Names of all metrics that some run has a value for, standard ones first.
  public var measuredMetrics: [MetricName] {
    let names = runs.flatMap { run in run.metrics.names.filter { run.metrics[$0] != nil } }
    return Set(names).sorted(by: MetricName.precedes)
  }

  /// Mean and spread of every cell of the accuracy matrix over a strategy's seeds: rows of columns.
  ///
  /// Empty when its seeds have matrices of different shape.
  public func matrixStatistics(of strategy: String) -> [[Statistic]] {
    let matrices = runs(of: strategy).map(\.matrix)
    guard let first = matrices.first, matrices.allSatisfy({ $0.map(\.count) == first.map(\.count) }) else {
      return []
    }
    return first.indices.map { i in
      first[i].indices.compactMap { j in Statistic(matrices.map { $0[i][j] }) }
    }
  }

  /// Mean and spread of a value computed from each of a strategy's accuracy matrices, such as its curve.
  ///
  /// The lists that `value` returns are combined place by place; places that not every seed has are left out.
  public func statistics(of strategy: String, _ value: (AccuracyMatrix) -> [Double]) -> [Statistic] {
    let lists = runs(of: strategy).compactMap { try? value(AccuracyMatrix(scores: $0.matrix)) }
    let count = lists.map(\.count).min() ?? 0
    return (0..<count).compactMap { place in Statistic(lists.map { $0[place] }) }
  }

  /// Fills every run's intransigence from the runs of the strategy called `reference`, the joint upper bound.
  ///
  /// A run is held against the reference of its own seed, or against the mean over seeds where there is none.
  public mutating func measureIntransigence(against reference: String) {
    let references = runs(of: reference).compactMap { run in
      (try? AccuracyMatrix(scores: run.matrix).jointReference).map { (seed: run.seed, scores: $0) }
    }
    guard let columns = references.map(\.scores.count).min(), columns > 0 else { return }
    let average = (0..<columns).compactMap { j in references.map { $0.scores[j] }.mean }
    for index in runs.indices {
      let joint = references.first { $0.seed == runs[index].seed }?.scores ?? average
      let record = try? AccuracyMatrix(scores: runs[index].matrix)
      runs[index].metrics[.intransigence] = record?.intransigence(joint: joint)
    }
  }
}

/// The `summary` of `results.json`: strategy, then metric, then mean and spread.
struct Summary: Encodable {
  let strategies: [(name: String, metrics: [(name: MetricName, value: Statistic)])]

  init(of results: RunResults) {
    let metrics = results.measuredMetrics
    strategies = results.strategies.map { strategy in
      (strategy, metrics.compactMap { name in results.statistic(name, of: strategy).map { (name, $0) } })
    }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: AnyKey.self)
    for (strategy, metrics) in strategies {
      var nested = container.nestedContainer(keyedBy: AnyKey.self, forKey: AnyKey(strategy))
      for (name, value) in metrics { try nested.encode(value, forKey: AnyKey(name.rawValue)) }
    }
  }
}
