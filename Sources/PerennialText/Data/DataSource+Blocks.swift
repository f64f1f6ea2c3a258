import Perennial
import Torch

extension DataSource {
  /// Corpora as blocks of tokens, each of which is a group: the last part of each tests.
  ///
  /// Inputs are int32 `[N, block]`, targets the tokens that follow. Both lie in files that are read as they are needed, so
  /// that neither text nor blocks need fit into memory.
  /// - Parameters:
  ///   - tokens: the ids of a piece of text.
  ///   - stride: from the start of a training block to that of the next; those that test never overlap.
  ///   - test: the share of each corpus at its end that tests.
  ///   - limit: the first so many tokens of each corpus; all when nil.
  /// - Throws: `TextDataError` for a corpus too short for a block of each kind, and for a full disk; what reading throws.
  public static func blocks(
    of corpora: [Corpus], name: String, block: Int, stride: Int? = nil, test share: Double = 0.1,
    limit: Int? = nil, tokens: (String) -> [Int]
  ) throws -> DataSource {
    var (train, test) = (try BlockFile(block), try BlockFile(block))
    for corpus in corpora {
      let ids = try TokenFile.tokens(of: corpus, limit: limit, tokens)
      let cut = ids.count - Int(Double(ids.count) * share)
      try train.append(ids[0..<cut], of: corpus.name, stride: stride ?? block)
      try test.append(ids[cut..<ids.count], of: corpus.name, stride: block)
    }
    let learned = try train.examples(first: 0)
    return DataSource(
      name: name, train: learned, test: try test.examples(first: learned.count),
      pipeline: try InputPipeline(),
      groups: DataGroups(names: corpora.map(\.name), train: train.groups, test: test.groups))
  }
}

extension TokenFile {
  /// The tokens of a corpus, int32 `[count]`.
  static func tokens(of corpus: Corpus, limit: Int?, _ tokens: (String) -> [Int]) throws -> Tensor {
    struct Enough: Error {}
    let file = try TokenFile()
    do {
      try corpus.pieces { piece in
        let left = limit.map { $0 - file.count } ?? .max
        guard left > 0 else { throw Enough() }
        try file.append(Array(tokens(piece).prefix(left)))
      }
    } catch is Enough {}
    return try file.tensor()
  }
}

/// Blocks of tokens, each with the token behind it, in a file.
private struct BlockFile {
  private let file: TokenFile
  private let block: Int
  /// The corpus of each block.
  private(set) var groups: [Int] = []
  private var corpora = 0
  /// Blocks that are written at once.
  private static let batch = 1024

  init(_ block: Int) throws {
    self.block = block
    file = try TokenFile()
  }

  mutating func append(_ ids: Tensor, of corpus: String, stride: Int) throws {
    let count = ids.count > block ? (ids.count - 1 - block) / stride + 1 : 0
    guard count > 0 else {
      throw TextDataError(
        corpus, "\(ids.count) tokens do not fill a block of \(block) and the token behind it")
    }
    let rows = try ids.asStrided([count, block + 1], strides: [stride, 1], offset: ids.storageOffset)
    for start in Swift.stride(from: 0, to: count, by: Self.batch) {
      try file.append(rows[start..<min(start + Self.batch, count)].integers())
    }
    groups += [Int](repeating: corpora, count: count)
    corpora += 1
  }

  /// - Parameter first: what identifies the first block.
  func examples(first: Int) throws -> Examples {
    let rows = try file.tensor().reshape([groups.count, block + 1])
    return try Examples(
      inputs: rows.narrow(dim: 1, start: 0, count: block),
      targets: rows.narrow(dim: 1, start: 1, count: block),
      identifiers: Tensor.arange(first, first + groups.count))
  }
}
