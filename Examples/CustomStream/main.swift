// Two moons that turn by 30 degrees from one domain to the next.
import Foundation
import Perennial
import PerennialVision
import Torch

func moons(_ count: Int, seed: UInt64) throws -> Examples {
  let generator = try Generator(seed: seed)
  let labels = try Tensor.randomIntegers(0..<2, [count], generator)
  let side = try labels.to(.float32) * 2 - 1
  let angle = try Tensor.uniform([count], generator) * Double.pi
  let x = try angle.cos() * side + side * 0.5
  let y = try angle.sin() * side - side * 0.25
  let noise = try Tensor.normal([count, 2], generator) * 0.1
  return try Examples(inputs: Tensor.stack([x, y], dim: 1) + noise, targets: labels)
}

func turn(by degrees: Double) throws -> StreamPlan.Domain {
  let (c, s) = (Float(cos(degrees * .pi / 180)), Float(sin(degrees * .pi / 180)))
  let rotation = try Tensor([c, s, -s, c], shape: [2, 2])
  return StreamPlan.Domain(name: "\(Int(degrees))°") { try $0.matmul(rotation) }
}

var plan = StreamPlan(scenario: .domainIncremental, experiences: 4)
plan.domains = try [0, 30, 60, 90].map { try turn(by: $0) }
let source = try DataSource(
  name: "moons", train: moons(1000, seed: 1), test: moons(500, seed: 2), pipeline: InputPipeline())
let stream = try plan.stream(of: source, seed: 0)

let blueprint = Blueprint { random in
  let mlp = try MLP(inputs: 2, hidden: [64, 64], random.stream("initialization"))
  return Network(mlp, head: try LinearHead(features: mlp.featureCount, random.stream("head")))
}
for strategies in [[], [Replay(memory: 100)]] as [[any Strategy]] {
  let learner = try Learner(
    blueprint, optimizer: Adam(learningRate: 0.003), strategies: strategies,
    options: TrainingOptions(batch: 32, length: .epochs(10)), pipeline: stream.pipeline)
  for index in 0..<stream.count { try learner.learn(stream.experience(index)) }
  let scores = try Evaluator(stream).look(at: learner).scores.map(\.score)
  let words = zip(stream.names, scores).map { "\($0) \((1000 * $1).rounded() / 10) %" }
  print("\(strategies.first?.name ?? "fine-tuning"): \(words.joined(separator: ", "))")
}
