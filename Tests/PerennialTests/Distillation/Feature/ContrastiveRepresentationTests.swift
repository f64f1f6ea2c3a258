import Testing
import Torch

@testable import Perennial

@Suite struct ContrastiveRepresentationTests {
  private static func term(_ change: @escaping (inout ContrastiveRepresentation.Options) -> Void = { _ in })
    -> ContrastiveRepresentation
  {
    ContrastiveRepresentation(
      FeatureSetting.options {
        ($0.taps, $0.dimension) = (FeatureSetting.taps(1), 5)
        change(&$0)
      })
  }

  /// A step with the golden negatives instead of drawn ones.
  private static func values(_ term: ContrastiveRepresentation, _ setting: FeatureSetting, _ index: Tensor)
    throws -> TermValues
  {
    let module = try #require(setting.module)
    let student = try #require(module.child("student") as? Linear)
    let teacher = try #require(module.child("teacher") as? Linear)
    return try term.values(
      student(setting.students[0]).unit(1), teacher(setting.teachers[0].flatten(from: 1)).unit(1),
      index.select(0, dim: 1), index: index, valid: Tensor.ones([4]))
  }

  /// Two steps: constants of the first batch serve the second, whose banks have moved.
  @Test func valuesGradientsAndBanksAreTheGoldenOnes() throws {
    let all = try GoldenTensors("distillation_features")
    let term = Self.term()
    let first = all.all("crd_first")
    var examples = [Int](0..<12)
    examples[0] = 1
    let setting = try FeatureSetting(
      term, [#require(first["student.0"])], [#require(first["teacher.0"])], examples: examples)
    let module = try #require(setting.module)
    try setting.load(first)
    for side in ["student", "teacher"] {
      let bank = try #require(module.child("\(side)_bank")).parameters[0].parameter
      try bank.value.copy(from: all["crd_banks/before.\(side)"])
    }
    let values = try Self.values(term, setting, #require(first["index"]))
    try FeatureGoldenTests.expectGolden(setting, values, first)
    let state = try module.stateDictionary()
    for side in ["student", "teacher"] {
      expectNear(
        try #require(state["\(side)_bank.embeddings"]), try all["crd_banks/after.\(side)"], "\(side) bank")
      expectNear(
        try #require(state["\(side)_bank.constant"]), try all["crd_banks/constant.\(side)"], "\(side) Z")
    }

    let second = all.all("crd_second")
    let next = try FeatureSetting(
      Self.term(), [#require(second["student.0"])], [#require(second["teacher.0"])], examples: examples)
    try #require(next.module).load(state)
    try next.load(second)
    guard let other = next.term as? ContrastiveRepresentation else { return }
    try FeatureGoldenTests.expectGolden(
      next, Self.values(other, next, #require(second["index"])), second)
  }

  private static func drawn(byClass: Bool, negatives: Int = 64, draws: Int = 20) throws -> (
    classes: [Int], places: [Int], rows: [[Int]]
  ) {
    let classes = (0..<40).map { $0 % 7 == 0 ? -1 : $0 % 3 }
    let sampler = try NegativePlaces(
      classes: byClass ? classes : Array(0..<40), count: negatives, NumberStream(seed: 2))
    let places = [0, 5, 17, 39]
    var rows = [[Int]](repeating: [], count: 4)
    for _ in 0..<draws {
      let index = try sampler.draw(Tensor(places))
      #expect(index.shape == [4, 1 + negatives])
      #expect(try index.select(0, dim: 1).integers() == places)
      for item in 0..<4 { rows[item] += try index[item].integers().dropFirst() }
    }
    return (classes, places, rows)
  }

  @Test func negativesAreAnyOtherExampleEquallyOften() throws {
    let (_, places, rows) = try Self.drawn(byClass: false)
    for (place, row) in zip(places, rows) {
      #expect(Set(row) == Set(0..<40).subtracting([place]))
      let counts = Dictionary(grouping: row) { $0 }.mapValues(\.count)
      // 1280 draws of 39 places: 32.8 ± 5.7 each.
      #expect(counts.values.allSatisfy { (9...60).contains($0) })
    }
  }

  @Test func negativesByClassAreNeverOfTheItemsOwn() throws {
    let (classes, places, rows) = try Self.drawn(byClass: true)
    for (place, row) in zip(places, rows) {
      #expect(Set(row) == Set((0..<40).filter { classes[$0] != classes[place] }))
    }
  }

  /// torchdistill fails where it is given no contrast index (`self.prob` does not exist), and draws on the CPU.
  @Test func torchdistillNeedsAContrastIndex() throws {
    let random = RandomStreams(seed: 9)
    var setting = try FeatureSetting(
      Self.term { $0.negatives = 16384 }, [Tensor.normal([4, 3], random.stream("s"))],
      [Tensor.normal([4, 6], random.stream("t"))], examples: [0, 1, 0, 2, 1, 0])
    setting.places = try Tensor([4, -1, 0, -1])
    let before = try #require(setting.module).stateDictionary()
    let values = try setting.values()
    #expect(try values.valid?.floats() == [1, 0, 1, 0])
    let reduce = DistillationReducer()
    let loss = try reduce(values)
    #expect(try loss.isFinite().item() == 1 && loss.item() > 0)
    let gradients = try setting.gradients(.batch(loss))
    #expect(try gradients.students[0][1].abs().sum().item() == 0, "what has no place says nothing")
    #expect(try gradients.students[0][0].abs().sum().item() > 0)
    #expect(
      try (gradients.students + gradients.parameters).allSatisfy { try $0.isFinite().all().item() == 1 })
    let after = try #require(setting.module).stateDictionary()
    for bank in ["student_bank.embeddings", "teacher_bank.embeddings"] {
      let moved = try (#require(after[bank]) - #require(before[bank])).abs().sum([1])
      #expect(try (moved .> 0).to(.int64).integers() == [1, 0, 0, 0, 1, 0, 1])
    }
  }

  /// A batch without any example neither fixes Z nor disturbs anything.
  @Test func aBatchOfStrangersChangesNothing() throws {
    let setting = try FeatureSetting(
      Self.term(), [Tensor.normal([2, 3], Generator(seed: 1))], [Tensor.normal([2, 6], Generator(seed: 2))],
      examples: [0, 1, 0])
    let values = try setting.values()
    let loss = try DistillationReducer()(values)
    #expect(try loss.item() == 0)
    let gradients = try setting.gradients(.batch(loss))
    #expect(try (gradients.students + gradients.parameters).allSatisfy { try $0.abs().sum().item() == 0 })
    let state = try #require(setting.module).stateDictionary()
    #expect(try state["student_bank.constant"]?.item() == 0)
  }

  /// The banks and the state of the random numbers are all that a run needs to go on bit for bit.
  @Test func itGoesOnFromItsState() throws {
    func setting(_ random: RandomStreams) throws -> FeatureSetting {
      var setting = try FeatureSetting(
        Self.term { $0.negatives = 5 }, [Tensor.normal([3, 3], Generator(seed: 1))],
        [Tensor.normal([3, 6], Generator(seed: 2))], examples: [0, 1, 0, 2, 1, 0, 3, 3], random: random)
      setting.places = try Tensor([0, 4, 7])
      return setting
    }
    let random = RandomStreams(seed: 4)
    let whole = try setting(random)
    for _ in 0..<3 { _ = try whole.values() }
    let (weights, streams) = (try #require(whole.module).stateDictionary(), try random.state())
    let expected = try whole.values().values
    let others = RandomStreams(seed: 77)
    let resumed = try setting(others)
    try #require(resumed.module).load(weights)
    try others.restore(streams)
    #expect(try resumed.values().values.data() == expected.data())
  }

  /// Nothing is copied to the size of `[N, K, D]`: RepDistiller gathers 2 × N · K · D numbers a step.
  @Test func repDistillerGathersEveryNegative() throws {
    var setting = try FeatureSetting(
      ContrastiveRepresentation(
        FeatureSetting.options { ($0.taps, $0.byClass) = (FeatureSetting.taps(1), false) }),
      [Tensor.normal([32, 8], Generator(seed: 1))], [Tensor.normal([32, 8], Generator(seed: 2))],
      examples: [Int](repeating: 0, count: 20_000))
    setting.places = try Tensor.arange(0, 32)
    PeakMemory.reset()
    let before = PeakMemory.bytes
    _ = try setting.gradients(setting.values())
    // 32 × 16,385 × 128 float32 are 268 MB.
    #expect(PeakMemory.bytes - before < 150_000_000)
  }

  @Test func itRefusesWhatItCannotRemember() throws {
    func refusal(
      _ examples: [Int], _ change: @escaping (inout ContrastiveRepresentation.Options) -> Void = { _ in }
    )
      -> String?
    {
      DistillationError.refusal {
        _ = try FeatureSetting(
          Self.term(change), [Tensor.zeros([2, 3])], [Tensor.zeros([2, 3])], examples: examples)
      }
    }
    #expect(refusal([])?.contains("`contrast: batch` needs none") == true)
    #expect(refusal([1, 1, 1])?.contains("`by_class: false`") == true)
    #expect(refusal([1, 1, 1]) { $0.byClass = false } == nil)
    #expect(refusal([]) { $0.contrast = .batch } == nil)
  }
}
