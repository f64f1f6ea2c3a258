import Testing
import Torch

@testable import Perennial

/// Mistakes of other systems, and what is easily done wrong, each as a test that fails when we make it too.
@Suite struct ClassIncrementalMistakesTests {
  /// A run whose every step, and the state before every experience's end, is looked at.
  static func run(
    _ strategy: any Strategy, _ setting: Setting, look: @escaping (Step) throws -> Void = { _ in },
    atEnd: (Int, Learner) throws -> Void = { _, _ in }, after: (Int, Learner) throws -> Void = { _, _ in }
  ) throws {
    let stream = try setting.stream()
    let learner = try setting.learner([strategy, Spy(look)], stream: stream)
    for index in 0..<stream.count {
      try learner.begin(stream.experience(index))
      while let session = learner.session, !session.isDone { try learner.step() }
      try atEnd(index, learner)
      try learner.end()
      try after(index, learner)
    }
  }

  // MARK: - LwM

  /// FACIL detaches the activations and works without gradient, so that LwM is LwF (FACIL#9, #37).
  @Test func facilSendsNoGradientThroughTheMaps() throws {
    let slopes = try ClassIncrementalLossTests.expectGolden(
      "attention", ["map", "weight"], ClassIncrementalLossTests.attention)
    #expect(slopes.count == 2)
    for slope in slopes.values { #expect(try slope.abs().amax([]).item() > 1e-3) }
    func weights(_ gamma: Double) throws -> [String: [UInt8]] {
      try StrategyLawTests.train(Method("lwm") { [Method.lwm { $0.gamma = gamma }] }, .images).0.weights()
    }
    let (with, without) = (try weights(1), try weights(0))
    #expect(with["conv.weight"] != without["conv.weight"])
  }

  /// The zoo of distillation multiplies the weights by slopes in place of activations (Knowledge-Distillation-Zoo#16).
  @Test func theZooWeighsSlopes() throws {
    let golden = try GoldenTensors("class_incremental")
    let wrong = try golden["attention_of_slopes/value"].item()
    let right = try ClassIncrementalLossTests.attention(golden.all("attention")).item()
    #expect(abs(wrong - right) > 0.05)
  }

  /// A map that finds nothing has no direction: its distance and slopes stay numbers.
  @Test func mapsOfZerosAreNoNumbers() throws {
    let zero = try Tensor.zeros([2, 6])
    try zero.setRequiresGrad(true)
    let value = try AttentionMaps.distances(student: zero.relu(), teacher: Tensor.ones([2, 6])).sum()
    #expect(try value.item().isFinite)
    #expect(try gradients(of: value, withRespectTo: [zero])[0].floats().allSatisfy { $0 == 0 })
  }

  // MARK: - iCaRL

  /// Old units follow the past self for exemplars too, whatever their label: no pull towards the label of an exemplar.
  @Test func labelsOfExemplarsAreTargetsOfOldUnits() throws {
    let outputs = try Tensor.normal([4, 5], Generator(seed: 2))
    try outputs.setRequiresGrad(true)
    let past = try outputs.detach().narrow(dim: 1, start: 0, count: 3)
    let loss = try SigmoidDistillation.values(outputs, units: Tensor([0, 1, 2, 4]), teacher: past).sum()
    let slopes = try gradients(of: loss, withRespectTo: [outputs])[0]
    #expect(try slopes.narrow(dim: 1, start: 0, count: 3).abs().amax([]).item() < 1e-6)
    #expect(try slopes.narrow(dim: 1, start: 3, count: 2).abs().amin([]).item() > 0.01)
  }

  /// Means are those of the exemplars under the model as it is now, each feature and each mean of length 1, of the pictures
  /// as they are: neither changed at random nor averaged with their mirror images, of which the paper says nothing.
  @Test func meansAreOfThePastOrOfChangedPictures() throws {
    let strategy = Method.iCaRL()
    let inputs = try Setting.adamAugmented.stream().test(0).inputs
    func check(_ learner: Learner) throws {
      guard let kept = try strategy.exemplars.examples else { return }
      let answer = try learner.predict(inputs)
      let (rows, remembered) = try learner.asking(task: nil) {
        (try learner.model.features(inputs).unitRows(), try learner.model.features(kept.inputs).unitRows())
      }
      let units = try kept.targets.integers()
      for unit in Set(units) {
        let own = try remembered.indexSelect(Tensor(units.indices.filter { units[$0] == unit }))
        let mean = try own.mean([0], keepDims: true).unitRows()
        let expected = try -(rows - mean).square().sum([1])
        let column = try answer.select(unit, dim: 1)
        #expect(try (column - expected).abs().amax([]).item() < 1e-4)
      }
    }
    try Self.run(
      strategy, .adamAugmented,
      look: { step in if step.number % 2 == 0 { try check(step.learner) } },
      after: { _, learner in try check(learner) })
  }

  /// A class that shrinks keeps those that were chosen first.
  @Test func exemplarsAreChosenAnewAsTheMemoryShrinks() throws {
    let strategy = Method.iCaRL { $0.memory = 12 }
    var first: [[Int]] = []
    try Self.run(
      strategy, .plain,
      after: { index, _ in
        let kept = try #require(try strategy.exemplars.examples)
        let (units, identifiers) = (try kept.targets.integers(), try kept.identifiers.integers())
        let now = (0..<2).map { unit in zip(units, identifiers).filter { $0.0 == unit }.map(\.1) }
        if index == 0 {
          first = now
          #expect(first.allSatisfy { $0.count == 6 })
        } else {
          #expect(now == first.map { Array($0.prefix(12 / (2 * index + 2))) })
        }
      })
  }

  // MARK: - BiC

  /// What is held out is never trained on while the model learns, and is never test data; old and new classes have as much.
  @Test func heldOutItemsAreTrainedOn() throws {
    let strategy = Method.bic { $0.heldOut = 0.4 }
    let stream = try Setting.plain.stream()
    let tests = Set(try (0..<stream.count).flatMap { try stream.test($0).identifiers.integers() })
    var trained: Set<Int> = []
    try Self.run(
      strategy, .plain,
      look: { step in
        trained.formUnion(try step.batch.source.identifiers.indexSelect(step.batch.places).integers())
      },
      atEnd: { index, learner in
        let experience = try stream.experience(index)
        let all =
          try strategy.exemplars.trainingSet(for: experience, learner)?.examples ?? experience.examples
        let identifiers = try all.identifiers.integers()
        let held = strategy.held?.places ?? []
        #expect(trained.isDisjoint(with: tests))
        #expect(trained == Set(identifiers).subtracting(held.map { identifiers[$0] }))
        let labels = try all.targets.integers()
        let counts = Dictionary(held.map { (labels[$0], 1) }, uniquingKeysWith: +)
        #expect(index == 0 ? held.isEmpty : counts.count == 2 * index + 2 && Set(counts.values).count == 1)
        trained = []
      })
  }

  /// The line goes through outputs of the newest classes alone, and only when the experience is learned.
  @Test func oldUnitsAreCorrectedToo() throws {
    let strategy = Method.bic { $0.heldOut = 0.4 }
    let inputs = try Setting.plain.stream().test(0).inputs
    try Self.run(
      strategy, .plain, look: { #expect($0.number >= 0 && strategy.correction == nil) },
      after: { index, learner in
        let (plain, answer) = (try learner.model(inputs), try learner.predict(inputs))
        guard index > 0 else { return #expect(try answer.equals(plain)) }
        let fit = try #require(strategy.correction)
        let old = 2 * index
        #expect(
          try answer.narrow(dim: 1, start: 0, count: old).equals(plain.narrow(dim: 1, start: 0, count: old)))
        expectNear(
          try answer.narrow(dim: 1, start: old, count: 2),
          try plain.narrow(dim: 1, start: old, count: 2) * fit.alpha + fit.beta)
        #expect(fit.alpha != 1 || fit.beta != 0)
      })
  }

  // MARK: - WA

  /// New rows alone change, all by one factor, and the bias stays; units that have not arrived are no rows.
  @Test(arguments: [Setting.plain, .fixedHead])
  func oldRowsAreAlignedToo(setting: Setting) throws {
    var before: [String: Tensor] = [:]
    try Self.run(
      Method.wa(), setting,
      atEnd: { _, learner in
        before = try learner.model.stateDictionary().mapValues { try $0.clone() }
      },
      after: { index, learner in
        let state = try learner.model.stateDictionary()
        let (weight, was) = (try #require(state["head.weight"]), try #require(before["head.weight"]))
        #expect(try #require(state["head.bias"]).equals(#require(before["head.bias"])))
        guard index > 0 else { return #expect(try weight.equals(was)) }
        let (old, units) = (2 * index, 2 * index + 2)
        #expect(try weight[0..<old].equals(was[0..<old]))
        #expect(try weight[units..<weight.shape[0]].equals(was[units..<was.shape[0]]))
        let lengths = try weight.norm([1]).floats().map(Double.init)
        let means = (lengths[..<old].reduce(0, +) / Double(old), lengths[old..<units].reduce(0, +) / 2)
        expectNear(means.0, means.1, within: 1e-5)
        let factors = try (weight[old..<units] / was[old..<units]).floats()
        #expect(try #require(factors.max()) - #require(factors.min()) < 1e-4)
      })
  }

  // MARK: - LUCIR

  /// The margin is for items of old classes, and its mean over them: new ones neither add to it nor thin it.
  @Test func newItemsHaveAMarginToo() throws {
    let generator = try Generator(seed: 3)
    let cosines = try Tensor.uniform([6, 5], generator) * 2 - 1
    func ranking(_ units: [Int], _ rows: Tensor) throws -> Double {
      try DistillationReducer()(
        MarginRanking.values(rows, units: Tensor(units), known: 3, hardest: 2, margin: 0.5), temperature: 1,
        mask: Tensor(units) .< 3
      ).item()
    }
    let all = try ranking([0, 1, 2, 3, 4, 4], cosines)
    expectNear(all, try ranking([0, 1, 2], cosines[0..<3]), within: 1e-6)
    #expect(all > 0.1)
    #expect(try ranking([3, 4, 4], cosines[3..<6]) == 0)
    // Fewer new classes than K are all there are.
    let one = try MarginRanking.values(
      cosines.narrow(dim: 1, start: 0, count: 4), units: Tensor([0, 1, 2, 0, 1, 2]), known: 3, hardest: 2,
      margin: 0.5)
    #expect(one.shape == [6])
  }

  /// λ = λ_base √(|old| / |new|) grows with what there is to lose; the other way round it would fade.
  @Test func theWeightOfThePastFades() throws {
    var factors: [Int: Double] = [:]
    let strategy = Method.lucir()
    try Self.run(
      strategy, .cosineHead,
      look: { step in
        guard step.number == 2, let term = step.terms.first(where: { $0.name == "lucir/direction" }) else {
          return
        }
        let past = try #require(try strategy.teacher.look(step.batch.inputs))
        let turned = try FeatureDirection.values(student: step.features, teacher: past.features).mean().item()
        factors[step.session.experience.index] = try term.value.item() / turned
      })
    #expect(factors.keys.sorted() == [1, 2])
    expectNear(factors[1] ?? 0, 5, within: 1e-3)
    expectNear(factors[2] ?? 0, 5 * 2.0.squareRoot(), within: 1e-3)
  }

  /// A gradient of zero does not hold a row: momentum and weight decay move it.
  @Test func momentumMovesOldRows() throws {
    var rows: Tensor?
    try Self.run(
      Method.lucir(), .cosineHead,
      after: { index, learner in
        let weight = try #require(try learner.model.stateDictionary()["head.weight"])
        if let rows {
          #expect(try weight[0..<(2 * index)].equals(rows))
          #expect(try weight[(2 * index)..<(2 * index + 2)].norm([1]).amin([]).item() > 0)
        }
        rows = try weight.clone()
      })
  }

  // MARK: - PODNet

  /// √(seen / new): 1 while there is no past, √2 and √3 after.
  @Test func allExperiencesWeighAlike() throws {
    var factors: [Int: (flat: Double, spatial: Double)] = [:]
    let strategy = Method.podnet()
    try Self.run(
      strategy, .similarityPictures,
      look: { step in
        let terms = Dictionary(uniqueKeysWithValues: step.terms.map { ($0.name, $0.value) })
        guard step.number == 2, let flat = terms["podnet/flat"], let spatial = terms["podnet/spatial"] else {
          return
        }
        #expect(strategy.taps == ["conv", "hidden"])
        let past = try #require(try strategy.teacher.look(step.batch.inputs, taps: ["conv"]))
        let turned = try FeatureDirection.values(student: step.features, teacher: past.features).mean()
        let moved = try PooledMaps.values(student: step.look.value("conv"), teacher: past.value("conv"))
          .mean()
        factors[step.session.experience.index] = (
          try flat.item() / turned.item(), try spatial.item() / moved.item()
        )
      })
    #expect(factors.keys.sorted() == [1, 2])
    for (index, factor) in factors {
      let expected = Double(index + 1).squareRoot()
      expectNear(factor.flat, expected, within: 1e-3)
      expectNear(factor.spatial, 3 * expected, within: 3e-3)
    }
  }

  /// The second stage moves the head and nothing else, batch statistics included.
  @Test func balancingMovesTheFeatures() throws {
    var before: [String: [UInt8]] = [:]
    try Self.run(
      Method.podnet(), .similarityPictures,
      atEnd: { _, learner in
        before = try learner.weights()
      },
      after: { index, learner in
        let now = try learner.weights()
        let moved = now.keys.filter { now[$0] != before[$0] }.sorted()
        #expect(moved == (index == 0 ? [] : ["head.scale", "head.weight"]))
      })
  }

  // MARK: - EEIL

  /// Exemplars of the experience are those that herding chooses under the model as it is after the second stage.
  @Test func exemplarsAreOfTheModelBeforeTheSecondStage() throws {
    let strategy = Method.eeil { ($0.fineTuning.epochs, $0.fineTuning.lr) = (10, 0.5) }
    let stream = try Setting.plain.stream()
    try Self.run(
      strategy, .plain,
      after: { index, learner in
        let kept = try #require(try strategy.exemplars.examples)
        let (units, identifiers) = (try kept.targets.integers(), try kept.identifiers.integers())
        let examples = try stream.experience(index).examples
        let labels = try examples.targets.integers()
        for unit in (2 * index)..<(2 * index + 2) {
          let own = zip(units, identifiers).filter { $0.0 == unit }.map(\.1)
          let places = labels.indices.filter { labels[$0] == learner.classes.labels[unit] }
          let again = try ExemplarSelection.herding.choose(
            own.count, of: examples, places, task: nil, learner)
          #expect(try examples.identifiers.indexSelect(Tensor(again)).integers() == own)
        }
      })
  }

  /// The optimizer of the run does not take part in the second stage: its moments are as they were.
  @Test func theSecondStageLeavesMomentumBehind() throws {
    var before: [String: Tensor] = [:]
    try Self.run(
      Method.eeil(), .plain,
      atEnd: { _, learner in
        before = try learner.optimizer.state().mapValues { try $0.clone() }
      },
      after: { _, learner in
        let now = try learner.optimizer.state()
        #expect(now.keys.sorted() == before.keys.sorted())
        for (key, value) in now { #expect(try value.equals(#require(before[key])), "\(key)") }
      })
  }

  // MARK: - Distillation

  /// Distillation among old units: no gradient for new ones, 0 for a student who agrees, and no factor of T².
  @Test func newUnitsAreDistilledToo() throws {
    let outputs = try Tensor.normal([6, 5], Generator(seed: 9))
    let past = try Tensor.normal([6, 3], Generator(seed: 10))
    try outputs.setRequiresGrad(true)
    let batch = try ClassIncrementalLossTests.batch(Tensor([0, 1, 2, 3, 4, 0]))
    let value = try batch.softTargets(student: outputs, teacher: past, 0..<3, temperature: 2)
    let slopes = try gradients(of: value, withRespectTo: [outputs])[0]
    #expect(try slopes.narrow(dim: 1, start: 3, count: 2).abs().amax([]).item() == 0)
    #expect(try slopes.narrow(dim: 1, start: 0, count: 3).abs().amax([]).item() > 1e-3)
    let own = try outputs.detach().narrow(dim: 1, start: 0, count: 3)
    #expect(try abs(batch.softTargets(student: outputs, teacher: own, 0..<3, temperature: 2).item()) < 1e-6)
    let (p, q) = (try (past / 2).softmax(), try (own / 2).softmax())
    expectNear(
      try value.item(), try (p * (p.log() - q.log())).sum([1]).mean().item(), within: 1e-5)
  }
}
