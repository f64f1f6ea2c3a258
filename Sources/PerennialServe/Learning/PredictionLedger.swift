import Foundation

/// The predictions that labels may still come for: what was asked, and what was served.
///
/// It holds so many; the oldest make room. An id is used up by its label.
struct PredictionLedger {
  /// What was served.
  struct Entry: Sendable {
    /// Nil where the source alone has it.
    let input: ServedInput?
    let label: String
    let probability: Float
    let version: Int
    /// What a shadow would have said, and which.
    var shadow: (version: Int, label: String)?

    /// As a source keeps it.
    func record(_ id: String) -> ServedRecord {
      ServedRecord(id: id, input: input, version: version, label: label, probability: probability)
    }
  }

  /// What an id stands for.
  enum Found {
    case open(Entry)
    case used
    case unknown
  }

  private let capacity: Int
  private var entries: [String: Entry?] = [:]
  private var order: [String] = []
  private var oldest = 0

  init(capacity: Int) { self.capacity = max(capacity, 1) }

  /// Ids that are remembered, used ones included.
  var count: Int { order.count - oldest }

  /// Remembers a prediction under a new id.
  mutating func add(_ entry: Entry) -> String {
    let id = Self.newID()
    insert(entry, id)
    return id
  }

  /// Whether an id is remembered here, used or not.
  func knows(_ id: String) -> Bool { entries[id] != nil }

  /// Remembers what a source had remembered.
  mutating func restore(_ record: ServedRecord) {
    guard !knows(record.id) else { return }
    let entry = Entry(
      input: record.input, label: record.label, probability: record.probability, version: record.version)
    insert(record.isUsed ? nil : entry, record.id)
  }

  /// Remembers nothing any more.
  mutating func clear() { (entries, order, oldest) = ([:], [], 0) }

  private mutating func insert(_ entry: Entry?, _ id: String) {
    entries.updateValue(entry, forKey: id)
    order.append(id)
    if count > capacity {
      entries.removeValue(forKey: order[oldest])
      oldest += 1
      if oldest > capacity {
        order.removeFirst(oldest)
        oldest = 0
      }
    }
  }

  /// What an id stands for; it is used up.
  mutating func take(_ id: String) -> Found {
    guard let entry = entries[id] else { return .unknown }
    guard let entry else { return .used }
    entries.updateValue(nil, forKey: id)
    return .open(entry)
  }

  /// Gives an entry back whose label could not be kept.
  mutating func putBack(_ entry: Entry, _ id: String) {
    if entries[id] != nil { entries.updateValue(entry, forKey: id) }
  }

  /// Adds what a shadow said.
  mutating func note(shadow label: String, of version: Int, for id: String) {
    guard case .some(.some(var entry)) = entries[id] else { return }
    entry.shadow = (version, label)
    entries.updateValue(entry, forKey: id)
  }

  /// Forgets what was asked under these ids; gives those that were there.
  mutating func erase(_ ids: [String]) -> [String] {
    ids.filter { id in
      guard case .some(.some) = entries[id] else { return false }
      entries.updateValue(nil, forKey: id)
      return true
    }
  }

  /// 128 random bits, so that nobody guesses the ids of others.
  private static func newID() -> String {
    var random = SystemRandomNumberGenerator()
    return (0..<2).map { _ in
      let digits = String(random.next(), radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }
}
