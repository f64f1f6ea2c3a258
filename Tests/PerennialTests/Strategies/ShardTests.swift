import Testing
import Torch

@testable import Perennial

/// What is learned apart can be taken away, and nothing tells that it was there.
@Suite struct ShardTests {
  private func stream(_ classes: Int = 6) throws -> Perennial.Stream {
    try Clusters(classes: classes, perClass: 20, width: 8, spread: 0.3).stream()
  }

  private func learner(_ stream: Perennial.Stream) throws -> Learner {
    try Learner(
      .tiny(), optimizer: Adam(learningRate: 0.02), strategies: [AdapterPerTask()],
      options: TrainingOptions(batch: 8, length: .epochs(20)), pipeline: stream.pipeline, seed: 7)
  }

  /// An experience without one of its examples.
  private func without(_ place: Int, _ experience: Experience) throws -> Experience {
    let kept = try Tensor((0..<experience.examples.count).filter { $0 != place })
    return try Experience(
      index: experience.index, name: experience.name, examples: experience.examples.select(kept))
  }

  /// Two models that differ by an example of the second experience are the same, bit for bit, once that is cleared: what the
  /// third learned does not depend on it, and no trace of it is left in weights, moments or means.
  @Test func whatIsClearedIsAsIfItHadBeenAnother() throws {
    let stream = try stream()
    let states = try [0, 7].map { place in
      let learner = try learner(stream)
      for index in 0..<3 {
        let experience = try stream.experience(index)
        try learner.learn(index == 1 ? without(place, experience) : experience)
      }
      let strategy = try #require(learner.sharded)
      let gone = try stream.experience(1).examples.identifiers.integers()[place == 0 ? 7 : 0]
      #expect(try strategy.shards(after: [gone], learner) == [1])
      let before = try learner.state()
      try strategy.clear([1], learner)
      #expect(strategy.shards.map(\.examples.isEmpty) == [false, true, false])
      let after = try learner.state()
      for (path, tensor) in before.tensors where path.hasPrefix("model/lora-per-task.") {
        let isSame = try after.requireTensor(path).data() == tensor.data()
        #expect(isSame != path.hasPrefix("model/lora-per-task.1."), "\(path)")
      }
      return after
    }
    #expect(states[0].tensors.keys == states[1].tensors.keys)
    for (path, tensor) in states[0].tensors {
      #expect(try states[1].requireTensor(path).data() == tensor.data(), "\(path)")
    }
    #expect(states[0].values == states[1].values)
  }

  @Test func whatWasClearedIsLearnedAgainBesideTheOthers() throws {
    let stream = try stream()
    let learner = try learner(stream)
    for index in 0..<3 { try learner.learn(stream.experience(index)) }
    let strategy = try #require(learner.sharded)
    try strategy.clear([1], learner)
    #expect(try AdapterStrategyTests.accuracy(learner, stream) < 0.7)
    let before = try learner.state()
    try learner.learn(stream.experience(1))
    let after = try learner.state()
    for (path, tensor) in before.tensors where path.hasPrefix("model/lora-per-task.") {
      let isSame = try after.requireTensor(path).data() == tensor.data()
      if !path.hasPrefix("model/lora-per-task.1.") { #expect(isSame, "\(path)") }
    }
    #expect(strategy.shards.count == 3)
    #expect(try AdapterStrategyTests.accuracy(learner, stream) > 0.9)
    // A further one of a number that was learned has adapters of its own.
    try learner.learn(stream.experience(0))
    #expect(strategy.shards.map(\.experience) == [0, 1, 2, 3])
  }

  /// Who learned beside a row of the head that another learned depends on it, and who learned beside that one too.
  @Test func whatWasLearnedOnTopGoesToo() throws {
    let stream = try stream(8)
    let learner = try learner(stream)
    func pairs(_ labels: [Int], _ index: Int) throws -> Experience {
      let parts = try (0..<stream.count).map { try stream.experience($0).examples }
      let all = try Examples.concatenate(parts)
      let own = try all.targets.integers().enumerated().filter { labels.contains($0.element) }.map(\.offset)
      return try Experience(index: index, name: "\(labels)", examples: all.select(Tensor(own)))
    }
    for (index, labels) in [[0, 1], [1, 2], [2, 3], [4, 5]].enumerated() {
      try learner.learn(pairs(labels, index))
    }
    let strategy = try #require(learner.sharded)
    func after(_ label: Int) throws -> [Int]? {
      let one = try pairs([label], 0).examples.identifiers.integers()[0]
      return try strategy.shards(after: [one], learner)
    }
    #expect(try after(0) == [0, 1, 2] && after(3) == [2] && after(5) == [3])
    #expect(try strategy.shards(after: [], learner) == [])
  }
}
