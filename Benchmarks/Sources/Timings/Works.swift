import Foundation
import Perennial
import PerennialVision
import Torch

/// A work takes a number of steps and gives what it measured, `seconds` at least.
typealias Work = (Int) throws -> [String: Any]

nonisolated(unsafe) let learningWorks: KeyValuePairs<String, () throws -> Work> = [
  "mlp-400-b128": { try plain(hidden: [400, 400], batch: 128, rate: 0.05) },
  "mlp-256-b64": { try plain(hidden: [256, 256], batch: 64, rate: 0.05) },
  "mlp-100-b10": { try plain(hidden: [100, 100], batch: 10, rate: 0.01) },
  "resnet18-b32": { try residual() },
  "naive": { try thirdExperience([]) },
  "replay": { try thirdExperience([Replay(memory: 1000)]) },
  "ewc": { try thirdExperience([ElasticWeightConsolidation(lambda: 1)]) },
  "lwf": { try thirdExperience([LearningWithoutForgetting()]) },
  "ewc-3": { try experience(3, of: { [ElasticWeightConsolidation(lambda: 1)] }) },
  "ewc-100": { try experience(100, of: { [ElasticWeightConsolidation(lambda: 1)] }) },
  "replay-3": { try experience(3, of: { [Replay(memory: 1000)] }) },
  "replay-100": { try experience(100, of: { [Replay(memory: 1000)] }) },
  "lwf-3": { try experience(3, of: { [LearningWithoutForgetting()] }) },
  "lwf-100": { try experience(100, of: { [LearningWithoutForgetting()] }) },
  "memory-1000": { try memory(after: 1000) },
  "memory-1000000": { try memory(after: 1_000_000) },
]

/// Learns within one experience that never ends: what is timed is `Learner.step()`, gather and optimizer included.
func timed(_ learner: Learner) throws -> Work {
  for _ in 0..<20 { try learner.step() }
  return { steps in
    for _ in 0..<3 { try learner.step() }
    let start = ContinuousClock.now
    for _ in 0..<steps { try learner.step() }
    return ["seconds": (ContinuousClock.now - start) / .seconds(1), "parameters": learner.vector.count]
  }
}

private func plain(hidden: [Int], batch: Int, rate: Double) throws -> Work {
  let data = try randomDigits(count: 60_000, labels: 0..<10)
  let learner = try learner(hidden: hidden, batch: batch, rate: rate, [])
  try learner.begin(Experience(index: 0, name: "all", examples: data))
  return try timed(learner)
}

private func residual() throws -> Work {
  let generator = try Generator(seed: 0)
  let images = try Tensor.randomIntegers(0..<256, [5000, 3, 32, 32], generator).to(.uint8)
  let labels = try Tensor.randomIntegers(0..<10, [5000], generator)
  let blueprint = Blueprint { random in
    let backbone = try ResNet.resNet18(channels: 3, width: 64, random.stream("initialization"))
    return Network(
      backbone, head: try LinearHead(features: backbone.featureCount, random.stream("head")), headName: "fc")
  }
  let learner = try Learner(
    blueprint, optimizer: SGD(learningRate: 0.05),
    options: TrainingOptions(batch: 32, length: .steps(.max)),
    pipeline: InputPipeline(mean: [0, 0, 0], standardDeviation: [1, 1, 1]))
  try learner.begin(Experience(index: 0, name: "all", examples: Examples(inputs: images, targets: labels)))
  return try timed(learner)
}

/// The third of five experiences of two classes, as Avalanche's peer.
func thirdExperience(_ strategies: [any Strategy]) throws -> Work {
  let learner = try learner(hidden: [256, 256], batch: 64, rate: 0.01, strategies, steps: 200)
  for index in 0..<2 {
    try learner.learn(
      Experience(
        index: index, name: "\(index)",
        examples: randomDigits(count: 12_000, labels: (2 * index)..<(2 * index + 2))))
  }
  try learner.begin(Experience(index: 2, name: "2", examples: randomDigits(count: 12_000, labels: 4..<6)))
  return try timed(learner)
}

/// The time and memory of experience `number` of a long stream with one label set, the experience's end included.
private func experience(_ number: Int, of strategies: @escaping () -> [any Strategy]) throws -> Work {
  { steps in
    let learner = try learner(hidden: [256, 256], batch: 64, rate: 0.01, strategies(), steps: 20)
    let data = try randomDigits(count: 1280, labels: 0..<10)
    for index in 0..<(number - 1) {
      try learner.learn(Experience(index: index, name: "\(index)", examples: data))
    }
    let start = ContinuousClock.now
    for index in 0..<steps { try learner.learn(Experience(index: number + index, name: "n", examples: data)) }
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    let state = try learner.state()
    let bytes = state.tensors.values.reduce(0) { $0 + $1.byteCount }
    return ["seconds": seconds, "state_bytes": bytes]
  }
}

/// Inserting ten images into a reservoir of 1,000 and drawing ten, after `seen` images of the stream.
private func memory(after seen: Int) throws -> Work {
  let data = try randomDigits(count: 10_000, labels: 0..<10)
  let memory = ReplayMemory(capacity: 1000, random: NumberStream(seed: 0))
  let all = try Tensor.arange(0, 10_000)
  for _ in 0..<max(seen / 10_000, 1) {
    try memory.insert(data, seen < 10_000 ? all[0..<seen] : all, experience: 0)
  }
  let pipeline = try InputPipeline()
  let pieces = try (0..<1000).map { try all[($0 * 10)..<($0 * 10 + 10)] }
  return { steps in
    let start = ContinuousClock.now
    for step in 0..<steps {
      try memory.insert(data, pieces[step % 1000], experience: 0)
      guard let examples = try memory.examples else { continue }
      _ = try pipeline(examples.inputs, memory.draw(10), augmentation: nil)
    }
    return ["seconds": (ContinuousClock.now - start) / .seconds(1)]
  }
}

func learner(
  hidden: [Int], batch: Int, rate: Double, _ strategies: [any Strategy], steps: Int = .max
) throws -> Learner {
  let blueprint = Blueprint { random in
    let backbone = try MLP(inputs: 784, hidden: hidden, random.stream("initialization"))
    return Network(backbone, head: try LinearHead(features: backbone.featureCount, random.stream("head")))
  }
  return try Learner(
    blueprint, optimizer: SGD(learningRate: rate), strategies: strategies,
    options: TrainingOptions(batch: batch, length: .steps(steps)), pipeline: InputPipeline())
}

func randomDigits(count: Int, labels: Range<Int>) throws -> Examples {
  let generator = try Generator(seed: UInt64(labels.lowerBound))
  return try Examples(
    inputs: Tensor.randomIntegers(0..<256, [count, 1, 28, 28], generator).to(.uint8),
    targets: Tensor.randomIntegers(labels, [count], generator))
}
