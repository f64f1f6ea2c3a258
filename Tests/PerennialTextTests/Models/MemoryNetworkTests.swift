import Foundation
import Perennial
import Testing
import Torch

@testable import PerennialText

/// Memory networks against `Scripts/golden/memory.py`, and what they are for.
@Suite struct MemoryNetworkTests {
  static func golden(_ name: String) throws -> [String: Tensor] {
    let url = try Golden.folder().appendingPathComponent("memory-network.safetensors")
    let own = try Safetensors.read(url).tensors.filter { $0.key.hasPrefix("\(name)/") }
    return Dictionary(uniqueKeysWithValues: own.map { (String($0.key.dropFirst(name.count + 1)), $0.value) })
  }

  @Test(arguments: MemoryNetworkConfiguration.Kind.allCases)
  func outputsAndGradientsAreTheGoldenOnes(kind: MemoryNetworkConfiguration.Kind) throws {
    let golden = try Self.golden(kind.rawValue)
    let network = try MemoryNetwork(
      .init(kind, vocabularySize: 11, width: 6, hops: kind == .endToEnd ? 3 : 2, memories: 5),
      Generator(seed: 0))
    let weights = network.parameters.map(\.path)
    try network.load(
      Dictionary(uniqueKeysWithValues: weights.map { ("\($0)", golden[$0.replacing(".weight", with: "")]) })
        .compactMapValues { $0 })
    let outputs = try network(try #require(golden["inputs"]))
    try expectClose(outputs, try #require(golden["outputs"]), "outputs", within: 1e-5)
    let values = network.parameters.map(\.parameter.value)
    for value in values { try value.setRequiresGrad(true) }
    let slopes = try gradients(
      of: network(try #require(golden["inputs"])).square().sum(), withRespectTo: values, allowUnused: true)
    for (path, gradient) in zip(weights, slopes) {
      let expected = try #require(golden["gradient/\(path.replacing(".weight", with: ""))"])
      try expectClose(gradient, expected, "gradient of \(path)", within: 1e-4)
    }
  }

  /// Someone goes somewhere, again and again: where is one of them now? As the first of the bAbI tasks.
  static func stories(_ count: Int, seed: UInt64) throws -> (inputs: Tensor, answers: Tensor) {
    let (people, rooms, sentences, words) = (4, 6, 8, 5)
    let numbers = NumberStream(seed: seed)
    var random = numbers
    // Words: 1 to 4 people, 5 to 10 rooms, then `went to the where is`.
    var (ids, answers): ([Int], [Int]) = ([], [])
    for _ in 0..<count {
      var place: [Int: Int] = [:]
      var story: [[Int]] = []
      for _ in 0..<Int.random(in: 2...sentences, using: &random) {
        let (who, room) = (
          Int.random(in: 1...people, using: &random), Int.random(in: 0..<rooms, using: &random)
        )
        place[who] = room
        story.append([who, 11, 12, 13, 5 + room])
      }
      let asked = place.keys.sorted()
      let who = asked[Int.random(in: 0..<asked.count, using: &random)]
      answers.append(place[who] ?? 0)
      story.insert([14, 15, who, 0, 0], at: 0)
      for index in 0...sentences {
        ids += index < story.count ? story[index] : [Int](repeating: 0, count: words)
      }
    }
    return (try Tensor(ids, shape: [count, 1 + sentences, words]), try Tensor(answers))
  }

  @Test func whereSomeoneIsIsLearned() throws {
    let (inputs, answers) = try Self.stories(1000, seed: 1)
    let blueprint = Blueprint { random in
      let network = try MemoryNetwork(
        .init(.endToEnd, vocabularySize: 16, width: 20, hops: 1, memories: 8), random.stream("initialization")
      )
      return Network(network, head: try LinearHead(features: 20, random.stream("head")))
    }
    let learner = try Learner(
      blueprint, optimizer: Adam(learningRate: 0.01),
      options: TrainingOptions(batch: 32, length: .epochs(12)),
      pipeline: InputPipeline(), seed: 2)
    try learner.learn(
      Experience(index: 0, name: "where", examples: Examples(inputs: inputs, targets: answers)))
    let (questions, truth) = try Self.stories(400, seed: 2)
    let right = try Classification().score(learner.predict(questions), learner.classes.units(for: truth))
    #expect(right > 0.95, "right in \(right)")
  }

  @Test func inputsThatDoNotFitAreRefused() throws {
    let one = try MemoryNetwork(
      .init(.endToEnd, vocabularySize: 9, width: 4, memories: 3), Generator(seed: 0))
    let other = try MemoryNetwork(
      .init(.keyValue, vocabularySize: 9, width: 4, memories: 3), Generator(seed: 0))
    func zeros(_ shape: [Int]) throws -> Tensor { try Tensor.zeros(shape, dtype: .int64) }
    #expect(throws: TorchError.self) { try one(zeros([2, 5])) }
    #expect(throws: TorchError.self) { try one(zeros([2, 5, 3])) }
    #expect(throws: TorchError.self) { try other(zeros([2, 4, 3])) }
    #expect(throws: TorchError.self) {
      try MemoryNetwork(.init(.endToEnd, vocabularySize: 9, width: 4, hops: 0), Generator(seed: 0))
    }
    // No memory at all: the answer is of the question.
    #expect(try one(zeros([2, 4, 3])).isFinite().all().item() == 1)
  }
}
