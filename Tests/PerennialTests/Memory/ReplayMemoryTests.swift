import Testing
import Torch

@testable import Perennial

@Suite struct ReplayMemoryTests {
  static func examples(_ range: Range<Int>, tasks: Bool = false) throws -> Examples {
    func column(_ value: (Int) -> Int) throws -> Tensor { try Tensor(range.map(value)) }
    return try Examples(
      inputs: column { $0 % 256 }.to(.uint8).view([range.count, 1]), targets: column { $0 % 4 },
      tasks: tasks ? column { $0 % 3 } : nil, identifiers: column { $0 })
  }

  static func memory(
    _ capacity: Int, _ grouping: Placement.Grouping = .none, _ replacement: Placement.Replacement = .reservoir
  ) -> ReplayMemory {
    ReplayMemory(
      capacity: capacity, grouping: grouping, replacement: replacement, random: NumberStream(seed: 1))
  }

  static func all(_ count: Int) throws -> Tensor { try Tensor.arange(0, count) }

  @Test func columnsOfAnItemStayTogether() throws {
    let memory = Self.memory(50)
    for start in stride(from: 0, to: 1000, by: 10) {
      try memory.insert(
        Self.examples(start..<(start + 10), tasks: true), Self.all(10), experience: start / 100)
      let kept = try #require(try memory.examples)
      let identifiers = try kept.identifiers.integers()
      #expect(kept.count == min(50, start + 10))
      #expect(Set(identifiers).count == kept.count, "nothing is kept twice")
      #expect(try kept.inputs.integers() == identifiers.map { $0 % 256 })
      #expect(try kept.targets.integers() == identifiers.map { $0 % 4 })
      #expect(try kept.tasks?.integers() == identifiers.map { $0 % 3 })
      #expect(try memory.experiences() == identifiers.map { $0 / 100 })
    }
    #expect(try memory.examples?.inputs.dtype == .uint8, "inputs stay raw")
  }

  /// What stays keeps its order and everything that was kept beside it, and there is room again for what comes.
  @Test(arguments: [Placement.Grouping.none, .unit, .experience])
  func whatIsForgottenTakesNothingElseAlong(grouping: Placement.Grouping) throws {
    let memory = Self.memory(20, grouping)
    for start in stride(from: 0, to: 20, by: 10) {
      let own = try Tensor((start..<(start + 10)).map(Float.init)).unsqueeze(1)
      try memory.insert(
        Self.examples(start..<(start + 10), tasks: true), Self.all(10), experience: start / 10,
        extras: ["own": own])
    }
    #expect(try memory.forget(identifiers: [3, 4, 12, 99]) == 3)
    #expect(try memory.forget(identifiers: [3]) == 0)
    let left = (0..<20).filter { ![3, 4, 12].contains($0) }
    let kept = try #require(try memory.examples)
    #expect(try kept.identifiers.integers() == left && kept.tasks?.integers() == left.map { $0 % 3 })
    #expect(try memory.extra("own")?.flatten().floats() == left.map(Float.init))
    #expect(try memory.experiences() == left.map { $0 / 10 })
    try memory.insert(Self.examples(20..<23), Self.all(3), experience: 2)
    #expect(memory.count == 20)
    try memory.forget(experience: 0)
    #expect(try memory.examples?.identifiers.integers() == left.filter { $0 >= 10 } + [20, 21, 22])
  }

  @Test func classesAreBalancedWithinOne() throws {
    let memory = Self.memory(42, .unit)
    try memory.insert(Self.examples(0..<400), Self.all(400), experience: 0)
    let targets = try #require(try memory.examples).targets.integers()
    #expect((0..<4).allSatisfy { unit in (10...11).contains(targets.count { $0 == unit }) })
  }

  @Test func experiencesAreBalancedWithinOne() throws {
    let memory = Self.memory(20, .experience)
    for index in 0..<6 {
      try memory.insert(
        Self.examples((100 * index)..<(100 * index + 100)), Self.all(100), experience: index)
      let counts = Dictionary(try memory.experiences().map { ($0, 1) }, uniquingKeysWith: +)
      #expect(counts.count == index + 1)
      #expect((counts.values.max() ?? 0) - (counts.values.min() ?? 0) <= 1)
    }
  }

