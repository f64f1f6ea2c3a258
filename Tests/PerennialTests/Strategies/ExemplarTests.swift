import Testing
import Torch

@testable import Perennial

@Suite struct ExemplarMeansTests {
  /// A mean of zeros is nearer to a feature than a mean more than 60° away: it must not take part.
  @Test func aClassWithoutExamplesAttractsNothing() throws {
    let means = try ExemplarMeans(
      Tensor([Float(1), 0], shape: [1, 2]), units: Tensor([0]), outputs: 2)
    let answer = try means(Tensor([Float(0), 3], shape: [1, 2])).floats()
    #expect(abs(answer[0] + 2) < 1e-6)
    #expect(answer[1] == -.infinity)
  }

  @Test func featuresAndMeansHaveLengthOne() throws {
    let means = try ExemplarMeans(
      Tensor([Float(5), 0, 0, 0.1, -1, 0], shape: [3, 2]), units: Tensor([0, 0, 1]), outputs: 2)
    // The first mean is at 45°; with lengths kept it would be at 1°.
    let answer = try means(Tensor([Float(2), 2], shape: [1, 2])).floats()
    #expect(abs(answer[0]) < 1e-5)
    #expect(abs(Double(answer[1]) + 2 + 2.0.squareRoot()) < 1e-5)
  }

  @Test func theAnswerIsTheNearestMeanOfWhatReplayKeeps() throws {
    let stream = try Setting.plain.stream()
    let replay = Method.replay { ($0.policy, $0.insert) = (.classBalanced, .end) }
    let learner = try Setting.plain.learner([replay, NearestMeanExemplars()], stream: stream)
    let inputs = try stream.test(0).inputs
    for index in 0..<stream.count {
      try learner.begin(stream.experience(index))
      while let session = learner.session, !session.isDone {
        try learner.step()
        _ = try learner.predict(inputs)  // means of now must not be kept
      }
      try learner.end()
      let kept = try #require(try replay.memory?.examples)
      let answer = try learner.predict(inputs)
      let rows = try learner.model.features(inputs)
      let remembered = try learner.model.features(kept.inputs)
      let units = try kept.targets.integers()
      for item in 0..<inputs.shape[0] {
        var best = (unit: -1, distance: Double.infinity)
        for unit in 0..<learner.classes.count {
          let places = units.indices.filter { units[$0] == unit }
          let own = try remembered.indexSelect(Tensor(places))
          let mean = try (own / own.norm([1], keepDims: true)).mean([0])
          let (row, centre) = (try rows[item], try mean / mean.norm())
          let distance = try (row / row.norm() - centre).norm().item()
          if distance < best.distance { best = (unit, distance) }
        }
        #expect(try answer[item].argmax(0).itemInt() == best.unit)
      }
    }
  }

  @Test func itNeedsReplayBesideIt() throws {
    func facts(_ strategies: [String]) -> StreamFacts {
      StreamFacts(classes: 4, experiences: 2, scenario: .classIncremental, strategies: strategies)
    }
    #expect(throws: StrategyError.needs("nearest-mean-exemplars", "replay")) {
      try NearestMeanExemplars().check(facts(["nearest-mean-exemplars"]))
    }
    try NearestMeanExemplars().check(facts(["replay", "nearest-mean-exemplars"]))
  }
}

/// Memories that are no part of a replay strategy give up what later versions take the place of, before they are learned
/// from again.
@Suite struct WithdrawnExemplarTests {
  @Test(arguments: ["gdumb", "icarl"]) func whatNoLongerHoldsIsNotLearnedAgain(name: String) throws {
    let stream = try ReplacedExampleTests.stream()
    let learner = try Learner(
      .tiny(inputs: 4), optimizer: Adam(learningRate: 0.01),
      strategies: [StrategyRegistry.make(Selection(name))],
      options: TrainingOptions(batch: 4, length: .epochs(1)), pipeline: stream.pipeline, seed: 4)
    // The identifiers that each experience may learn: its own, and what still holds of those before.
    for (index, holds) in [[0, 1, 7], [2, 3, 4, 7], [3, 4, 5, 6, 7]].enumerated() {
      try learner.begin(stream.experience(index))
      let session = try #require(learner.session)
      #expect(try session.examples.identifiers.integers().sorted() == holds, "\(name), version \(index)")
      while let session = learner.session, !session.isDone { try learner.step() }
      try learner.end()
    }
  }
}

