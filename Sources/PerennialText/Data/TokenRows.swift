import Perennial
import Torch

/// Rows of one length for a language model that tells the next token.
struct TokenRows {
  /// int64 `[N, L]`, or `[N, 2, L]` with the number of the text that each token is of, −1 where none is.
  let inputs: Tensor
  /// int64 `[N, L]`: the token that follows, −100 where it is not to be learned.
  let targets: Tensor
  /// The group of each row.
  let groups: [TextGroup?]

  /// - Parameters:
  ///   - length: L
  ///   - packs: puts several short texts of a group into a row; no text sees another, and each begins at place 0.
  init(_ texts: [(sequence: TokenSequence, group: TextGroup?)], length: Int, padding: Int, packs: Bool) throws
  {
    let rows = packs ? Self.packed(texts, length: length) : texts.map { ([$0.sequence], $0.group) }
    var (ids, segments, targets): ([Int], [Int], [Int]) = ([], [], [])
    for (sequences, _) in rows {
      var used = 0
      for (number, sequence) in sequences.enumerated() {
        let places = sequence.count - 1
        ids += sequence.ids.dropLast()
        segments += [Int](repeating: number, count: places)
        targets += zip(sequence.ids, sequence.isLearned).dropFirst().map {
          $1 ? $0 : TokenPrediction.ignored
        }
        used += places
      }
      ids += [Int](repeating: padding, count: length - used)
      segments += [Int](repeating: -1, count: length - used)
      targets += [Int](repeating: TokenPrediction.ignored, count: length - used)
    }
    let shape = [rows.count, length]
    let tokens = try Tensor(ids, shape: shape)
    inputs = packs ? try Tensor.stack([tokens, Tensor(segments, shape: shape)], dim: 1) : tokens
    self.targets = try Tensor(targets, shape: shape)
    groups = rows.map(\.1)
  }

  /// How much of each row int64 `[N, L]` comes before what fills it up, `[N]`.
  static func lengths(_ ids: Tensor, filler: Int) throws -> Tensor {
    try ((ids .!= filler).to(.int64) * Tensor.arange(1, ids.shape[1] + 1, device: ids.device)).amax([1])
  }

  /// Texts into the first row of their group that has room.
  private static func packed(_ texts: [(sequence: TokenSequence, group: TextGroup?)], length: Int) -> [(
    [TokenSequence], TextGroup?
  )] {
    var rows: [(texts: [TokenSequence], group: TextGroup?)] = []
    // Rows that are nearly full are not looked at again, so that this stays fast for many texts.
    var open: [TextGroup?: [(row: Int, room: Int)]] = [:]
    for (sequence, group) in texts {
      let need = sequence.count - 1
      if let place = open[group]?.firstIndex(where: { $0.room >= need }), let found = open[group]?[place] {
        rows[found.row].texts.append(sequence)
        open[group]?[place].room -= need
      } else {
        open[group, default: []].append((rows.count, length - need))
        rows.append(([sequence], group))
      }
      open[group]?.removeAll { $0.room * 20 < length }
    }
    return rows
  }
}
