import Testing
import Torch

@testable import Perennial

/// A teacher whose output for a class is the same whatever other classes it knows, and in whatever order: a column of
/// one table.
struct TableTeacher: Teacher {
  let labels: [Int]?
  let outputs: Int
  let tapNames = ["wide", "map", "features", "outputs"]
  private let table: Tensor
  private let sharpness: Double

  /// - Parameter isKnowing: false for outputs that stand for no labels.
  init(_ classes: [Int], seed: UInt64 = 1, sharpness: Double = 1, isKnowing: Bool = true) throws {
    labels = isKnowing ? classes : nil
    outputs = classes.count
    self.sharpness = sharpness
    table = try Tensor.normal([8, 40], Generator(seed: seed)).indexSelect(Tensor(classes), dim: 1)
  }

  func look(_ inputs: Tensor, taps: [String]) throws -> Look {
    for tap in taps where !tapNames.contains(tap) { throw TapError.unknown(tap, known: tapNames) }
    return try noGrad {
      Look(
        features: inputs, outputs: try inputs.matmul(table) * sharpness,
        taps: ["wide": try inputs.matmul(inputs.T.matmul(inputs)), "map": try inputs.reshape([-1, 2, 2, 2])])
    }
  }

  func digest() throws -> String { "\(labels ?? []) \(try table.floats()) \(sharpness)" }
}

/// What a term saw in every step, and a pull on the student all the same.
final class SightsTerm: DistillationTerm {
  let name: String
  let pairs: [TapPair]
  private(set) var sights: [TermSight] = []
  private(set) var plans: [TermPlan] = []
  /// How often it was told of a further experience.
  private(set) var renewals = 0

  init(_ name: String = "sights", _ pairs: [TapPair] = []) { (self.name, self.pairs) = (name, pairs) }

  func build(_ plan: TermPlan, _ random: RandomStreams) throws -> Module? {
    plans.append(plan)
    return nil
  }

  func renew(_ plan: TermPlan, _ random: RandomStreams) throws {
    plans.append(plan)
    renewals += 1
  }

  func values(_ sight: TermSight) throws -> TermValues {
    sights.append(sight)
    return .items(try sight.student.square().sum([1]))
  }
}

/// Six clusters in one or more experiences, a small student, and teachers.
struct Classroom {
  var stream: Perennial.Stream
  var teachers: [String: any Teacher] = [:]
  var objective: any Objective = Classification()
  var views: Int?
  var optimizer: () throws -> any Optimizer = { try SGD(learningRate: 0.05, momentum: 0.9) }
  var blueprint = Blueprint.tiny(batchNorm: true)

  init(
    experiences: Int = 1, pipeline: InputPipeline? = nil, views: Int? = nil,
    _ teachers: [String: any Teacher] = [:]
  ) throws {
    stream = try Clusters().stream(experiences: experiences, pipeline: pipeline)
    self.teachers = teachers
    self.views = views
  }

  func learner(_ strategies: [any Strategy], seed: UInt64 = 5) throws -> Learner {
    try Learner(
      blueprint, objective: objective, optimizer: optimizer(), strategies: strategies,
      options: TrainingOptions(batch: 9, length: .epochs(2), views: views), pipeline: stream.pipeline,
      teachers: teachers, seed: seed)
  }

  /// Learns with a distillation; gives the loss of every step.
  @discardableResult
  func learn(
    _ options: String, before: [any Strategy] = [], _ look: @escaping (Step) throws -> Void = { _ in }
  ) throws -> (learner: Learner, losses: [Double]) {
    let learner = try learner(before + [Method.distillation(options), Spy(look)])
    return (learner, try learner.learn(stream))
  }

  /// A trained network with batch normalisation and dropout, and the classes in the order in which it met them.
  func trained(hidden: Int = 24, dropout: Double = 0.2, seed: UInt64 = 9) throws -> PretrainedTeacher {
    let blueprint = Blueprint.tiny(hidden: hidden, batchNorm: true, dropout: dropout)
    let learner = try Learner(
      blueprint, optimizer: Adam(learningRate: 0.02), options: TrainingOptions(batch: 12, length: .epochs(8)),
      pipeline: InputPipeline(), seed: seed)
    let source = try Clusters().source()
    try learner.learn(Experience(index: 0, name: "all", examples: source.train))
    return PretrainedTeacher(try Frozen(learner.model, blueprint), labels: learner.classes.labels)
  }
}

extension Step {
  /// What a term added to the loss; nil where it added nothing.
  func value(of term: String) throws -> Double? {
    try terms.first { $0.name == "distillation/\(term)" }?.value.item()
  }
}

/// T² KL(t ‖ s) of each item over some columns, written out.
func divergence(_ student: Tensor, _ teacher: Tensor, temperature: Double) throws -> Tensor {
  let (s, t) = (try (student.detach() / temperature).softmax(), try (teacher / temperature).softmax())
  return try (t * (t.log() - s.log())).sum([1]) * (temperature * temperature)
}

extension Tensor {
  /// Some columns of a matrix.
  func columns(_ index: [Int]) throws -> Tensor {
    try noGrad { try detach().indexSelect(Tensor(index), dim: 1) }
  }
}

/// The text of the error that something throws.
func refusal(_ body: () throws -> Void) -> String? {
  do {
    try body()
    return nil
  } catch { return "\(error)" }
}
