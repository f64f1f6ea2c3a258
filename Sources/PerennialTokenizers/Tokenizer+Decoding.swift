extension Tokenizer {
  /// The text that ids stand for. Ids without a token are passed over.
  public func decode(_ ids: some Sequence<Int32>, skipSpecialTokens: Bool = true) -> String {
    var tokens: [[UInt8]] = []
    for id in ids {
      let id = Int(id)
      if skipSpecialTokens, added.isSpecial(id) { continue }
      if let text = added.text(id) {
        tokens.append(text)
      } else if let token = model.vocabulary.token(id) {
        tokens.append(Array(token))
      }
    }
    let parts = decoder?.apply(to: tokens) ?? [Array(tokens.joined(separator: [UInt8(ascii: " ")]))]
    return String(decoding: parts.joined(), as: UTF8.self)
  }

  /// A decoder that takes tokens one by one, as a model generates them.
  public func streamDecoder(skipSpecialTokens: Bool = true) -> StreamDecoder {
    StreamDecoder(self, skipSpecialTokens: skipSpecialTokens)
  }
}
