import Perennial

/// The domain or time that a text belongs to.
public struct TextGroup: Hashable, Sendable, ExpressibleByStringLiteral {
  public let name: String
  /// Whether the name is a time: a number, or a date as ISO 8601 writes it.
  public let isTime: Bool

  public init(_ name: String, isTime: Bool = false) { (self.name, self.isTime) = (name, isTime) }
  public init(stringLiteral name: String) { self.init(name) }

  /// What a record says of itself; the task where it says both.
  init?(task: String?, time: String?) {
    guard let name = task ?? time else { return nil }
    self.init(name, isTime: task == nil)
  }

  /// Groups in their natural order: times in the order of time, others as they first appear.
  static func ordered(_ groups: some Sequence<TextGroup>) -> [TextGroup] {
    var seen: Set<TextGroup> = []
    let unique = groups.filter { seen.insert($0).inserted }
    guard unique.allSatisfy(\.isTime) else { return unique }
    return unique.sorted(by: comesBefore)
  }

  private static func comesBefore(_ one: TextGroup, _ other: TextGroup) -> Bool {
    if let first = Double(one.name), let second = Double(other.name) { return first < second }
    return one.name < other.name
  }

  /// Where test texts belong among groups that are learned, in their natural order.
  struct Order {
    private let groups: [TextGroup]
    private let places: [TextGroup: Int]

    init(_ groups: [TextGroup]) {
      self.groups = groups
      places = Dictionary(uniqueKeysWithValues: groups.enumerated().map { ($1, $0) })
    }

    /// The place of a group; of a time that nothing was learned at, that of the last one before it, or of the first of all.
    /// Nil for a stranger.
    func place(of group: TextGroup?) -> Int? {
      guard let group else { return nil }
      if let place = places[group] { return place }
      guard group.isTime, groups.allSatisfy(\.isTime) else { return nil }
      var (low, high) = (0, groups.count)
      while low < high {
        let middle = (low + high) / 2
        if comesBefore(group, groups[middle]) { high = middle } else { low = middle + 1 }
      }
      return max(low - 1, 0)
    }
  }
}

extension DataGroups {
  /// The group of each training and each test text.
  ///
  /// - Parameter order: the groups in their natural order.
  init(_ order: [TextGroup], train: [TextGroup?], test: [TextGroup?], replaced: Replaced? = nil) {
    let places = TextGroup.Order(order)
    func own(_ groups: [TextGroup?]) -> [Int] { groups.map { places.place(of: $0) ?? 0 } }
    self.init(
      names: order.map(\.name), train: own(train), test: own(test),
      isTimeline: order.allSatisfy(\.isTime), replaced: replaced)
  }
}
