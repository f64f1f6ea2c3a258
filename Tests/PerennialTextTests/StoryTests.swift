import Foundation
import PerennialTokenizers
import Testing
import Torch

@testable import Perennial
@testable import PerennialText

/// Memory networks as recipes have them: stories in files become questions with memories, and are learned one kind after
/// the other.
@Suite struct StoryTests {
  static let people = ["Ann", "Bob", "Cem", "Dora"]
  static let answers = [
    "rooms": ["attic", "cellar", "garden", "hall", "kitchen", "study"],
    "things": ["ball", "coin", "drum", "fan", "harp", "key"],
  ]

  /// Who is where, then who has what; with keys, each of them is told of once.
  static func write(_ count: Int, to url: URL, seed: UInt64, keys: Bool = false) throws {
    var random = NumberStream(seed: seed)
    var lines: [String] = []
    for (task, choices) in answers.sorted(by: { $0.key < $1.key }) {
      let (asks, tells) = task == "rooms" ? ("Where is", "went to the") : ("What has", "took the")
      for _ in 0..<count {
        let told = Int.random(in: 2...(keys ? 4 : 6), using: &random)
        let whom =
          keys
          ? Array(people.shuffled(using: &random).prefix(told))
          : (0..<told).map { _ in people[Int.random(in: 0..<4, using: &random)] }
        let what = (0..<told).map { _ in choices[Int.random(in: 0..<choices.count, using: &random)] }
        let asked = whom[Int.random(in: 0..<told, using: &random)]
        let story = zip(whom, what).map { keys ? "\($0)\t\($1)" : "\($0) \(tells) \($1)." }
        let newest = try #require(whom.lastIndex(of: asked))
        let record = [
          "text": (["\(asks) \(asked)?"] + story).joined(separator: "\n"), "label": what[newest],
          "task": task,
        ]
        lines.append(String(decoding: try JSONEncoder().encode(record), as: UTF8.self))
      }
    }
    try Data(lines.joined(separator: "\n").utf8).write(to: url)
  }

  static func root(keys: Bool = false) throws -> DataRoot {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("stories-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try write(600, to: folder.appendingPathComponent("train.jsonl"), seed: 1, keys: keys)
    try write(100, to: folder.appendingPathComponent("test.jsonl"), seed: 2, keys: keys)
    try Tokenizer.trainWordPiece(on: people, size: 60).save(
      to: folder.appendingPathComponent("tokenizer.json"))
    return DataRoot(folder.path)
  }

  static func recipe(_ model: String, data: String = "{stories: {train: train.jsonl, test: test.jsonl}}")
    throws
    -> Recipe
  {
    try Recipe(
      yaml: """
        name: text/stories
        stream: {data: \(data), scenario: task, experiences: 2}
        model: \(model)
        training: {optimizer: {adam: {lr: 0.01}}, batch: 32, epochs: 12}
        strategies: {finetune: []}
        seeds: [0]
        """, source: "stories.yaml")
  }

  @Test(arguments: ["end-to-end", "key-value"]) func aRecipeTrainsThemOnAStreamOfQuestions(kind: String)
    throws
  {
    let recipe = try Self.recipe("{memory-network: {kind: \(kind), hops: 1}}")
    let modality = TextModality(root: try Self.root(keys: kind == "key-value"))
    try Experiment.check(recipe, modality: modality)
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("runs-\(UUID().uuidString)")
    let results = try Experiment(
      recipe, folder: RunFolder.create(for: recipe, in: folder), modality: modality
    ).run()
    let matrix = results.runs[0].matrix
    #expect(matrix[0][0] > 0.9 && matrix[1][1] > 0.9, "\(matrix)")
  }

  @Test func textsBecomeQuestionsAndMemories() throws {
    let texts = ["Where is Ann?\nAnn ran.\n\nBob sat there.", "Who?"]
    let plain = StoryRows(learned: texts, all: texts, most: nil, isPaired: false)
    // where is ann ran bob sat there who: 2 to 9.
    #expect(plain.memories == 2 && plain.width == 3 && plain.vocabulary == 10)
    #expect(
      try plain(texts + ["Where is Zoe, ann?"]).integers() == [
        2, 3, 4, 4, 5, 0, 6, 7, 8, 9, 0, 0, 0, 0, 0, 0, 0, 0, 2, 3, 1, 0, 0, 0, 0, 0, 0,
      ])
    let newest = StoryRows(learned: texts, all: texts, most: 1, isPaired: false)
    #expect(try newest([texts[0]]).integers() == [2, 3, 4, 6, 7, 8])
    let pairs = ["Where is Ann?\nAnn\tthe hall\nBob"]
    let paired = StoryRows(learned: pairs, all: pairs, most: nil, isPaired: true)
    // where is ann the hall bob: 2 to 7; a line without a tab is key and value.
    #expect(try paired(pairs).shape == [1, 5, 3])
    #expect(try paired(pairs).integers() == [2, 3, 4, 4, 0, 0, 7, 0, 0, 5, 6, 0, 7, 0, 0])
  }

  @Test(arguments: [
    ("{memory-network: {hops: 0}}", "{stories: {train: train.jsonl, test: test.jsonl}}", "hops"),
    ("{memory-network: {kind: none}}", "{stories: {train: train.jsonl, test: test.jsonl}}", "end-to-end"),
    ("memory-network", "{stories: {train: train.jsonl}}", "test"),
    ("memory-network", "{stories: {train: train.jsonl, test: test.jsonl, memories: 0}}", "memories"),
    ("{bert: {layers: 1}}", "{stories: {train: train.jsonl, test: test.jsonl}}", "memory network"),
    (
      "memory-network", "{texts: {train: train.jsonl, test: test.jsonl, tokenizer: tokenizer.json}}",
      "memory network"
    ),
  ])
  func mistakesAreNamed(model: String, data: String, problem: String) throws {
    let modality = TextModality(root: try Self.root())
    let recipe = try Self.recipe(model, data: data)
    let error = #expect(throws: ConfigurationError.self) {
      let stream = try modality.stream(recipe, seed: 0)
      _ = try modality.blueprint(recipe, for: stream).make(RandomStreams(seed: 0))
    }
    #expect(error?.description.contains(problem) == true, "\(String(describing: error))")
  }
}