@Suite struct GreedyDumbLearnerTests {
  /// ⌈memory / classes⌉ of each class would be more than there is room for.
  @Test func theBudgetHoldsAndIsShared() throws {
    let stream = try Setting.plain.stream()
    let gdumb = Method.gdumb(memory: 13)
    let learner = try Setting.plain.learner([gdumb], stream: stream)
    for index in 0..<stream.count {
      try learner.learn(stream.experience(index))
      let labels = try #require(try gdumb.memory?.examples).targets.integers()
      let counts = Dictionary(grouping: labels, by: { $0 }).mapValues(\.count)
      #expect(labels.count <= 13)
      #expect(counts.count == 2 * (index + 1))
      #expect(
        counts.values.allSatisfy { $0 >= 13 / counts.count && $0 <= 13 / counts.count + (index == 0 ? 1 : 3) }
      )
    }
  }

  @Test func onlyTheMemoryIsTrainedOnAndFromFreshWeights() throws {
    let stream = try Setting.plain.stream()
    let gdumb = Method.gdumb(memory: 12)
    let spy = Spy { step in
      let kept = try Set(#require(try gdumb.memory?.examples).identifiers.integers())
      let used = try step.batch.source.identifiers.indexSelect(step.batch.places).integers()
      #expect(kept.isSuperset(of: used))
    }
    let learner = try Setting.plain.learner([gdumb, spy], stream: stream)
    try learner.learn(stream.experience(0))
    let learned = try learner.weights()
    try learner.begin(stream.experience(1))
    let fresh = try learner.weights()
    #expect(fresh["hidden.weight"] != learned["hidden.weight"])
    #expect(learner.model.head.outputs == 4)
    #expect(learner.session?.examples.count == 12)
    while let session = learner.session, !session.isDone { try learner.step() }
    try learner.end()
    #expect(spy.places.count == 4)
  }

  @Test func itIsRefusedWhereItCannotServe() {
    let facts = StreamFacts(
      classes: 10, experiences: 5, scenario: .classIncremental, strategies: ["gdumb", "replay"])
    #expect(throws: StrategyError.memoryTooSmall(memory: 9, classes: 10)) {
      try Method.gdumb(memory: 9).check(facts)
    }
    #expect(throws: StrategyError.self) { try Method.gdumb(memory: 100).check(facts) }
  }
}

@Suite struct ContrastAndPrototypeTests {
  @Test func theContrastiveLossIsTheOneOfPyTorch() throws {
    let golden = try GoldenTensors("generative")
    let embeddings = try golden["supcon/embeddings"].clone()
    try embeddings.setRequiresGrad(true)
    let loss = try SupervisedContrastiveReplay.loss(embeddings, golden["supcon/units"], temperature: 0.07)
    expectNear(loss, try golden["supcon/loss"], relative: 2e-5)
    try loss.backward()
    expectNear(try #require(try embeddings.gradient), try golden["supcon/gradient"], relative: 5e-5)
  }

  @Test func withoutACompanionThereIsNothingToContrast() throws {
    let loss = try SupervisedContrastiveReplay.loss(
      Tensor.normal([3, 4], Generator(seed: 1)), Tensor([0, 1, 2]), temperature: 0.07)
    #expect(try loss.item() == 0)
  }

  @Test func thePrototypeLossIsTheOneOfPyTorch() throws {
    let golden = try GoldenTensors("generative")
    let embeddings = try golden["ppp/embeddings"].clone()
    try embeddings.setRequiresGrad(true)
    let loss = try ContinualPrototypeEvolution.loss(
      embeddings.unitRows(), golden["ppp/units"], prototypes: golden["ppp/prototypes"],
      known: Tensor.ones([4]), temperature: 0.1)
    expectNear(loss, try golden["ppp/loss"], relative: 2e-5)
    try loss.backward()
    expectNear(try #require(try embeddings.gradient), try golden["ppp/gradient"], relative: 5e-5)
  }

  /// A unit never met is no other class to stay away from.
  @Test func unknownUnitsTakeNoPart() throws {
    let golden = try GoldenTensors("generative")
    let rows = try golden["ppp/embeddings"].unitRows()
    let prototypes = try golden["ppp/prototypes"]
    func loss(_ prototypes: Tensor, _ known: [Float]) throws -> Double {
      try ContinualPrototypeEvolution.loss(
        rows, golden["ppp/units"], prototypes: prototypes, known: Tensor(known), temperature: 0.1
      ).item()
    }
    let three = try loss(prototypes[0..<3], [1, 1, 1])
    let zeros = try Tensor.concatenate([prototypes[0..<3], Tensor.zeros([1, 6])])
    expectNear(try loss(zeros, [1, 1, 1, 0]), three, within: 1e-5)
    #expect(abs(try loss(zeros, [1, 1, 1, 1]) - three) > 1e-3)
  }

  @Test func prototypesFollowSlowlyAndHaveLengthOne() throws {
    let stream = try Setting.plain.stream()
    let cope = Method.cope()
    var before: Tensor?
    let spy = Spy { step in
      let now = try #require(cope.prototypes)
      let lengths = try now.norm([1]).floats()
      #expect(lengths.allSatisfy { abs($0 - 1) < 1e-5 || $0 == 0 })
      if let before, before.shape == now.shape, try before.abs().sum([1]).amin([]).item() > 0 {
        let moved = try (now - before).norm([1]).amax([]).item()
        #expect(moved > 0 && moved < 0.03, "a hundredth of the way to a mean of length 1")
      }
      before = try now.clone()
    }
    let learner = try Setting.plain.learner([cope, spy], stream: stream)
    try learner.learn(stream)
  }

  @Test(arguments: ["cope", "scr"])
  func classesNeverMetAreNeverAnswered(name: String) throws {
    let stream = try Setting.plain.stream()
    let strategy: any Strategy = name == "cope" ? Method.cope() : Method.scr()
    let learner = try Setting.plain.learner([strategy], stream: stream)
    try learner.learn(stream, 1)
    try learner.begin(stream.experience(1))
    let answer = try learner.predict(stream.test(1).inputs)
    #expect(answer.shape[1] == (name == "cope" ? 2 : 4))
    #expect(try answer.argmax(1).integers().allSatisfy { $0 < 2 })
  }

  /// With random changes every item takes part twice, each view changed by itself.
  @Test func randomChangesGiveASecondView() throws {
    for setting in [Setting.plain, .adamAugmented] {
      let views = setting == .plain ? 1 : 2
      let stream = try setting.stream()
      let spy = Spy { step in
        let fresh = step.batch.fresh
        #expect(
          step.batch.count == views * (fresh + (step.number == 0 && step.learner.totalSteps == 0 ? 0 : 6)))
        guard views == 2 else { return }
        let (one, two) = try (step.batch.inputs[0..<fresh], step.batch.inputs[fresh..<(2 * fresh)])
        #expect(try !one.equals(two))
        #expect(try step.batch.targets[0..<fresh].equals(step.batch.targets[fresh..<(2 * fresh)]))
      }
      let learner = try setting.learner([Method.scr(), spy], stream: stream)
      try learner.learn(stream, 2)
    }
  }
}

@Suite struct LatentReplayTests {
  static func learner(_ slowdown: Double) throws -> (Learner, LatentReplay, Perennial.Stream) {
    let stream = try Setting.adamAugmented.stream()
    let replay = Method.latentReplay { $0.slowdown = slowdown }
    return (try Setting.adamAugmented.learner([replay], stream: stream), replay, stream)
  }