  @Test func aRingKeepsTheLastOfEachClass() throws {
    let memory = Self.memory(20, .unit, .ring)
    for start in stride(from: 0, to: 400, by: 8) {
      try memory.insert(Self.examples(start..<(start + 8)), Self.all(8), experience: 0)
    }
    let kept = try #require(try memory.examples).identifiers.integers()
    #expect(kept.sorted() == Array(380..<400))
  }

  /// Within one insertion a later item may take an earlier one's slot; the later one stays.
  @Test func theLastOfABatchWins() throws {
    let memory = Self.memory(2, .none, .ring)
    try memory.insert(Self.examples(0..<9), Self.all(9), experience: 0)
    #expect(try memory.examples?.identifiers.integers().sorted() == [7, 8])
  }

  @Test func aDrawHasNoDuplicates() throws {
    let memory = Self.memory(30)
    #expect(try memory.draw(5).count == 0)
    try memory.insert(Self.examples(0..<30), Self.all(30), experience: 0)
    for count in [0, 1, 7, 29, 30, 100] {
      for _ in 0..<50 {
        let places = try memory.draw(count).integers()
        #expect(places.count == min(count, 30))
        #expect(Set(places).count == places.count)
        #expect(places.allSatisfy { (0..<30).contains($0) })
      }
    }
  }

  /// χ² of 30 cells, 29 degrees of freedom; the 99.99 % quantile is 64.
  @Test func drawsAreUniform() throws {
    let memory = Self.memory(30)
    try memory.insert(Self.examples(0..<30), Self.all(30), experience: 0)
    var counts = [Int](repeating: 0, count: 30)
    for _ in 0..<2000 { for place in try memory.draw(10).integers() { counts[place] += 1 } }
    let expected = 2000.0 * 10 / 30
    #expect(counts.reduce(0.0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected } < 64)
  }

  @Test func itsBytesAreThoseOfWhatItKeeps() throws {
    let memory = Self.memory(100)
    #expect(memory.byteCount == 0)
    try memory.insert(Self.examples(0..<30, tasks: true), Self.all(30), experience: 0)
    #expect(memory.byteCount == 30 * (1 + 8 + 8 + 8 + 8))
    try memory.insert(Self.examples(30..<200, tasks: true), Self.all(170), experience: 0)
    #expect(memory.byteCount == 100 * (1 + 8 + 8 + 8 + 8))
  }

  @Test func aSavedMemoryGoesOn() throws {
    for filled in [0, 10, 40] {
      let (one, two) = (NumberStream(seed: 3), NumberStream(seed: 3))
      let memory = ReplayMemory(capacity: 20, grouping: .unit, random: one)
      if filled > 0 { try memory.insert(Self.examples(0..<filled), Self.all(filled), experience: 0) }
      let other = ReplayMemory(capacity: 20, grouping: .unit, random: two)
      try other.restore(memory.state().saved())
      two.state = one.state
      #expect(other.count == memory.count)
      for copy in [memory, other] { try copy.insert(Self.examples(100..<160), Self.all(60), experience: 1) }
      #expect(try memory.draw(7).integers() == other.draw(7).integers())
      #expect(try memory.examples?.identifiers.integers() == other.examples?.identifiers.integers())
      #expect(try memory.experiences() == other.experiences())
    }
  }

  /// A saved state is a copy: what happens later does not change it.
  @Test func aStateDoesNotMoveWithTheMemory() throws {
    let memory = Self.memory(5, .none, .ring)
    try memory.insert(Self.examples(0..<5), Self.all(5), experience: 0)
    let state = try memory.state()
    try memory.insert(Self.examples(5..<10), Self.all(5), experience: 0)
    #expect(try state.requireTensor("identifiers").integers() == [0, 1, 2, 3, 4])
  }
}
