/// The tokens of a text, or of a pair of texts.
public struct Encoding: Sendable, Equatable {
  public internal(set) var ids: [Int32]
  /// 0 for the first text and 1 for the second, or what the tokenizer says otherwise.
  public internal(set) var typeIDs: [Int32]
  /// 1 where a token was put around the texts or is padding.
  public internal(set) var specialTokensMask: [Int32]
  /// 0 where a token is padding.
  public internal(set) var attentionMask: [Int32]
  /// The UTF-8 bytes of the text that each token came from, when they were asked for; empty for special tokens.
  public internal(set) var offsets: [Range<Int>]?

  /// The number of tokens.
  public var count: Int { ids.count }

  init(ids: [Int32], typeID: Int32, offsets: [Range<Int>]?) {
    self.ids = ids
    typeIDs = [Int32](repeating: typeID, count: ids.count)
    specialTokensMask = [Int32](repeating: 0, count: ids.count)
    attentionMask = [Int32](repeating: 1, count: ids.count)
    self.offsets = offsets
  }

  init(capacity: Int, hasOffsets: Bool) {
    self.init(ids: [], typeID: 0, offsets: hasOffsets ? [] : nil)
    ids.reserveCapacity(capacity)
    typeIDs.reserveCapacity(capacity)
    specialTokensMask.reserveCapacity(capacity)
    attentionMask.reserveCapacity(capacity)
  }

  /// Takes over the tokens of a sequence.
  mutating func append(_ other: Encoding, typeID: Int32) {
    ids.append(contentsOf: other.ids)
    typeIDs.append(contentsOf: repeatElement(typeID, count: other.count))
    specialTokensMask.append(contentsOf: other.specialTokensMask)
    attentionMask.append(contentsOf: other.attentionMask)
    if let more = other.offsets { offsets?.append(contentsOf: more) }
  }

  mutating func append(special tokens: [Int32], typeID: Int32) {
    for id in tokens {
      ids.append(id)
      typeIDs.append(typeID)
      specialTokensMask.append(1)
      attentionMask.append(1)
      offsets?.append(0..<0)
    }
  }

  mutating func append(_ other: Encoding) {
    ids.append(contentsOf: other.ids)
    typeIDs.append(contentsOf: other.typeIDs)
    specialTokensMask.append(contentsOf: other.specialTokensMask)
    attentionMask.append(contentsOf: other.attentionMask)
    if let more = other.offsets { offsets?.append(contentsOf: more) }
  }

  static func joined(_ parts: [Encoding], hasOffsets: Bool) -> Encoding {
    guard var result = parts.first else {
      return Encoding(ids: [], typeID: 0, offsets: hasOffsets ? [] : nil)
    }
    for part in parts.dropFirst() { result.append(part) }
    return result
  }

  /// Keeps the first or the last tokens.
  func truncated(to count: Int, from direction: Truncation.Direction) -> Encoding {
    guard count < ids.count else { return self }
    let kept = direction == .right ? 0..<count : ids.count - count..<ids.count
    var copy = self
    copy.ids = Array(ids[kept])
    copy.typeIDs = Array(typeIDs[kept])
    copy.specialTokensMask = Array(specialTokensMask[kept])
    copy.attentionMask = Array(attentionMask[kept])
    copy.offsets = offsets.map { Array($0[kept]) }
    return copy
  }

  func padded(to count: Int, with padding: Padding) -> Encoding {
    guard count > ids.count else { return self }
    var filler = Encoding(
      ids: [Int32](repeating: padding.id, count: count - ids.count), typeID: padding.typeID,
      offsets: offsets == nil ? nil : [Range<Int>](repeating: 0..<0, count: count - ids.count))
    for index in filler.ids.indices {
      filler.specialTokensMask[index] = 1
      filler.attentionMask[index] = 0
    }
    return .joined(
      padding.direction == .right ? [self, filler] : [filler, self], hasOffsets: offsets != nil)
  }

  /// Offsets without the spaces at either end of byte-level tokens.
  func trimmed(_ trimming: PostProcessor.OffsetTrimming?, _ vocabulary: Vocabulary) -> Encoding {
    guard let trimming, var offsets else { return self }
    let space = Array("\u{120}".utf8)
    for (index, id) in ids.enumerated() {
      guard let token = vocabulary.token(Int(id)) else { continue }
      var leading = 0
      var rest = token
      while rest.starts(with: space) {
        rest = rest.dropFirst(space.count)
        leading += 1
      }
      var trailing = 0
      rest = token
      while rest.suffix(space.count).elementsEqual(space) {
        rest = rest.dropLast(space.count)
        trailing += 1
      }
      var (lower, upper) = (offsets[index].lowerBound, offsets[index].upperBound)
      let isFirst = index == 0 || lower == 0
      if isFirst, trimming.addsPrefixSpace, leading == 1 { leading = 0 }
      lower = min(lower + leading, upper)
      if trailing > 0, upper >= trailing { upper = max(upper - trailing, lower) }
      offsets[index] = lower..<upper
    }
    var copy = self
    copy.offsets = offsets
    return copy
  }
}