  @Test func lowerLayersAreHeldAfterTheFirstExperience() throws {
    let (learner, _, stream) = try Self.learner(0)
    let start = try learner.weights()
    try learner.learn(stream.experience(0))
    let first = try learner.weights()
    #expect(first["hidden.weight"] != start["hidden.weight"])
    try learner.learn(stream.experience(1))
    let second = try learner.weights()
    #expect(second["hidden.weight"] == first["hidden.weight"])
    #expect(second["hidden.bias"] == first["hidden.bias"])
    #expect(second["head.weight"] != first["head.weight"])
  }

  /// Also with Adam, whose step does not depend on the gradient's size.
  @Test func slowedLayersTakeTheirShareOfTheStep() throws {
    func moved(_ slowdown: Double) throws -> Double {
      let (learner, _, stream) = try Self.learner(slowdown)
      try learner.learn(stream.experience(0))
      try learner.begin(stream.experience(1))
      let before = try learner.vector.snapshot()
      try learner.step()
      let slot = try #require(learner.vector.layout.slots.first { $0.path == "hidden.weight" })
      return try learner.vector.layout.view(slot, of: learner.vector.values - before).norm().item()
    }
    let whole = try moved(1)
    expectNear(try moved(0.25) / whole, 0.25, within: 1e-4)
  }

  @Test func activationsAreKeptInPlaceOfInputs() throws {
    let (learner, replay, stream) = try Self.learner(0)
    try learner.learn(stream, 1)
    let kept = try #require(try replay.memory?.examples)
    #expect(kept.inputs.shape == [13, 16])
    let places = try kept.identifiers.integers()
    let examples = try stream.experience(0).examples
    let own = try examples.identifiers.integers()
    let rows = try Tensor(places.map { try #require(own.firstIndex(of: $0)) })
    expectNear(kept.inputs, try learner.model.features(examples.inputs.indexSelect(rows)))
  }

  @Test func aStageThatIsNotThereIsNamed() throws {
    let stream = try Setting.plain.stream()
    let learner = try Setting.plain.learner([Method.latentReplay { $0.after = 4 }], stream: stream)
    #expect(throws: StrategyError.self) { try learner.begin(stream.experience(0)) }
  }
}
