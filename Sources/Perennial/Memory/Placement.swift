/// Where in a memory of fixed size a new item goes, and what it drives out: index arithmetic, no data.
///
/// Every decision takes the same time however long the stream is.
public struct Placement: Codable, Sendable {
  /// What groups share the memory equally.
  public enum Grouping: String, Codable, Sendable { case none, unit, experience }

  /// What a full group gives up for a new item.
  public enum Replacement: String, Codable, Sendable {
    /// Each item seen so far is kept with the same probability (Vitter 1985, algorithm R).
    case reservoir
    /// The oldest goes.
    case ring
  }

  /// The slots of one group, and how many items it has been offered.
  struct Group: Codable, Sendable {
    var slots: [Int] = []
    var offered = 0
    /// The place in `slots` that a ring overwrites next.
    var oldest = 0
  }

  /// How many items there is room for.
  public let capacity: Int
  /// What shares the memory, and what a full group gives up.
  public let grouping: Grouping
  public let replacement: Replacement
  private(set) var groups: [Int: Group] = [:]
  /// Slots in use.
  public private(set) var filled = 0

  public init(capacity: Int, grouping: Grouping, replacement: Replacement) {
    self.capacity = capacity
    self.grouping = grouping
    self.replacement = replacement
  }

  /// The slot for an item of `group`, or nil to leave it out.
  public mutating func place(group key: Int, using random: inout some RandomNumberGenerator) -> Int? {
    let key = grouping == .none ? 0 : key
    var group = groups[key] ?? Group()
    group.offered += 1
    defer { groups[key] = group }
    if filled < capacity {
      group.slots.append(filled)
      filled += 1
      return filled - 1
    }
    let share = capacity / max(groups.count + (groups[key] == nil ? 1 : 0), 1)
    if group.slots.count < share, let slot = takeFromLargest(except: key, share: share, using: &random) {
      group.slots.append(slot)
      return slot
    }
    guard !group.slots.isEmpty else { return nil }
    switch replacement {
    case .ring:
      group.oldest %= group.slots.count
      defer { group.oldest += 1 }
      return group.slots[group.oldest]
    case .reservoir:
      let draw = Int.random(in: 0..<group.offered, using: &random)
      return draw < group.slots.count ? group.slots[draw] : nil
    }
  }

  /// Takes a slot from the group that has most, when that is above its share.
  private mutating func takeFromLargest(
    except key: Int, share: Int, using random: inout some RandomNumberGenerator
  ) -> Int? {
    guard
      let largest = groups.filter({ $0.key != key }).max(by: {
        ($0.value.slots.count, $1.key) < ($1.value.slots.count, $0.key)
      }), largest.value.slots.count > share, var donor = groups[largest.key]
    else { return nil }
    let place: Int
    switch replacement {
    case .reservoir: place = Int.random(in: 0..<donor.slots.count, using: &random)
    case .ring: place = donor.oldest % donor.slots.count
    }
    let slot: Int
    switch replacement {
    case .reservoir:
      slot = donor.slots[place]
      donor.slots[place] = donor.slots[donor.slots.count - 1]
      donor.slots.removeLast()
    case .ring:
      slot = donor.slots.remove(at: place)
      donor.oldest = donor.slots.isEmpty ? 0 : place % donor.slots.count
    }
    groups[largest.key] = donor
    return slot
  }
}
