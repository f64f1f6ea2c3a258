/// What becomes of the pieces that a splitter matches.
enum SplitBehavior: Sendable {
  case removed, isolated, mergedWithPrevious, mergedWithNext, contiguous

  static let names: KeyValuePairs<String, SplitBehavior> = [
    "Removed": .removed, "Isolated": .isolated, "MergedWithPrevious": .mergedWithPrevious,
    "MergedWithNext": .mergedWithNext, "Contiguous": .contiguous,
  ]
}

/// Joins the pieces of a text into words as a behaviour says.
struct WordBuilder {
  let behavior: SplitBehavior
  private let start: Int
  private var open: Range<Int>?
  private var wasMatch = false

  /// - Parameter start: added to every range.
  init(_ behavior: SplitBehavior, start: Int) {
    self.behavior = behavior
    self.start = start
  }

  @inline(__always)
  mutating func add(_ piece: Range<Int>, isMatch: Bool, to words: inout [Range<Int>]) {
    switch behavior {
    case .isolated: emit(piece, to: &words)
    case .removed: if !isMatch { emit(piece, to: &words) }
    case .mergedWithPrevious:
      join(piece, isJoined: isMatch && !wasMatch, to: &words)
      wasMatch = isMatch
    case .mergedWithNext:
      join(piece, isJoined: wasMatch && !isMatch, to: &words)
      wasMatch = isMatch
    case .contiguous:
      join(piece, isJoined: wasMatch == isMatch, to: &words)
      wasMatch = isMatch
    }
  }

  mutating func finish(_ words: inout [Range<Int>]) {
    if let open { emit(open, to: &words) }
    open = nil
  }

  private mutating func join(_ piece: Range<Int>, isJoined: Bool, to words: inout [Range<Int>]) {
    if isJoined, let previous = open {
      open = previous.lowerBound..<piece.upperBound
    } else {
      if let open { emit(open, to: &words) }
      open = piece
    }
  }

  @inline(__always)
  private func emit(_ range: Range<Int>, to words: inout [Range<Int>]) {
    if !range.isEmpty { words.append(start + range.lowerBound..<start + range.upperBound) }
  }
}
