/// The unigram language model (Kudo 2018): of all ways to spell a text with pieces, the most probable one.
struct Unigram: Sendable {
  let vocabulary: Vocabulary
  private let scores: [Double]
  private let unknownID: Int32
  private let unknownScore: Double
  private let fallsBackToBytes: Bool
  private let byteIDs: [Int32]
  private let trie: ByteTrie

  /// How much less probable than the least probable piece an unknown character is, as in SentencePiece.
  private static let unknownPenalty = 10.0

  init(_ node: JSONNode) throws {
    let place = try node.required("vocab")
    let pieces = try place.elements()
    var vocabulary = Vocabulary(capacity: pieces.count)
    var scores: [Double] = []
    var trie = ByteTrie()
    for (id, piece) in pieces.enumerated() {
      let pair = try piece.elements()
      guard pair.count == 2 else { throw piece.invalid(allowed: "a piece and its score") }
      let token = try pair[0].string()
      try vocabulary.add(token, id: id, file: node.file, key: piece.key)
      trie.insert(Array(token.utf8), Int32(id))
      scores.append(try pair[1].number())
    }
    unknownID = Int32(try node.required("unk_id").integer(in: 0...max(pieces.count - 1, 0)))
    guard !pieces.isEmpty else { throw place.invalid(allowed: "at least one piece") }
    unknownScore = (scores.min() ?? 0) - Self.unknownPenalty
    fallsBackToBytes = try node.flag("byte_fallback")
    byteIDs = (0..<256).map { byte in
      let digits = String(byte, radix: 16, uppercase: true)
      return vocabulary.id(of: byte < 16 ? "<0x0\(digits)>" : "<0x\(digits)>") ?? -1
    }
    self.vocabulary = vocabulary
    self.scores = scores
    self.trie = trie
  }

  private struct Node {
    var score = 0.0
    var start: Int32 = -1
    var id: Int32 = 0
  }

  /// Appends the tokens of a word that is not empty.
  func encode(_ word: ByteText, into tokens: inout [Token]) {
    var ends = [Node](repeating: Node(), count: word.count + 1)
    var start = 0
    while start < word.count {
      let score = ends[start].score
      let length = word.scalarLength(at: start)
      var hasSingle = false
      func offer(_ end: Int, _ candidate: Double, _ id: Int32) {
        guard ends[end].start < 0 || candidate > ends[end].score else { return }
        ends[end] = Node(score: candidate, start: Int32(start), id: id)
      }
      trie.forEachPrefix(of: word, from: start) { end, id in
        offer(end, scores[Int(id)] + score, id)
        if end == start + length { hasSingle = true }
      }
      if !hasSingle { offer(start + length, unknownScore + score, unknownID) }
      start += length
    }
    emit(word, ends, into: &tokens)
  }

  /// Follows the best path back from the end; unknown neighbours become one.
  private func emit(_ word: ByteText, _ ends: [Node], into tokens: inout [Token]) {
    var path: [Range<Int>] = []
    var end = word.count
    var unknownEnd: Int?
    while end > 0 {
      let node = ends[end]
      if node.id == unknownID {
        if unknownEnd == nil { unknownEnd = end }
      } else {
        if let last = unknownEnd { path.append(end..<last) }
        unknownEnd = nil
        path.append(Int(node.start)..<end)
      }
      end = Int(node.start)
    }
    if let last = unknownEnd { path.append(0..<last) }
    for range in path.reversed() { append(word[slice: range], to: &tokens) }
  }

  private func append(_ piece: ByteText, to tokens: inout [Token]) {
    if let id = vocabulary.table[piece] {
      tokens.append(Token(id: id, length: Int32(piece.count)))
    } else if fallsBackToBytes, piece.allSatisfy({ byteIDs[Int($0)] >= 0 }) {
      for byte in piece { tokens.append(Token(id: byteIDs[Int(byte)], length: 1)) }
    } else {
      tokens.append(Token(id: unknownID, length: Int32(piece.count)))
    }
  }
}
