import ArgumentParser
import Foundation
import Perennial
import PerennialText
import PerennialTokenizers
import Torch

struct GenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Let a language model go on with a text, or a translator translate it.",
    discussion: """
      The model is a folder as `transformers` writes it: config.json, safetensors and tokenizer.json. A T5 reads all of the \
      text and writes what it makes of it; other models go on with it. What is written goes to \
      standard output as it comes. Without a temperature the likeliest token is taken.
      """)

  @Argument(help: "The folder of the model.", completion: .directory)
  var model: String

  @Argument(help: "The text to go on with; standard input where this is not given.")
  var prompt: String?

  @Option(help: "The folder of a PEFT adapter to put beside the model.", completion: .directory)
  var adapter: String?

  @Option(help: "The most new tokens.")
  var maxTokens = 128

  @Option(help: "Draw tokens, the likely ones more often the lower this is.")
  var temperature: Double?

  @Option(help: "Draw among so many tokens alone.")
  var topK: Int?

  @Option(help: "Draw among the likeliest tokens alone that have this much probability together.")
  var topP: Double?

  @Option(help: "Make tokens that are there already less likely; 1 changes nothing.")
  var repetitionPenalty = 1.0

  @Option(parsing: .singleValue, help: "A text that ends the answer; may be repeated.")
  var stop: [String] = []

  @Option(help: "Tokens are drawn from this seed.")
  var seed: UInt64 = 0

  @Flag(help: "Take the text as what a user says, in the model's chat format.")
  var chat = false

  @Option(help: WeightType.help)
  var dtype = WeightType.float32

  @Option(help: "How many threads an operation may use; all cores where this is not given.")
  var threads: Int?

  func validate() throws {
    if let threads, threads < 1 { throw ValidationError("--threads must be at least 1, found \(threads)") }
  }

  func run() throws {
    if let threads { Runtime.threads = threads }
    let folder = URL(fileURLWithPath: model, isDirectory: true)
    let tokenizer = try Tokenizer(folder: folder)
    let model = try ModelFolder(folder).loadWritingModel()
    try dtype.keepWeights(of: model.module)
    if let adapter {
      try AdapterFolder(URL(fileURLWithPath: adapter, isDirectory: true))
        .apply(to: model.module, merges: dtype == .float32)
    }
    Runtime.keepFreedMemory()
    let text = try prompt ?? TextLines.wholeInput()
    let ids =
      try chat
      ? tokenizer.encode(chat: [ChatMessage(.user, text)]).ids.map(Int.init)
      : model.tokens(of: text, tokenizer)
    guard !ids.isEmpty else { throw ValidationError("there is no text to go on with") }

    var decoder = tokenizer.streamDecoder()
    let stops = StopTexts(stop) { tokenizer.decode($0.map(Int32.init)) }
    let answer = try model.generate([ids], options) { token in
      write(decoder.append(Int32(token.token)))
      return try stops(token)
    }
    write(decoder.finish() + "\n")
    if answer.first?.ending == .length {
      Console.say("stopped after \(answer[0].tokens.count) tokens; --max-tokens allows more")
    }
  }

  private var options: GenerationOptions {
    var options = GenerationOptions()
    options.maximumNewTokens = maxTokens
    options.repetitionPenalty = repetitionPenalty
    options.seed = seed
    if temperature != nil || topK != nil || topP != nil {
      options.sampling = .init(temperature: temperature ?? 1, topK: topK, topP: topP)
    }
    return options
  }

  private func write(_ text: String) { FileHandle.standardOutput.write(Data(text.utf8)) }
}
