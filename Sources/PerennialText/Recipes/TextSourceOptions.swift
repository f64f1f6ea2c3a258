import Perennial
import PerennialTokenizers

/// Options of texts with classes: `clinc150`, `banking77`.
struct LabeledTextOptions: Configurable {
  /// A `tokenizer.json` or a folder with one, below the data root unless absolute; the model's own when nil.
  var tokenizer: String?
  /// The folder of a sentence encoder, whose vectors take the place of the texts: made once, for models such as `mlp`.
  var vectors: String?
  /// The most tokens of a text.
  var length = 64
  var long = LongTexts.truncate
  /// The first so many training texts of each class; all when nil.
  var limit: Int?

  func validate(at node: ConfigurationNode) throws {
    try node.require("length", length, atLeast: 3)
    try node.require("limit", limit, atLeast: 1)
  }
}

/// Options of `texts`: files of records with `text` and `label`, and perhaps `task` or `time`.
struct TextFileOptions: Configurable {
  /// JSON lines or CSV, below the data root unless absolute.
  var train = ""
  var test = ""
  var bad = BadRecords.refuse
  var tokenizer: String?
  var vectors: String?
  var length = 64
  var long = LongTexts.truncate

  func validate(at node: ConfigurationNode) throws {
    try node.requireFiles(train: train, test: test)
    try node.require("length", length, atLeast: 3)
  }

  var labeled: LabeledTextOptions {
    var options = LabeledTextOptions()
    (options.tokenizer, options.vectors, options.length, options.long) = (tokenizer, vectors, length, long)
    return options
  }
}

/// Options of `stories`: files of records as those of `texts`. The first line of a text asks, the others tell.
struct StoryOptions: Configurable {
  /// JSON lines or CSV, below the data root unless absolute.
  var train = ""
  var test = ""
  var bad = BadRecords.refuse
  /// The most lines that are kept of what is told, the last ones; all when nil.
  var memories: Int?

  func validate(at node: ConfigurationNode) throws {
    try node.requireFiles(train: train, test: test)
    try node.require("memories", memories, atLeast: 1)
  }
}

extension ConfigurationNode {
  /// Throws unless there are files of records to learn and to test.
  fileprivate func requireFiles(train: String, test: String) throws {
    for (key, value) in [("train", train), ("test", test)] where value.isEmpty {
      throw error("missing key `\(key)`: a file of records")
    }
  }
}

/// Options of `facts`: facts in versions.
struct FactOptions: Configurable {
  /// JSON lines, below the data root unless absolute; those of the invented world when nil.
  var path: String?
  /// Whether questions are asked in other words than those that were learned.
  var paraphrased = false
  var tokenizer: String?
  var length = 64
}

/// Options of `corpora`: running text, to learn the next token of.
struct CorporaOptions: Configurable {
  /// Names of known corpora, or text files or folders of them, below the data root unless absolute.
  var texts: [String] = []
  /// `bytes`, `characters`, or a `tokenizer.json` or a folder with one; the model's own when nil.
  var tokenizer: String?
  /// Tokens of a row.
  var block = 128
  /// From the start of a row that is learned to that of the next; the block when nil. Fewer let a token be learned at more
  /// than one place.
  var stride: Int?
  /// The share of each corpus at its end that tests.
  var test = 0.1
  /// The first so many tokens of each corpus; all when nil.
  var limit: Int?

  func validate(at node: ConfigurationNode) throws {
    guard !texts.isEmpty else { throw node.error(at: "texts", "must name at least one corpus") }
    try node.require("block", block, atLeast: 2)
    try node.require("stride", stride, atLeast: 1)
    try node.require("test", test, in: 0.001...0.9)
    try node.require("limit", limit, atLeast: 4)
  }
}

/// Options of `records`: files of JSON lines for a language model, with `text`, `prompt` and `completion`, or `messages`.
struct RecordFileOptions: Configurable {
  /// Below the data root unless absolute.
  var train = ""
  var test = ""
  var bad = BadRecords.refuse
  var rows = RecordRowOptions()

  enum CodingKeys: String, CodingKey { case train, test, bad, rows }

  func validate(at node: ConfigurationNode) throws {
    try node.requireFiles(train: train, test: test)
  }
}

/// How records become rows of tokens.
struct RecordRowOptions: Configurable {
  /// A `tokenizer.json` or a folder with one, below the data root unless absolute; the model's own when nil, and where
  /// that has none, one that is learned from the training texts.
  var tokenizer: String?
  /// Tokens of a tokenizer that is learned here.
  var vocabulary = 6000
  /// The most tokens of a row.
  var length = 64
  var long = LongTexts.truncate
  /// Several short texts in a row, which do not see each other.
  var pack = false
  /// How `messages` are written: `plain`, `chatml`, `llama2`, `llama3`, `gemma` or `mistral`; as the tokenizer's files say
  /// when nil.
  var chat: ChatForm?
  /// Put between a prompt and its completion, as a token of its own where the tokenizer is learned here.
  var separator: String?

  func validate(at node: ConfigurationNode) throws {
    try node.require("length", length, atLeast: 3)
    try node.require("vocabulary", vocabulary, atLeast: 260)
  }
}

/// A way to write conversations, by its name.
enum ChatForm: String, Codable, CaseIterable, Sendable {
  case plain, chatml, llama2, llama3, gemma, mistral

  var format: ChatFormat {
    switch self {
    case .plain: .plain
    case .chatml: .chatML()
    case .llama2: .llama2
    case .llama3: .llama3
    case .gemma: .gemma
    case .mistral: .mistral
    }
  }
}

/// Options of `multi30k`: captions of pictures and their translations.
struct TranslationOptions: Configurable {
  /// Each of which is a group: from the first language to the second, of cs, de, en and fr.
  var pairs = ["de-en"]
  /// The first so many training captions of each pair; all when nil.
  var limit: Int?
  var rows = RecordRowOptions()

  func validate(at node: ConfigurationNode) throws {
    guard !pairs.isEmpty else { throw node.error(at: "pairs", "must name at least one, such as de-en") }
    try node.require("limit", limit, atLeast: 1)
  }
}
