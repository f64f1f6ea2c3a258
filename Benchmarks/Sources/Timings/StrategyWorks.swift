import Perennial
import Torch

nonisolated(unsafe) let strategyWorks: KeyValuePairs<String, () throws -> Work> = [
  "si": { try thirdExperience([SynapticIntelligence(.with { $0.strength = 1 })]) },
  "a-gem": {
    try thirdExperience([AveragedGradientEpisodicMemory(.with { ($0.memory, $0.batch) = (500, 64) })])
  },
  "der": {
    try thirdExperience([
      DarkExperienceReplay(DarkExperienceReplay.Options.with { ($0.memory, $0.alpha) = (1000, 0.1) })
    ])
  },
  "der++": {
    try thirdExperience([DarkExperienceReplay(DarkExperienceReplay.PlusOptions.with { $0.memory = 1000 })])
  },
  "gem": { try thirdExperience([GradientEpisodicMemory(.with { $0.memory = 500 })]) },
  "mir": {
    try thirdExperience([
      MaximallyInterferedRetrieval(.with { ($0.memory, $0.candidates, $0.batch) = (1000, 200, 64) })
    ])
  },
  "gem-20": { try projection(after: 20) },
  "gem-20-passes": { try passes(20, of: 50) },
  "fisher-12000": { try fisher(12_000) },
]

extension Configurable {
  /// The defaults but for what `change` says.
  static func with(_ change: (inout Self) -> Void) -> Self {
    var options = Self()
    change(&options)
    return options
  }
}

/// A step of GEM that must harm none of so many experiences, with 50 remembered items of each.
private func projection(after count: Int) throws -> Work {
  let gem = GradientEpisodicMemory(.with { $0.memory = 50 * count })
  let learner = try learner(hidden: [256, 256], batch: 64, rate: 0.01, [gem], steps: 1)
  let data = try randomDigits(count: 1280, labels: 0..<10)
  for index in 0..<count { try learner.learn(Experience(index: index, name: "\(index)", examples: data)) }
  try learner.begin(Experience(index: count, name: "last", examples: data))
  return { steps in
    let start = ContinuousClock.now
    for _ in 0..<steps {
      // An experience is one step long here, so that twenty of them are learned at once.
      if learner.session?.isDone == true {
        try learner.begin(Experience(index: count, name: "last", examples: data))
      }
      try learner.step()
    }
    return ["seconds": (ContinuousClock.now - start) / .seconds(1)]
  }
}

/// A plain step, and the gradients of so many batches: what GEM cannot do without.
private func passes(_ count: Int, of items: Int) throws -> Work {
  let learner = try learner(hidden: [256, 256], batch: 64, rate: 0.01, [])
  let data = try randomDigits(count: 1280, labels: 0..<10)
  try learner.begin(Experience(index: 0, name: "all", examples: data))
  let batch = try learner.batch(of: data, Tensor.arange(0, items), isAugmented: false)
  let rows = try Tensor.zeros([count, learner.vector.count])
  return { steps in
    let start = ContinuousClock.now
    for _ in 0..<steps {
      try learner.step()
      try learner.vector.gradients(into: rows) { _ in try learner.loss(learner.model(batch.inputs), batch) }
    }
    return ["seconds": (ContinuousClock.now - start) / .seconds(1)]
  }
}

/// The end of an experience of so many examples under EWC: the exact Fisher information of all of them.
private func fisher(_ count: Int) throws -> Work {
  let learner = try learner(
    hidden: [400, 400], batch: 64, rate: 0.01, [ElasticWeightConsolidation(lambda: 1)], steps: 1)
  let data = try randomDigits(count: count, labels: 0..<10)
  return { steps in
    var seconds = 0.0
    for index in 0..<steps {
      try learner.begin(Experience(index: index, name: "\(index)", examples: data))
      try learner.step()
      let start = ContinuousClock.now
      try learner.end()
      seconds += (ContinuousClock.now - start) / .seconds(1)
    }
    return ["seconds": seconds]
  }
}
