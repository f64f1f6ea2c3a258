// A backbone of one's own: an MLP whose second layer adds to its input.
import Perennial
import PerennialVision
import Torch

final class ResidualMLP: Module, Backbone {
  let featureCount: Int
  /// With its layers listed, strategies can gate their units, replay behind them, or unfreeze them one by one.
  let stages: [Stage]

  init(inputs: Int, width: Int, _ generator: Generator) throws {
    featureCount = width
    let first = try Linear(inputs, width, relu: true, generator)
    let second = try Linear(width, width, relu: true, generator)
    stages = [
      Stage("first", width: width, weight: first.weight, bias: first.bias) { try first($0.flatten(from: 1)) },
      Stage("second", width: width) { try $0 + second($0) },
    ]
    super.init()
    register("first", first)
    register("second", second)
  }

  func callAsFunction(_ input: Tensor) throws -> Tensor { try stages.reduce(input) { try $1($0) } }
}

let stream = try StreamPlan(scenario: .classIncremental, experiences: 5)
  .stream(of: ImageDataset.digits().source(), seed: 0)
let blueprint = Blueprint { random in
  let backbone = try ResidualMLP(inputs: 64, width: 100, random.stream("initialization"))
  return Network(backbone, head: try CosineHead(features: backbone.featureCount, random.stream("head")))
}
let learner = try Learner(
  blueprint, optimizer: Adam(learningRate: 0.001), strategies: [Replay(memory: 200, policy: .classBalanced)],
  options: TrainingOptions(batch: 32, length: .epochs(20)), pipeline: stream.pipeline)
let evaluator = Evaluator(stream)
for index in 0..<stream.count {
  try learner.learn(stream.experience(index))
  let scores = try evaluator.look(at: learner).scores.prefix(index + 1).map(\.score)
  print("after \(stream.names[index]): \(scores.map { (1000 * $0).rounded() / 10 })")
}
