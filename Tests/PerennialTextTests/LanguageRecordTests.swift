import Foundation
import Perennial
import PerennialTokenizers
import Testing
import Torch

@testable import PerennialText

/// Prompts and answers, conversations and plain texts as rows for language models.
@Suite struct LanguageRecordTests {
  static let tokenizer = Result {
    try Tokenizer.trainByteLevelBPE(
      on: ["what is red? a colour", "who are you? a model", "say yes"], size: 280,
      specialTokens: ["<pad>", "</s>", "<sep>"])
  }

  static func answer(_ prompt: String, _ completion: String, _ group: TextGroup? = nil) -> LanguageRecord {
    LanguageRecord(.answer(prompt: prompt, completion: completion), group: group)
  }

  @Test func kindsOfLines() throws {
    let url = try TextDataTests.file(
      "a.jsonl",
      """
      {"text": "once upon a time", "time": 3}
      {"prompt": "2+2=", "completion": "4", "task": "sums"}
      {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]}
      """)
    #expect(
      try LanguageRecordFile(url).records == [
        LanguageRecord(.text("once upon a time"), group: TextGroup("3", isTime: true)),
        Self.answer("2+2=", "4", "sums"),
        LanguageRecord(.chat([ChatMessage(.user, "hi"), ChatMessage(.assistant, "hello")])),
      ])
  }

  @Test(arguments: [
    ("{\"prompt\": \"a\"}", "one of `text`, `prompt` with `completion`, or `messages` is needed"),
    ("{\"prompt\": \"a\", \"completion\": \" \"}", "`completion` is empty"),
    (
      "{\"text\": \"a\", \"prompt\": \"a\", \"completion\": \"b\"}",
      "one of `text`, `prompt` with `completion`, or `messages` is needed"
    ),
    ("{\"text\": 4}", "`text` is no text"),
    ("{\"messages\": \"hi\"}", "`messages` is no list of objects"),
    (
      "{\"messages\": [{\"role\": \"robot\", \"content\": \"x\"}]}",
      "the role of message 1 is none of system, user, assistant"
    ),
    ("{\"messages\": [{\"role\": \"user\"}]}", "the content of message 1 is missing or no text"),
    (
      "{\"messages\": [{\"role\": \"user\", \"content\": \"x\"}]}",
      "no message is the assistant's, so that there is nothing to learn"
    ),
  ])
  func badLinesAreNamedOrSkipped(line: String, problem: String) throws {
    let url = try TextDataTests.file("a.jsonl", "{\"text\": \"good\"}\n\(line)\n")
    let error = #expect(throws: TextDataError.self) { try LanguageRecordFile(url) }
    #expect(error?.line == 2 && error?.problem == problem)
    #expect(try LanguageRecordFile(url, bad: .skip).records.count == 1)
  }

  /// Whatever a format writes around them, the assistant's words and what ends them are learned, and nothing else is.
  @Test(arguments: [
    ChatFormat.chatML(), .chatML(defaultSystem: "You are a helpful assistant."), .llama2, .llama3, .gemma,
    .mistral, .plain,
  ])
  func answersOfAConversationAreLearned(format: ChatFormat) throws {
    let messages = [
      ChatMessage(.user, "one?"), ChatMessage(.assistant, "first"), ChatMessage(.user, "two?"),
      ChatMessage(.assistant, "second"), ChatMessage(.user, "three?"),
    ]
    let parts = try LanguageRecord(.chat(messages)).parts(format)
    #expect(parts.map(\.text).joined() == (try format.text(of: messages, addGenerationPrompt: false)))
    let learned = parts.filter(\.isLearned).map(\.text)
    #expect(learned.count == 2)
    #expect(learned[0].contains("first") && learned[1].contains("second"))
    #expect(
      !learned.joined().contains("?")
        && !parts.filter { !$0.isLearned }.map(\.text).joined().contains("s" + "econd"))
    #expect(throws: TokenizerError.self) {
      try TokenSequence(LanguageRecord(.chat(messages)), Self.tokenizer.get())
    }
    let chosen = try TokenSequence(LanguageRecord(.chat(messages)), Self.tokenizer.get(), chat: format)
    #expect(chosen.isLearned.contains(true) && chosen.isLearned.contains(false))
  }

  @Test func theAnswerAloneIsLearned() throws {
    let tokenizer = try Self.tokenizer.get()
    let sequence = try TokenSequence(Self.answer("say", "yes"), tokenizer, separator: "<sep>")
    let prompt = tokenizer.encode("say", addSpecialTokens: false).ids.map(Int.init)
    let answer = tokenizer.encode("yes", addSpecialTokens: false).ids.map(Int.init)
    #expect(sequence.ids == [1] + prompt + [2] + answer + [1])
    #expect(
      sequence.isLearned == [Bool](repeating: false, count: prompt.count + 2) + answer.map { _ in true } + [
        true
      ])
    let rows = try TokenRows([(sequence, nil)], length: sequence.count + 2, padding: 0, packs: false)
    #expect(try rows.inputs.integers() == sequence.ids.dropLast() + [0, 0, 0])
    #expect(
      try rows.targets.integers()
        == [Int](repeating: -100, count: prompt.count + 1) + answer + [1] + [-100, -100, -100])
  }

  /// What SentencePiece puts in front of a text stands there once, not before each part.
  @Test(arguments: ["llama2", "t5"]) func partsAreCutAsOneText(name: String) throws {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("PerennialTokenizersTests/Golden/\(name).json")
    let tokenizer = try Tokenizer(file: file)
    let special = [tokenizer.specialTokens.begin, tokenizer.specialTokens.end].compactMap { $0 }
    for (prompt, completion) in [
      ("2 + 2 =", " 4"), ("Who is it?", " The king."), ("[INST] go [/INST]", " I will go"),
    ] {
      let sequence = try TokenSequence(Self.answer(prompt, completion), tokenizer)
      let whole = tokenizer.encode(prompt + completion, addSpecialTokens: false).ids.map(Int.init)
      #expect(sequence.ids.filter { !special.contains($0) } == whole)
      let learned = zip(sequence.ids, sequence.isLearned).filter(\.1).map { Int32($0.0) }
      #expect(tokenizer.decode(learned).trimmingCharacters(in: .whitespaces) == completion.dropFirst())
    }
  }

  /// A token that would belong to both a prompt and an answer is none of either.
  @Test func tokensAcrossTheBorderAreCutThere() throws {
    let tokenizer = try Tokenizer.trainByteLevelBPE(
      on: ["say hello hello hello hello", "say hello"], size: 300, specialTokens: ["<pad>", "</s>"])
    func ids(_ text: String) -> [Int] { tokenizer.encode(text, addSpecialTokens: false).ids.map(Int.init) }
    #expect(ids("say hello") != ids("say ") + ids("hello"))
    let sequence = try TokenSequence(Self.answer("say ", "hello"), tokenizer)
    #expect(sequence.ids == [1] + ids("say ") + ids("hello") + [1])
    let learned = zip(sequence.ids, sequence.isLearned).filter(\.1).map(\.0)
    #expect(learned == ids("hello") + [1])
    // A conversation without marks ends as a text does.
    let talk = LanguageRecord(.chat([ChatMessage(.user, "say"), ChatMessage(.assistant, "hello")]))
    let plain = try TokenSequence(talk, tokenizer, chat: .plain)
    #expect(plain.ids.first == 1 && plain.ids.last == 1 && plain.isLearned.last == true)
  }

  /// Texts in one row give what each gives in a row of its own.
  @Test(arguments: ["gpt", "llama"])
  func packedTextsDoNotSeeEachOther(model: String) throws {
    let tokenizer = try Self.tokenizer.get()
    let records = [
      Self.answer("what is red?", "a colour"), Self.answer("who are you?", "a model"),
      LanguageRecord(.text("say yes")),
    ]
    let texts = try records.map {
      (sequence: try TokenSequence($0, tokenizer), group: nil as TextGroup?)
    }
    let length = texts.reduce(0) { $0 + $1.sequence.count }
    let packed = try TokenRows(texts, length: length, padding: 0, packs: true)
    #expect(packed.inputs.shape == [1, 2, length] && packed.groups.count == 1)
    let facts = TextFacts(vocabulary: 280, length: length, padding: 0, end: 1)
    let selection = try ConfigurationNode(yaml: "{\(model): {layers: 2, heads: 2, width: 16}}", source: "t")
      .decode(Selection.self)
    let language = try TextModels.languageModel(selection, facts, RandomStreams(seed: 5)) {
      URL(fileURLWithPath: $0)
    }
    let network = Network(language)
    let together = try noGrad { try network.evaluating { try network(packed.inputs) } }
    var first = 0
    for (sequence, _) in texts {
      let alone = try TokenRows([(sequence, nil)], length: sequence.count - 1, padding: 0, packs: false)
      let expected = try noGrad { try network.evaluating { try network(alone.inputs) } }
      let part = try together.narrow(dim: 1, start: first, count: sequence.count - 1)
      #expect(try noGrad { try (part - expected).abs().amax([0, 1, 2]).item() } < 1e-5)
      let targets = try packed.targets.narrow(dim: 1, start: first, count: sequence.count - 1)
      #expect(try targets.integers() == alone.targets.integers())
      first += sequence.count - 1
    }
    #expect(try packed.targets.integers()[first...].allSatisfy { $0 == -100 })
    #expect(throws: TorchError.self) { try network(Tensor.zeros([1, 3, 4], dtype: .int64)) }
  }

  @Test func groupsAreNotPackedTogether() throws {
    let sequence = try TokenSequence(LanguageRecord(.text("say yes")), Self.tokenizer.get())
    let rows = try TokenRows(
      [(sequence, "a"), (sequence, "b"), (sequence, "a")], length: 40, padding: 0, packs: true)
    #expect(rows.groups == ["a", "b"])
  }

  @Test func longTextsAreCutOrRefused() throws {
    let tokenizer = try Self.tokenizer.get()
    let records = [
      Self.answer("what is red? what is red? what is red?", "a colour"), Self.answer("say", "yes"),
    ]
    func filed(_ records: [LanguageRecord], _ lines: [Int]? = nil) -> FiledRecords {
      FiledRecords(file: "file", records: records, lines: lines)
    }
    let source = try DataSource.records(
      "set", train: filed(records), test: filed([records[1]]), tokenizer, RecordRows(length: 6))
    #expect(source.train.count == 1)
    #expect(source.note?.contains("1 texts were cut to 6 tokens.") == true)
    #expect(source.note?.contains("1 texts were left out") == true)
    #expect(source.note?.contains("1 of the test texts are among those that are learned.") == true)
    let long = #expect(throws: TextDataError.self) {
      try DataSource.records(
        "set", train: filed(records.reversed(), [3, 8]), test: filed(records), tokenizer,
        RecordRows(length: 6, long: .refuse))
    }
    #expect("\(try #require(long))".hasPrefix("file:8: the text has"))
    let stranger = #expect(throws: TextDataError.self) {
      try DataSource.records(
        "set", train: filed([Self.answer("say", "yes", "a")]), test: filed([Self.answer("say", "yes", "b")]),
        tokenizer, RecordRows(length: 16))
    }
    #expect(stranger?.problem == "the group `b` of a test text is never learned")
  }

  /// Times become experiences in their order, neighbours together where there are more than are asked for.
  @Test func timesAreATimeline() throws {
    let times = [10, 2, 33, 4, 5, 2, 2]
    let lines = times.map { "{\"text\": \"say yes \($0)\", \"label\": \"x\", \"time\": \($0)}" }
    let url = try TextDataTests.file("a.jsonl", lines.joined(separator: "\n"))
    let set = try TextDataset.files(train: url, test: url)
    #expect(set.groups?.map(\.name) == ["2", "4", "5", "10", "33"])
    let source = try set.source(Self.tokenizer.get(), length: 16, padding: 0)
    func names(_ count: Int) throws -> [String] {
      try StreamPlan(scenario: .domainIncremental, experiences: count).stream(of: source, seed: 0).names
    }
    #expect(try names(5) == ["2", "4", "5", "10", "33"])
    #expect(try names(2) == ["2 to 4", "5 to 33"])
    let stream = try StreamPlan(scenario: .domainIncremental, experiences: 2).stream(of: source, seed: 0)
    #expect(try stream.experience(0).examples.count == 4)
    #expect(try stream.experience(1).examples.count == 3)
  }
}
