extension Tokenizer {
  /// Learns a byte-level BPE tokenizer, with GPT-2's pre-tokenizer, as Hugging Face's trainer does on the same texts.
  ///
  /// - Parameters:
  ///   - size: of the vocabulary, special tokens and the 256 bytes included.
  ///   - minimumFrequency: how often a pair must occur to be merged.
  ///   - specialTokens: get the first ids.
  ///   - addsPrefixSpace: whether the first word of a text is treated as if a space preceded it.
  ///
  /// Throws `TokenizerError.vocabularyTooSmall`.
  public static func trainByteLevelBPE(
    on texts: some Sequence<String>, size: Int, minimumFrequency: Int = 0,
    specialTokens: [String] = ["<|endoftext|>"], addsPrefixSpace: Bool = false
  ) throws -> Tokenizer {
    let step = PreTokenizer.byteLevel(addsPrefixSpace: addsPrefixSpace, usesExpression: true)
    let counts = WordCounts(texts, normalizer: nil, steps: [step])
    var trainer = MergeTrainer(size: size, minimumFrequency: minimumFrequency)
    let result = try trainer.train(counts, specialTokens: specialTokens, alphabet: ByteAlphabet.scalars)
    let tokens = result.tokens.map { String(decoding: $0, as: UTF8.self) }
    let byteLevel = JSONValue.object([
      "type": "ByteLevel", "add_prefix_space": .bool(addsPrefixSpace), "trim_offsets": true,
      "use_regex": true,
    ])
    return try trained(
      specialTokens: specialTokens, preTokenizer: byteLevel, postProcessor: byteLevel, decoder: byteLevel,
      model: .object([
        "type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil,
        "end_of_word_suffix": nil, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
        "vocab": vocabulary(tokens),
        "merges": .array(
          result.merges.map { [.string(tokens[Int($0.left)]), .string(tokens[Int($0.right)])] }),
      ]))
  }

  /// Learns a WordPiece tokenizer with BERT's normalizer and pre-tokenizer.
  ///
  /// Hugging Face's trainer numbers characters inside words in the order of a hash table, so that its vocabulary
  /// changes from run to run. Here they are numbered as the texts bring them up.
  ///
  /// - Parameters:
  ///   - size: of the vocabulary, special tokens included.
  ///   - minimumFrequency: how often a pair must occur to be joined.
  ///   - specialTokens: get the first ids; `[CLS]` and `[SEP]`, where named, are put around texts.
  ///
  /// Throws `TokenizerError.vocabularyTooSmall`, or `.unknownToken` when `[UNK]` is missing.
  public static func trainWordPiece(
    on texts: some Sequence<String>, size: Int, minimumFrequency: Int = 0,
    specialTokens: [String] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], lowercases: Bool = true
  ) throws -> Tokenizer {
    let normalizer = JSONValue.object([
      "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": nil,
      "lowercase": .bool(lowercases),
    ])
    let read = try Normalizer(JSONNode(value: normalizer, file: trainedName, key: "normalizer"))
    let counts = WordCounts(texts, normalizer: read, steps: [.bert])
    var trainer = MergeTrainer(size: size, minimumFrequency: minimumFrequency, prefix: "##")
    let result = try trainer.train(counts, specialTokens: specialTokens)
    return try trained(
      specialTokens: specialTokens, normalizer: normalizer,
      preTokenizer: .object(["type": "BertPreTokenizer"]),
      postProcessor: bertTemplate(specialTokens),
      decoder: .object(["type": "WordPiece", "prefix": "##", "cleanup": true]),
      model: .object([
        "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100,
        "vocab": vocabulary(result.tokens.map { String(decoding: $0, as: UTF8.self) }),
      ]))
  }

  private static let trainedName = "trained tokenizer"

  private static func vocabulary(_ tokens: [String]) -> JSONValue {
    .object(tokens.enumerated().map { .init(key: $1, value: .integer($0)) })
  }

  private static func bertTemplate(_ specialTokens: [String]) -> JSONValue {
    guard let start = specialTokens.firstIndex(of: "[CLS]"), let end = specialTokens.firstIndex(of: "[SEP]")
    else { return nil }
    func special(_ name: String, _ typeID: Int) -> JSONValue {
      .object(["SpecialToken": .object(["id": .string(name), "type_id": .integer(typeID)])])
    }
    func sequence(_ name: String, _ typeID: Int) -> JSONValue {
      .object(["Sequence": .object(["id": .string(name), "type_id": .integer(typeID)])])
    }
    func entry(_ name: String, _ id: Int) -> JSONValue {
      .object(["id": .string(name), "ids": [.integer(id)], "tokens": [.string(name)]])
    }
    let single = [special("[CLS]", 0), sequence("A", 0), special("[SEP]", 0)]
    return .object([
      "type": "TemplateProcessing", "single": .array(single),
      "pair": .array(single + [sequence("B", 1), special("[SEP]", 1)]),
      "special_tokens": .object(["[CLS]": entry("[CLS]", start), "[SEP]": entry("[SEP]", end)]),
    ])
  }

  /// Writes the document of a trained tokenizer and reads it, so that what is used is what will be saved.
  private static func trained(
    specialTokens: [String], normalizer: JSONValue = nil, preTokenizer: JSONValue, postProcessor: JSONValue,
    decoder: JSONValue, model: JSONValue
  ) throws -> Tokenizer {
    let document = JSONValue.object([
      "version": "1.0", "truncation": nil, "padding": nil,
      "added_tokens": .array(specialTokens.enumerated().map { AddedToken($1).json(id: $0) }),
      "normalizer": normalizer, "pre_tokenizer": preTokenizer, "post_processor": postProcessor,
      "decoder": decoder, "model": model,
    ])
    return try Tokenizer(document: document.document, file: trainedName)
  }
}
