import Torch

/// Who has which examples: some are public, the rest is dealt out.
struct Shares {
  let `public`: Examples
  let own: Examples

  /// - Parameters:
  ///   - index: which of `count` participants this is; the same examples and seed deal the same to all.
  init(_ examples: Examples, _ plan: Collaboration, index: Int, of count: Int, seed: UInt64) throws {
    guard examples.count > plan.public else {
      throw CollaborationError.tooFewExamples(examples.count, public: plan.public)
    }
    let order = try Tensor.permutation(
      examples.count, RandomStreams(seed: seed).stream("collaboration")
    ).integers()
    `public` = try examples.select(Array(order.prefix(plan.public)))
    let rest = Array(order.dropFirst(plan.public))
    let labels = try examples.targets.integers()
    let classes = Set(labels).sorted()
    let each = min(plan.classes ?? classes.count, classes.count)
    // Participant i has `each` classes from i · each on, round and round.
    func holders(_ place: Int) -> [Int] {
      (0..<count).filter { ($0 * each..<($0 + 1) * each).contains { $0 % classes.count == place } }
    }
    var mine: [Int] = []
    for (place, label) in classes.enumerated() {
      let members = rest.filter { labels[$0] == label }
      let holders = holders(place)
      guard let turn = holders.firstIndex(of: index) else { continue }
      mine += members.enumerated().filter { $0.offset % holders.count == turn }.map(\.element)
    }
    guard !mine.isEmpty else {
      throw CollaborationError.tooFewExamples(examples.count, public: plan.public)
    }
    own = try examples.select(mine)
  }
}
