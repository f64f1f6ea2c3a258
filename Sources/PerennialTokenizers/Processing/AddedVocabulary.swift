/// The added tokens of a tokenizer. They are found with a trie: an expression with a group for each token takes time in
/// proportion to their number at every character.
struct AddedVocabulary: Sendable {
  private struct Entry: Sendable {
    var token: AddedToken
    /// How the token reads once normalized.
    var text: [UInt8]
  }

  private var entries: [Int32: Entry] = [:]
  private var table = ByteTable()
  private var written = ByteTrie()
  private var normalized = ByteTrie()
  private(set) var endID = 0

  var hasNormalized: Bool { !normalized.isEmpty }

  init(_ node: JSONNode?, model: Vocabulary, normalizer: Normalizer?) throws {
    for element in try node?.elements() ?? [] {
      let token = try AddedToken(element)
      let id = try element.required("id").integer(in: 0...Vocabulary.highestID)
      if token.content.isEmpty || entries[Int32(id)]?.token == token { continue }
      if let known = model.id(of: token.content) ?? table[token.content], Int(known) != id {
        throw TokenizerError.conflictingID(file: element.file, key: element.key, token: token.content, id: id)
      }
      if entries[Int32(id)] != nil || (model.id(of: token.content) == nil && model.token(id) != nil) {
        throw TokenizerError.conflictingID(file: element.file, key: element.key, token: token.content, id: id)
      }
      add(token, id: Int32(id), normalizer)
    }
  }

  private mutating func add(_ token: AddedToken, id: Int32, _ normalizer: Normalizer?) {
    let content = Array(token.content.utf8)
    var text = content
    if token.isNormalized, let normalizer {
      text = content.withUnsafeBufferPointer {
        var aligned = AlignedText($0, start: 0, isTracked: false)
        normalizer.apply(to: &aligned)
        return aligned.bytes
      }
    }
    entries[id] = Entry(token: token, text: text)
    content.withUnsafeBufferPointer { _ = table.insert($0, id) }
    if token.isNormalized { normalized.insert(text, id) } else { written.insert(text, id) }
    endID = max(endID, Int(id) + 1)
  }

  func id(of token: String) -> Int32? { table[token] }
  func token(_ id: Int) -> AddedToken? { entries[Int32(truncatingIfNeeded: id)]?.token }
  func text(_ id: Int) -> [UInt8]? { entries[Int32(truncatingIfNeeded: id)]?.text }
  func isSpecial(_ id: Int) -> Bool { token(id)?.isSpecial ?? false }

  var specialIDs: [Int] { entries.filter(\.value.token.isSpecial).keys.map(Int.init).sorted() }
  var ids: [Int] { entries.keys.map(Int.init).sorted() }

  /// Reports all of the text in order: added tokens, and the stretches between them with a nil id.
  ///
  /// - Parameter isNormalized: which tokens to look for.
  func forEachSection(of text: ByteText, isNormalized: Bool, _ body: (Range<Int>, Int32?) -> Void) {
    let trie = isNormalized ? normalized : written
    guard !trie.isEmpty else {
      if !text.isEmpty { body(0..<text.count, nil) }
      return
    }
    var reported = 0
    var index = 0
    while index < text.count {
      guard let match = trie.longestPrefix(of: text, from: index), let entry = entries[match.value] else {
        index += 1
        continue
      }
      var range = index..<match.end
      index = match.end
      if entry.token.isSingleWord, !isSingleWord(range, in: text) { continue }
      if entry.token.stripsLeft {
        range = max(spaceStart(before: range.lowerBound, in: text), reported)..<range.upperBound
      }
      if entry.token.stripsRight { range = range.lowerBound..<spaceEnd(from: range.upperBound, in: text) }
      if reported < range.lowerBound { body(reported..<range.lowerBound, nil) }
      body(range, match.value)
      reported = range.upperBound
    }
    if reported < text.count { body(reported..<text.count, nil) }
  }

  private func isSingleWord(_ range: Range<Int>, in text: ByteText) -> Bool {
    let classes = CharacterClasses.shared
    let isFree =
      range.lowerBound == 0
      || !classes[text.scalar(at: text.scalarStart(before: range.lowerBound)).value].contains(.word)
    return isFree
      && (range.upperBound == text.count || !classes[text.scalar(at: range.upperBound).value].contains(.word))
  }

  private func spaceStart(before index: Int, in text: ByteText) -> Int {
    var start = index
    while start > 0 {
      let previous = text.scalarStart(before: start)
      guard CharacterClasses.shared[text.scalar(at: previous).value].contains(.space) else { break }
      start = previous
    }
    return start
  }

  private func spaceEnd(from index: Int, in text: ByteText) -> Int {
    var end = index
    while end < text.count {
      let (scalar, length) = text.scalar(at: end)
      guard CharacterClasses.shared[scalar].contains(.space) else { break }
      end += length
    }
    return end
  }
}
