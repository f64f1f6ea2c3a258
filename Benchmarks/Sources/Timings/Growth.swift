import Foundation
import Perennial
import PerennialVision
import Torch

/// What a strategy costs as a stream of tasks grows to so many experiences: the time of each, and the bytes of everything
/// that is kept to go on, model included.
struct Growth {
  static let experiences = 100
  /// Experiences after which the kept bytes are told.
  static let milestones = [1, 3, 10, 30, 100]

  let seconds: [Double]
  let bytes: [Int]

  /// Learns random images of 8×8, two new classes an experience, 100 examples and 10 steps each, by an MLP of 2×100.
  ///
  /// - Parameter scenario: whether experiences are tasks that are told, or classes that compete.
  /// - Throws: what a strategy says that cannot serve such a stream.
  init(_ name: String, _ scenario: Scenario) throws {
    let strategies = try name.hasPrefix("finetune") ? [] : [StrategyRegistry.make(Selection(name))]
    let facts = StreamFacts(
      classes: 2 * Self.experiences, experiences: Self.experiences, scenario: scenario, strategies: [name])
    for strategy in strategies { try strategy.check(facts) }
    let blueprint = Blueprint { random in
      let backbone = try MLP(inputs: 64, hidden: [100, 100], random.stream("initialization"))
      return Network(backbone, head: try LinearHead(features: backbone.featureCount, random.stream("head")))
    }
    let learner = try Learner(
      blueprint, optimizer: SGD(learningRate: 0.01), strategies: strategies,
      options: TrainingOptions(batch: 20, length: .steps(10)), pipeline: InputPipeline())
    let generator = try Generator(seed: 0)
    var (seconds, bytes): ([Double], [Int]) = ([], [])
    for task in 0..<Self.experiences {
      let examples = try Examples(
        inputs: Tensor.randomIntegers(0..<256, [100, 1, 8, 8], generator).to(.uint8),
        targets: Tensor.randomIntegers((2 * task)..<(2 * task + 2), [100], generator))
      let start = ContinuousClock.now
      try learner.learn(
        Experience(index: task, name: "\(task)", examples: examples, task: facts.grantsTasks ? task : nil))
      seconds.append((ContinuousClock.now - start) / .seconds(1))
      if Self.milestones.contains(task + 1) {
        let state = try learner.state()
        bytes.append(
          state.tensors.values.reduce(0) { $0 + $1.byteCount }
            + state.values.values.reduce(0) { $0 + $1.utf8.count })
      }
    }
    (self.seconds, self.bytes) = (seconds, bytes)
  }

  /// What `Benchmarks/growth` reads: of tasks, and of classes where a strategy is not for tasks.
  static func line(_ name: String) -> [String: Any] {
    var errors: [String] = []
    for (label, scenario) in [("task", Scenario.taskIncremental), ("class", .classIncremental)]
    where name != "finetune-class" || label == "class" {
      do {
        let growth = try Growth(name, scenario)
        return ["strategy": name, "scenario": label, "seconds": growth.seconds, "bytes": growth.bytes]
      } catch {
        errors.append("\(error)")
      }
    }
    return ["strategy": name, "error": errors[0]]
  }
}
