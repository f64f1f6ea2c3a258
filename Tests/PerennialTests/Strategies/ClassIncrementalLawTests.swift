import Testing
import Torch

@testable import Perennial

/// What must hold for methods with exemplars, whatever they do beside.
@Suite struct ClassIncrementalLawTests {
  /// Without weight all of them are one and the same rehearsal: exemplars in the training set, nothing else.
  @Test func withoutWeightAllAreTheSameRehearsal() throws {
    let linear = Method.exemplarsAlone.dropLast()
    for (methods, setting) in [(Array(linear), Setting.dropoutAndNorm), (Method.exemplarsAlone, .cosineHead)]
    {
      let served = methods.filter { $0.serves(setting) }
      #expect(served.count >= 3)
      let (first, losses) = try StrategyLawTests.train(served[0], setting)
      for method in served.dropFirst() {
        let (learner, same) = try StrategyLawTests.train(method, setting)
        #expect(same == losses, "\(method.name)")
        #expect(try learner.weights() == first.weights(), "\(method.name)")
      }
    }
  }

  @Test(arguments: Method.exemplarDistillation)
  func theMemoryIsNeverExceededAndIsSharedByAllClasses(method: Method) throws {
    let setting = method.setting
    let strategies = method.make()
    let strategy = try #require(strategies.first as? any ExemplarDistillation)
    let stream = try setting.stream()
    let learner = try setting.learner(strategies, stream: stream)
    for index in 0..<stream.count {
      try learner.learn(stream.experience(index))
      let kept = try #require(try strategy.exemplars.examples)
      let counts = Dictionary(try kept.targets.integers().map { ($0, 1) }, uniquingKeysWith: +)
      #expect(Set(counts.keys) == Set(0..<(2 * index + 2)))
      #expect(Set(try kept.identifiers.integers()).count == kept.count)
      if method.name.contains("so many a class") {
        #expect(counts.values.allSatisfy { $0 == 3 })
      } else {
        #expect(kept.count == min(13, 12 * counts.count))
        #expect(try #require(counts.values.max()) - #require(counts.values.min()) <= 1)
      }
      #expect(strategy.replayBytes > 0)
    }
  }

  @Test(arguments: Method.exemplarDistillation)
  func theTeacherIsTheModelAsTheExperienceBegan(method: Method) throws {
    let setting = method.setting
    let strategies = method.make()
    let strategy = try #require(strategies.first as? any ExemplarDistillation)
    let stream = try setting.stream()
    let learner = try setting.learner(strategies, stream: stream)
    try learner.learn(stream.experience(0))
    let before = try learner.model.stateDictionary().mapValues { try $0.clone() }
    try learner.begin(stream.experience(1))
    let frozen = try #require(strategy.teacher.teacher)
    #expect(strategy.teacher.known == 2)
    let digest = try frozen.digest()
    while let session = learner.session, !session.isDone { try learner.step() }
    #expect(try frozen.digest() == digest)
    for (path, value) in before {
      let theirs = try #require(frozen.parameters[path])
      #expect(try (value.rank == 0 ? theirs : theirs[0..<value.shape[0]]).equals(value), "\(path)")
    }
    try learner.end()
    #expect(strategy.teacher.teacher == nil)
  }

  /// Cosine and several vectors: the first experience has nothing of the past in its loss either.
  @Test func theFirstExperienceOfLUCIRIsFineTuning() throws {
    let (plain, losses) = try StrategyLawTests.train(Method("finetune") { [] }, .cosineHead, experiences: 1)
    let (learner, same) = try StrategyLawTests.train(
      Method("lucir") { [Method.lucir()] }, .cosineHead, experiences: 1)
    #expect(same == losses)
    #expect(try learner.weights() == plain.weights())
  }

  @Test func aHeadOfSeveralVectorsKeepsThemAsItGrows() throws {
    let head = try LocalSimilarityHead(features: 5, outputs: 2, proxies: 3, Generator(seed: 4))
    let features = try Tensor.normal([6, 5], Generator(seed: 5))
    let before = try head(features)
    try head.grow(to: 5, Generator(seed: 6))
    #expect(head.outputs == 5 && head.weight.value.shape == [5, 3, 5])
    expectNear(try head(features).narrow(dim: 1, start: 0, count: 2), before)
    try head.grow(to: 3, Generator(seed: 6))
    #expect(head.outputs == 5)
  }

  @Test func anArmMayHaveAHeadOfItsOwn() throws {
    let recipe = try Recipe(
      yaml: """
        name: heads
        stream: {data: digits, scenario: class, experiences: 5}
        model: {mlp: {hidden: [8]}}
        training: {optimizer: {sgd: {lr: 0.1}}, batch: 4, steps: 1}
        strategies:
          finetune: []
          lucir: {head: cosine, strategies: [{lucir: {memory: 20}}]}
          podnet: {head: {local-similarity: {proxies: 3}}, strategies: [{podnet: {memory: 20}}]}
        seeds: [0]
        """, source: "heads.yaml")
    let heads = recipe.arms.map { recipe.resolved(for: $0).head.name }
    #expect(heads == ["linear", "cosine", "local-similarity"])
    #expect(throws: ConfigurationError.self) {
      try HeadRegistry.make(
        Selection(ConfigurationNode(yaml: "local-similarity: {proxies: 0}", source: "test")), features: 3,
        Generator(seed: 1))
    }
  }
}
