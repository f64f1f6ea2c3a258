extension Tokenizer {
  /// The tokens of a text.
  ///
  /// - Parameters:
  ///   - addSpecialTokens: whether the post-processor puts its tokens around, such as `[CLS]` or `<s>`.
  ///   - withOffsets: whether `offsets` are filled in.
  ///   - truncation: for instance the file's, `tokenizer.truncation`.
  public func encode(
    _ text: String, addSpecialTokens: Bool = true, withOffsets: Bool = false, truncation: Truncation? = nil
  ) -> Encoding {
    pool.withWorkspace { workspace in
      finish(
        [sequence(text, typeID: 0, withOffsets: withOffsets, &workspace)],
        addSpecialTokens: addSpecialTokens, truncation: truncation)
    }
  }

  /// The tokens of two texts in one sequence, such as a question and a passage.
  public func encode(
    _ first: String, pair second: String, addSpecialTokens: Bool = true, withOffsets: Bool = false,
    truncation: Truncation? = nil
  ) -> Encoding {
    pool.withWorkspace { workspace in
      finish(
        [
          sequence(first, typeID: 0, withOffsets: withOffsets, &workspace),
          sequence(second, typeID: 1, withOffsets: withOffsets, &workspace),
        ],
        addSpecialTokens: addSpecialTokens, truncation: truncation)
    }
  }

  /// The tokens of many texts, brought to one length when `padding` is given.
  public func encode(
    batch texts: some Sequence<String>, addSpecialTokens: Bool = true, withOffsets: Bool = false,
    truncation: Truncation? = nil, padding: Padding? = nil
  ) -> [Encoding] {
    let encodings = texts.map {
      encode($0, addSpecialTokens: addSpecialTokens, withOffsets: withOffsets, truncation: truncation)
    }
    return padding?.apply(to: encodings) ?? encodings
  }

  /// The tokens of a text with the bytes that each came from, before any post-processor, which may leave spaces out of them.
  package func encodeWithOrigins(_ text: String) -> Encoding {
    pool.withWorkspace { sequence(text, typeID: 0, withOffsets: true, &$0) }
  }

  private func finish(_ sequences: [Encoding], addSpecialTokens: Bool, truncation: Truncation?) -> Encoding {
    var parts = sequences
    if let truncation {
      let added = addSpecialTokens ? postProcessor?.addedCount(isPair: parts.count > 1) ?? 0 : 0
      parts = truncation.apply(to: parts, addedCount: added)
    }
    let hasOffsets = parts.first?.offsets != nil
    if let postProcessor {
      parts = postProcessor.apply(
        to: parts, addsSpecialTokens: addSpecialTokens, vocabulary: model.vocabulary)
    }
    return .joined(parts, hasOffsets: hasOffsets)
  }

  /// The tokens of one text alone.
  private func sequence(
    _ text: String, typeID: Int32, withOffsets: Bool, _ workspace: inout Workspace
  ) -> Encoding {
    var sink = TokenSink(withOffsets: withOffsets)
    var text = text
    text.withUTF8 { bytes in
      sink.ids.reserveCapacity(bytes.count / 3 + 4)
      added.forEachSection(of: bytes, isNormalized: false) { range, id in
        if let id {
          sink.append(id, range)
        } else {
          encodeStretch(bytes, range, into: &sink, &workspace)
        }
      }
    }
    return Encoding(ids: sink.ids, typeID: typeID, offsets: sink.offsets)
  }

  /// A stretch between added tokens: it is normalized, then searched for added tokens once more.
  private func encodeStretch(
    _ bytes: ByteText, _ range: Range<Int>, into sink: inout TokenSink, _ workspace: inout Workspace
  ) {
    var text = AlignedText(
      bytes[slice: range], start: range.lowerBound, isTracked: needsOrigins || sink.offsets != nil)
    normalizer?.apply(to: &text)
    guard added.hasNormalized else {
      return encodePieces(Pieces(text: text, isFirst: range.lowerBound == 0), into: &sink, &workspace)
    }
    text.bytes.withUnsafeBufferPointer { normalized in
      added.forEachSection(of: normalized, isNormalized: true) { section, id in
        if let id {
          let origin = text.origin(of: section)
          sink.append(id, Int(origin.lowerBound)..<Int(origin.upperBound))
        } else {
          var part = AlignedText(isTracked: text.isTracked)
          part.append(text, section)
          let isFirst = range.lowerBound == 0 && section.lowerBound == 0
          encodePieces(Pieces(text: part, isFirst: isFirst), into: &sink, &workspace)
        }
      }
    }
  }

  private func encodePieces(
    _ source: consuming Pieces, into sink: inout TokenSink, _ workspace: inout Workspace
  ) {
    var pieces = source
    for (step, mapsBytes) in steps { step.apply(to: &pieces, mapsBytes: mapsBytes) }
    workspace.tokens.removeAll(keepingCapacity: true)
    pieces.text.bytes.withUnsafeBufferPointer { bytes in
      for word in pieces.words {
        let first = workspace.tokens.count
        model.encode(bytes[slice: word], &workspace)
        if sink.offsets != nil {
          appendOffsets(of: workspace.tokens[first...], word, pieces.text, to: &sink)
        }
      }
    }
    for token in workspace.tokens { sink.ids.append(token.id) }
  }

  private func appendOffsets(
    of tokens: ArraySlice<Token>, _ word: Range<Int>, _ text: borrowing AlignedText, to sink: inout TokenSink
  ) {
    var start = word.lowerBound
    for token in tokens {
      let end = min(start + Int(token.length), word.upperBound)
      let origin = text.origin(of: start..<end)
      sink.offsets?.append(Int(origin.lowerBound)..<Int(origin.upperBound))
      start = end
    }
  }
}

/// Where the tokens of a text are gathered.
private struct TokenSink {
  var ids: [Int32] = []
  var offsets: [Range<Int>]?

  init(withOffsets: Bool) { offsets = withOffsets ? [] : nil }

  mutating func append(_ id: Int32, _ range: Range<Int>) {
    ids.append(id)
    offsets?.append(range)
  }
}
