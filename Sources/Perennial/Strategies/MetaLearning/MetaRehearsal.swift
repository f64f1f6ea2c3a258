import Torch

/// The memory of meta-learning strategies: a uniform sample of all that was seen, drawn from beside every batch.
struct MetaRehearsal {
  let memory: ReplayMemory

  init(_ capacity: Int, _ learner: Learner) {
    memory = ReplayMemory(capacity: capacity, random: learner.random.numbers("meta-memory"))
  }

  func joined(_ batch: Batch, _ count: Int?, _ learner: Learner) throws -> Batch {
    guard let examples = try memory.examples else { return batch }
    let places = try memory.draw(count ?? batch.fresh)
    let inputs = try learner.pipeline(
      examples.inputs, places, augmentation: learner.random.stream("augmentation"), device: learner.device)
    return try batch.appending(
      inputs: inputs, targets: examples.targets.indexSelect(places).to(learner.device),
      tasks: examples.tasks?.indexSelect(places))
  }

  func insert(_ step: Step) throws {
    try memory.insert(
      step.batch.source, step.batch.places, experience: step.session.experience.index)
  }
}
