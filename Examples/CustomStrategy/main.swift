// Pseudo-rehearsal (Robins 1995): before it learns something new, the model labels noise; while it learns, it is held to
// these labels. No data are kept.
import Perennial
import PerennialVision
import Torch

final class PseudoRehearsal: Strategy {
  let name = "pseudo-rehearsal"
  private var teacher: Frozen?

  func begin(_ experience: Experience, _ learner: Learner) throws {
    teacher = experience.index == 0 ? nil : try Frozen(learner.model, learner.blueprint)
  }

  func terms(_ step: Step) throws -> [LossTerm] {
    guard let teacher else { return [] }
    let known = step.session.previousOutputs
    let noise = try Tensor.uniform(step.batch.inputs.shape, step.learner.random.stream("noise"))
    let student = try step.model(noise).narrow(dim: 1, start: 0, count: known)
    let wanted = try teacher(noise).narrow(dim: 1, start: 0, count: known)
    let values = try ResponseDistillation.meanSquaredLogits(student: student, teacher: wanted)
    return [LossTerm(name, try DistillationReducer()(values, temperature: 1))]
  }

  func state() throws -> State {
    var state = State()
    if let teacher { state.set(try teacher.state(), under: "teacher") }
    return state
  }

  func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    let saved = state.scoped("teacher")
    teacher = saved.values.isEmpty ? nil : try Frozen(saved, learner.blueprint)
  }
}

let stream = try StreamPlan(scenario: .taskIncremental, experiences: 5)
  .stream(of: ImageDataset.digits().source(), seed: 0)
let blueprint = Blueprint { random in
  let mlp = try MLP(inputs: 64, hidden: [100], random.stream("initialization"))
  return Network(mlp, head: try LinearHead(features: mlp.featureCount, random.stream("head")))
}
for strategies in [[], [PseudoRehearsal()]] as [[any Strategy]] {
  let learner = try Learner(
    blueprint, optimizer: Adam(learningRate: 0.001), strategies: strategies,
    options: TrainingOptions(batch: 32, length: .epochs(20)), pipeline: stream.pipeline)
  for index in 0..<stream.count { try learner.learn(stream.experience(index)) }
  let scores = try Evaluator(stream).look(at: learner).scores.map(\.score)
  let mean = scores.reduce(0, +) / Double(scores.count)
  print("\(strategies.first?.name ?? "fine-tuning"): average accuracy \((1000 * mean).rounded() / 10) %")
}
