/// The ids of the tokens with a part to play; nil where a tokenizer has none.
public struct SpecialTokens: Sendable, Equatable {
  /// Where a sequence begins and ends, what fills up a batch, and what stands for the unknown.
  public var begin, end, padding, unknown: Int?
  /// BERT's: the blank to fill in, the class of the text, and what stands between two texts.
  public var mask, classification, separator: Int?

  public init(
    begin: Int? = nil, end: Int? = nil, padding: Int? = nil, unknown: Int? = nil, mask: Int? = nil,
    classification: Int? = nil, separator: Int? = nil
  ) {
    self.begin = begin
    self.end = end
    self.padding = padding
    self.unknown = unknown
    self.mask = mask
    self.classification = classification
    self.separator = separator
  }

  static let keys: [(key: String, path: WritableKeyPath<SpecialTokens, Int?> & Sendable, usual: [String])] = [
    ("bos_token", \.begin, ["<s>", "<|begin_of_text|>"]),
    ("eos_token", \.end, ["</s>", "<|endoftext|>", "<|end_of_text|>"]),
    ("pad_token", \.padding, ["[PAD]", "<pad>"]),
    ("unk_token", \.unknown, ["[UNK]", "<unk>"]),
    ("mask_token", \.mask, ["[MASK]", "<mask>"]),
    ("cls_token", \.classification, ["[CLS]"]),
    ("sep_token", \.separator, ["[SEP]"]),
  ]

  /// By their usual names, for a tokenizer.json without a tokenizer_config.json.
  static func conventional(_ id: (String) -> Int?) -> SpecialTokens {
    var tokens = SpecialTokens()
    for (_, path, usual) in keys { tokens[keyPath: path] = usual.lazy.compactMap(id).first }
    return tokens
  }
}
