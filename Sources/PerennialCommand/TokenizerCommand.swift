import ArgumentParser
import Foundation
import PerennialText
import PerennialTokenizers

struct TokenizerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenizer", abstract: "Make a tokenizer from texts, or see what one makes of a text.",
    subcommands: [Train.self, Encode.self, Decode.self])

  /// A `tokenizer.json`, or the one in a folder.
  struct Source: ParsableArguments {
    @Argument(
      help: "A tokenizer.json, or the folder of a model that has one.",
      completion: .file(extensions: ["json"]))
    var tokenizer: String

    func read() throws -> Tokenizer {
      let url = URL(fileURLWithPath: tokenizer)
      return url.pathExtension == "json" ? try Tokenizer(file: url) : try Tokenizer(folder: url)
    }
  }
}

extension TokenizerCommand {
  struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Learn a vocabulary from text files, line by line, and write tokenizer.json.",
      discussion: "The same vocabulary and merges as Hugging Face's trainers learn from the same lines.")

    enum Kind: String, CaseIterable, ExpressibleByArgument { case bpe, wordpiece }

    @Argument(help: "Text files in UTF-8.", completion: .file())
    var files: [String]

    @Option(help: "Byte-level BPE as GPT-2 has it, or WordPiece as BERT has it.")
    var kind = Kind.bpe

    @Option(help: "The size of the vocabulary, special tokens included.")
    var vocabulary = 8000

    @Option(help: "How often a pair must occur to become a token.")
    var minimumFrequency = 2

    @Option(help: "The file to write.")
    var out = "tokenizer.json"

    func run() throws {
      let lines = try files.flatMap { file in
        try TextLines.of(Corpus.file(URL(fileURLWithPath: file)).text()).map { $0 + "\n" }
      }
      let tokenizer =
        switch kind {
        case .bpe:
          try Tokenizer.trainByteLevelBPE(on: lines, size: vocabulary, minimumFrequency: minimumFrequency)
        case .wordpiece:
          try Tokenizer.trainWordPiece(on: lines, size: vocabulary, minimumFrequency: minimumFrequency)
        }
      let url = URL(fileURLWithPath: out)
      try tokenizer.save(to: url)
      Console.say("\(tokenizer.vocabularyCount) tokens: \(url.relativePath)")
    }
  }

  struct Encode: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print the token ids of texts, one line each.",
      discussion: "Reads lines from standard input where no text is given.")

    @OptionGroup var source: Source

    @Argument(help: "The texts.")
    var texts: [String] = []

    @Flag(help: "Print the tokens beside their ids.")
    var tokens = false

    @Flag(help: "Leave out what is put around texts, such as [CLS].")
    var plain = false

    func run() throws {
      let tokenizer = try source.read()
      func show(_ text: String) {
        let ids = tokenizer.encode(text, addSpecialTokens: !plain).ids.map(Int.init)
        print(
          tokens
            ? ids.map { "\($0) \(tokenizer.token(of: $0) ?? "?")" }.joined(separator: "\n")
            : ids.map(String.init).joined(separator: " "))
      }
      guard texts.isEmpty else { return texts.forEach(show) }
      for line in try TextLines.standardInput() { show(line) }
    }
  }

  struct Decode: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print the text of token ids.",
      discussion: "Reads lines of ids from standard input where none is given.")

    @OptionGroup var source: Source

    @Argument(help: "The ids.")
    var ids: [Int] = []

    @Flag(help: "Print special tokens too.")
    var special = false

    func run() throws {
      let tokenizer = try source.read()
      func show(_ ids: [Int]) throws {
        if let wrong = ids.first(where: { !(0..<tokenizer.vocabularyCount).contains($0) }) {
          throw ValidationError("\(wrong) is no id of this tokenizer, which has \(tokenizer.vocabularyCount)")
        }
        print(tokenizer.decode(ids.map(Int32.init), skipSpecialTokens: !special))
      }
      guard ids.isEmpty else { return try show(ids) }
      for line in try TextLines.standardInput() {
        try show(
          line.split(whereSeparator: \.isWhitespace).map { word in
            guard let id = Int(word) else { throw ValidationError("'\(word)' is no id") }
            return id
          })
      }
    }
  }
}
