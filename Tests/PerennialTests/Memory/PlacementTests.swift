import Testing
import Torch

@testable import Perennial

@Suite struct PlacementTests {
  /// Which item lies in each slot after offering `groups` in order, and how many were ever placed.
  static func fill(
    _ capacity: Int, _ grouping: Placement.Grouping, _ replacement: Placement.Replacement, _ groups: [Int],
    seed: UInt64 = 1
  ) -> (slots: [Int?], placement: Placement) {
    var placement = Placement(capacity: capacity, grouping: grouping, replacement: replacement)
    var random = NumberStream(seed: seed)
    var slots = [Int?](repeating: nil, count: capacity)
    for (item, group) in groups.enumerated() {
      if let slot = placement.place(group: group, using: &random) { slots[slot] = item }
    }
    return (slots, placement)
  }

  static let streams: [String: [Int]] = [
    "one group": [Int](repeating: 0, count: 500),
    "groups one after the other": (0..<500).map { $0 / 50 },
    "groups in turn": (0..<500).map { $0 % 10 },
    "a rare group": (0..<500).map { $0 % 100 == 0 ? 1 : 0 },
    "groups that come back": (0..<500).map { ($0 / 25) % 4 },
  ]

  @Test(
    arguments: [Placement.Grouping.none, .unit, .experience], [Placement.Replacement.reservoir, .ring])
  func theMemoryIsFullAndNeverMore(grouping: Placement.Grouping, replacement: Placement.Replacement) {
    for (name, groups) in Self.streams {
      for capacity in [1, 3, 20, 37, 499, 500, 600] {
        let (slots, placement) = Self.fill(capacity, grouping, replacement, groups)
        #expect(placement.filled == min(capacity, groups.count), "\(name), \(capacity)")
        #expect(slots.count { $0 != nil } == placement.filled, "\(name), \(capacity)")
        let owned = placement.groups.values.flatMap(\.slots)
        #expect(
          owned.sorted() == Array(0..<placement.filled), "every slot has one owner: \(name), \(capacity)")
        // What lies in a slot is of the group that owns it.
        for (key, group) in placement.groups where grouping != .none {
          #expect(
            group.slots.allSatisfy { slot in slots[slot].map { groups[$0] } == key }, "\(name), \(capacity)")
        }
      }
    }
  }

  @Test(arguments: [Placement.Replacement.reservoir, .ring])
  func groupsShareTheMemoryWithinOne(replacement: Placement.Replacement) {
    for name in ["groups one after the other", "groups in turn", "groups that come back"] {
      let groups = Self.streams[name] ?? []
      for capacity in [10, 17, 40, 99] {
        let (_, placement) = Self.fill(capacity, .unit, replacement, groups)
        let sizes = placement.groups.values.map(\.slots.count)
        #expect((sizes.max() ?? 0) - (sizes.min() ?? 0) <= 1, "\(name), \(capacity): \(sizes)")
      }
    }
  }

  @Test func aRareGroupKeepsAllItHas() {
    let groups = Self.streams["a rare group"] ?? []
    let (slots, placement) = Self.fill(40, .unit, .reservoir, groups)
    #expect(placement.groups[1]?.slots.count == 5)
    #expect(slots.compactMap { $0 }.filter { groups[$0] == 1 }.sorted() == [0, 100, 200, 300, 400])
    #expect(placement.groups[0]?.slots.count == 35)
  }

  @Test func aRingKeepsTheLastOnes() {
    let (slots, _) = Self.fill(30, .none, .ring, [Int](repeating: 0, count: 137))
    #expect(slots.compactMap { $0 }.sorted() == Array(107..<137))
  }

  /// The last ones of each group, also where groups that came later took slots away.
  @Test(arguments: [8, 20, 23])
  func aRingKeepsTheLastOfEachGroup(capacity: Int) {
    for name in ["groups one after the other", "groups in turn", "groups that come back"] {
      let groups = Self.streams[name] ?? []
      for length in [60, 133, 500] {
        let (slots, placement) = Self.fill(capacity, .unit, .ring, Array(groups[..<length]))
        for (key, group) in placement.groups {
          let kept = group.slots.compactMap { slots[$0] }.sorted()
          let last = (0..<length).filter { groups[$0] == key }.suffix(kept.count)
          #expect(kept == Array(last), "\(name), group \(key) after \(length)")
        }
      }
    }
  }

  /// Each of n items is kept with probability capacity / n: χ² of 40 cells, 39 degrees of freedom; the 99.99 %
  /// quantile is 79.
  @Test(arguments: [Placement.Grouping.none, .unit])
  func theReservoirIsUniform(grouping: Placement.Grouping) {
    // Two groups in turn: each is a uniform sample of its own.
    let groups = (0..<400).map { $0 % 2 }
    var counts = [Int](repeating: 0, count: 40)
    let trials = 600
    for seed in 0..<trials {
      let (slots, _) = Self.fill(20, grouping, .reservoir, groups, seed: UInt64(seed))
      for item in slots.compactMap({ $0 }) { counts[item / 10] += 1 }
    }
    let expected = Double(trials * 20) / 40
    // Items are kept without replacement, which only makes the statistic smaller.
    let statistic = counts.reduce(0.0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
    #expect(statistic < 79, "\(counts)")
    #expect(statistic > 10, "more even than chance: \(counts)")
  }

  /// Also when the groups come one after the other and take slots from each other.
  @Test func theReservoirOfEachGroupIsUniformWhereGroupsFollowEachOther() {
    let groups = (0..<300).map { $0 / 100 }
    for group in 0..<3 {
      var counts = [Int](repeating: 0, count: 10)
      var kept = 0
      for seed in 0..<800 {
        let (slots, _) = Self.fill(30, .unit, .reservoir, groups, seed: UInt64(seed) + 10_000)
        for item in slots.compactMap({ $0 }) where groups[item] == group {
          counts[(item % 100) / 10] += 1
          kept += 1
        }
      }
      let expected = Double(kept) / 10
      let statistic = counts.reduce(0.0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
      // 9 degrees of freedom, 99.99 % quantile 33.7.
      #expect(statistic < 33.7, "group \(group): \(counts)")
    }
  }

  @Test func moreGroupsThanRoomLeavesTheLateOnesOut() {
    let (slots, placement) = Self.fill(3, .unit, .reservoir, (0..<100).map { $0 % 5 })
    #expect(placement.filled == 3 && slots.count { $0 != nil } == 3)
  }

  @Test func itGoesOnFromWhatWasSaved() throws {
    let groups = Self.streams["groups that come back"] ?? []
    var state = State()
    var placement = Self.fill(20, .unit, .ring, Array(groups[..<200])).placement
    state["placement"] = placement
    var again: Placement = try state.saved().require("placement")
    var (one, two) = (NumberStream(seed: 5), NumberStream(seed: 5))
    for group in groups[200...] {
      #expect(placement.place(group: group, using: &one) == again.place(group: group, using: &two))
    }
  }
}
