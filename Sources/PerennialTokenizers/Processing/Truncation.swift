/// Where too long a text, or pair of texts, is cut. The overflow is dropped.
public struct Truncation: Sendable, Equatable {
  public enum Direction: Sendable { case left, right }
  public enum Strategy: Sendable { case longestFirst, onlyFirst, onlySecond }

  /// The number of tokens that are left, special tokens included.
  public var length: Int
  public var direction: Direction
  public var strategy: Strategy

  public init(length: Int, direction: Direction = .right, strategy: Strategy = .longestFirst) {
    self.length = length
    self.direction = direction
    self.strategy = strategy
  }

  init(_ node: JSONNode) throws {
    length = try node.required("max_length").integer()
    direction = try node.optional("direction")?.choice(["Left": .left, "Right": .right]) ?? .right
    strategy = try node.required("strategy").choice([
      "LongestFirst": .longestFirst, "OnlyFirst": .onlyFirst, "OnlySecond": .onlySecond,
    ])
  }

  /// - Parameter addedCount: how many special tokens will come on top.
  func apply(to parts: [Encoding], addedCount: Int) -> [Encoding] {
    let room = max(length - addedCount, 0)
    let total = parts.reduce(0) { $0 + $1.count }
    guard total > room, let first = parts.first else { return parts }
    var counts = parts.map(\.count)
    switch strategy {
    case _ where room == 0: counts = counts.map { _ in 0 }
    case .longestFirst where parts.count == 2: counts = Self.share(room, between: counts)
    case .onlySecond where parts.count == 2: counts[1] = max(counts[1] - (total - room), 0)
    default: counts[0] = max(first.count - (total - room), 0)
    }
    return zip(parts, counts).map { $0.truncated(to: $1, from: direction) }
  }

  /// The longer sequence gives way first; then both have half, the longer one the odd token.
  private static func share(_ room: Int, between counts: [Int]) -> [Int] {
    var short = min(counts[0], counts[1])
    var long = short > room ? short : max(short, room - short)
    if short + long > room {
      short = room / 2
      long = short + room % 2
    }
    return counts[0] > counts[1] ? [long, short] : [short, long]
  }
}
