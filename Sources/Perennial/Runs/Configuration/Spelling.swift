extension String {
  /// The key without its spelling: `weight_decay`, `weight-decay` and `weightDecay` are the same.
  var foldedKey: String {
    filter { $0 != "_" && $0 != "-" }.lowercased()
  }

  /// `weightDecay` as a key of a configuration file: `weight_decay`.
  var snakeCased: String { separatingWords(by: "_") }

  /// `classBalanced` as a value in a configuration file: `class-balanced`.
  var kebabCased: String { separatingWords(by: "-") }

  private func separatingWords(by separator: Character) -> String {
    var words = ""
    for character in self {
      if character.isUppercase, let last = words.last, last != separator {
        words.append(separator)
      }
      words += character == "_" || character == "-" ? String(separator) : character.lowercased()
    }
    return words
  }

  /// The candidate that the writer most likely meant: few edits away, or the same word cut short.
  func closest(in candidates: [String]) -> String? {
    let folded = foldedKey
    let near = candidates.map { (candidate: $0, edits: folded.edits(to: $0.foldedKey)) }
      .filter { $0.edits <= Swift.max(1, Swift.min(folded.count, $0.candidate.count) / 3) }
    return near.min { $0.edits < $1.edits }?.candidate
      ?? candidates.first { folded.count >= 3 && $0.foldedKey.hasPrefix(folded) }
  }

  /// Insertions, deletions, substitutions and swaps of neighbours that turn one text into the other
  /// (optimal string alignment distance).
  func edits(to other: String) -> Int {
    let (from, to) = (Array(self), Array(other))
    var beforePrevious: [Int] = []
    var previous = Array(0...to.count)
    for row in from.indices {
      var current = [row + 1]
      for column in to.indices {
        var best = Swift.min(
          previous[column + 1] + 1, current[column] + 1, previous[column] + (from[row] == to[column] ? 0 : 1))
        if row > 0, column > 0, from[row] == to[column - 1], from[row - 1] == to[column] {
          best = Swift.min(best, beforePrevious[column - 1] + 1)
        }
        current.append(best)
      }
      (beforePrevious, previous) = (previous, current)
    }
    return previous[to.count]
  }
}

extension Sequence<String> {
  /// `` `a`, `b`, `c` ``.
  var quotedList: String { map { "`\($0)`" }.joined(separator: ", ") }

  /// `` `a`, `b` or `c` ``.
  var quotedChoice: String {
    let quoted = map { "`\($0)`" }
    guard let last = quoted.last, quoted.count > 1 else { return quoted.joined() }
    return quoted.dropLast().joined(separator: ", ") + " or " + last
  }
}
