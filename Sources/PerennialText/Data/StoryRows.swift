import Perennial
import Torch

/// Questions with what is told beside them, as the rows of words that a ``MemoryNetwork`` takes.
///
/// The first line of a text is the question, each other line a memory, in the order of time. Words are what lies between
/// spaces and punctuation, in lower case.
struct StoryRows {
  /// The number of each word, from 2 on: 0 fills up sentences, 1 is any other word.
  let numbers: [String: Int]
  /// S: memories of a row.
  let memories: Int
  /// W: words of a sentence.
  let width: Int
  /// Whether a memory is a key and a value, with a tab between; a line without one is both.
  let isPaired: Bool

  var vocabulary: Int { numbers.count + 2 }

  /// Rows for texts such as these.
  ///
  /// - Parameters:
  ///   - learned: whose words are known.
  ///   - all: which the rows must have room for.
  ///   - most: the most memories, of which the newest stay; those of the longest text when nil.
  init(learned: [String], all: [String], most: Int?, isPaired: Bool) {
    var numbers: [String: Int] = [:]
    for word in learned.flatMap(Self.words) where numbers[word] == nil { numbers[word] = numbers.count + 2 }
    self.numbers = numbers
    self.isPaired = isPaired
    let lines = all.map(Self.lines)
    let longest = lines.map { $0.count - 1 }.max() ?? 0
    memories = max(min(longest, most ?? longest), 1)
    width = max(lines.joined().map { Self.words($0).count }.max() ?? 0, 1)
  }

  private static func lines(_ text: String) -> [Substring] {
    text.split(whereSeparator: \.isNewline).filter { !$0.allSatisfy(\.isWhitespace) }
  }

  private static func words(_ text: some StringProtocol) -> [String] {
    text.lowercased().split { !$0.isLetter && !$0.isNumber }.map(String.init)
  }

  /// int64 `[N, 1 + S, W]`, or `[N, 1 + 2S, W]` for keys and values.
  func callAsFunction(_ texts: [String]) throws -> Tensor {
    let sentences = 1 + (isPaired ? 2 : 1) * memories
    let ids = texts.flatMap { text in
      let lines = Self.lines(text)
      let told = lines.dropFirst().suffix(memories)
      var rows = [row(lines.first ?? "")]
      for side in 0..<(isPaired ? 2 : 1) {
        rows += told.map { row(isPaired ? Self.side($0, side) : $0) }
        rows += [[Int]](repeating: row(""), count: memories - told.count)
      }
      return rows.joined()
    }
    return try Tensor(ids, shape: [texts.count, sentences, width])
  }

  /// The key of a memory, or its value.
  private static func side(_ line: Substring, _ side: Int) -> Substring {
    let parts = line.split(separator: "\t", maxSplits: 1)
    return parts.count == 2 ? parts[side] : line
  }

  private func row(_ line: Substring) -> [Int] {
    let own = Self.words(line).prefix(width).map { numbers[$0] ?? 1 }
    return own + [Int](repeating: 0, count: width - own.count)
  }
}

extension TextDataset {
  /// The texts as rows for a memory network.
  func source(_ rows: StoryRows) throws -> DataSource {
    try source(limit: nil) { (try $0.map(rows.callAsFunction), try InputPipeline(), nil) }
  }
}
