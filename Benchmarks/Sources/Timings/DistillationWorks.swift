import Foundation
import Perennial
import PerennialVision
import Torch

/// Students of 20 layers and teachers of 56, on random images of CIFAR's shape, batch 64.
nonisolated(unsafe) let distillationWorks: KeyValuePairs<String, () throws -> Work> = [
  "resnet20": { try student(nil) },
  "kd": { try student(teaching([softTargets()])) },
  "kd-bfloat16": { try student(teaching([softTargets()]), teacherType: .bfloat16) },
  "kd-cached": {
    var options = CachedTeacher.Options()
    options.teacher = "teacher"
    return try student(Distillation(CachedTeacher(options), terms: [softTargets()]))
  },
  "rkd": { try student(teaching([softTargets(), (RelationalDistances(.init()), 1)])) },
  "crd": { try student(teaching([softTargets(), (ContrastiveRepresentation(.init()), 0.8)])) },
  "mutual-2": { try mutual(peers: 1) },
  "mutual-4": { try mutual(peers: 3) },
  "cache-top4": { try cachedAnswers() },
]

private typealias Term = (term: any DistillationTerm, weight: Ramp)

private func softTargets() -> Term { (SoftTargets(.init()), 0.9) }

private func teaching(_ terms: [Term]) throws -> Distillation {
  try Distillation(NamedTeachers([.init("teacher")]), terms: terms)
}

private func network(depth: Int) -> Blueprint {
  Blueprint { random in
    let backbone = try ResNet.cifar(depth: depth, random.stream("initialization"))
    return Network(
      backbone, head: try LinearHead(features: backbone.featureCount, random.stream("head")),
      headName: "linear")
  }
}

private func teacher(_ type: DType) throws -> PretrainedTeacher {
  let blueprint = network(depth: 56)
  let network = try blueprint.make(RandomStreams(seed: 1))
  try network.head.grow(to: 10, RandomStreams(seed: 1).stream("head"))
  return PretrainedTeacher(try Frozen(network, blueprint, device: .cpu, dtype: type), labels: Array(0..<10))
}

private func images(_ count: Int) throws -> Examples {
  let generator = try Generator(seed: 0)
  return try Examples(
    inputs: Tensor.randomIntegers(0..<256, [count, 3, 32, 32], generator).to(.uint8),
    targets: Tensor.randomIntegers(0..<10, [count], generator))
}

private func student(_ strategy: (any Strategy)?, teacherType: DType = .float32) throws -> Work {
  let learner = try Learner(
    network(depth: 20), optimizer: SGD(learningRate: 0.01), strategies: strategy.map { [$0] } ?? [],
    options: TrainingOptions(batch: 64, length: .steps(.max)),
    pipeline: InputPipeline(mean: [0, 0, 0], standardDeviation: [1, 1, 1]),
    teachers: ["teacher": teacher(teacherType)])
  try learner.begin(Experience(index: 0, name: "all", examples: images(1280)))
  return try timed(learner)
}

private func mutual(peers: Int) throws -> Work {
  var options = MutualLearning.Options()
  options.peers = .copies(peers)
  return try student(MutualLearning(options))
}

/// Looking up a batch of 64 among the four largest of ten answers for 50,000 examples; `state_bytes` is the file's size.
private func cachedAnswers() throws -> Work {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("answers-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  var options = CachedTeacher.Options()
  (options.teacher, options.top) = ("teacher", 4)
  options.file = folder.appendingPathComponent("answers").path
  let blueprint = Blueprint { random in
    let backbone = try MLP(inputs: 16, hidden: [8], random.stream("initialization"))
    return Network(backbone, head: try LinearHead(features: 8, random.stream("head")))
  }
  let network = try blueprint.make(RandomStreams(seed: 1))
  try network.head.grow(to: 10, RandomStreams(seed: 1).stream("head"))
  let teacher = PretrainedTeacher(try Frozen(network, blueprint, device: .cpu), labels: Array(0..<10))
  let learner = try Learner(
    blueprint, optimizer: SGD(learningRate: 0.01), options: TrainingOptions(batch: 64, length: .steps(.max)),
    pipeline: InputPipeline(), teachers: ["teacher": teacher])
  let generator = try Generator(seed: 0)
  let examples = try Examples(
    inputs: Tensor.normal([50_000, 16], generator),
    targets: Tensor.randomIntegers(0..<10, [50_000], generator))
  let experience = try Experience(index: 0, name: "all", examples: examples)
  try learner.begin(experience)
  let source = CachedTeacher(options)
  try source.begin(experience, learner)
  let bytes = try FileManager.default.contentsOfDirectory(
    at: folder, includingPropertiesForKeys: [.fileSizeKey]
  )
  .reduce(0) { try $0 + ($1.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0) }
  let batches = try (0..<100).map {
    try learner.batch(of: examples, Tensor.arange($0 * 500, $0 * 500 + 64), isAugmented: false)
  }
  return { steps in
    let start = ContinuousClock.now
    for step in 0..<steps { _ = try source.signals(batches[step % 100], taps: [], learner) }
    return ["seconds": (ContinuousClock.now - start) / .seconds(1), "state_bytes": bytes]
  }
}
