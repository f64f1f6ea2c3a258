import Foundation
import GRDB
import Perennial
import Torch

/// Teaches a student in a directory of its own what a version that serves answers.
///
/// The training is that of any update, by the same learner: distillation (Hinton et al. 2015) takes part in it beside the
/// student's own strategies. Where the student's backbone shall rest under a head that counts, the backbone is taught first,
/// under a head that learns and to give the teacher's features (Romero et al. 2015), and then everything is counted once.
struct Distilling {
  let teacher: LivingModel
  let teacherState: State
  let origin: VersionManifest.Origin
  let source: LifeDatabase
  let plan: StudentPlan
  let modality: (URL) -> any Modality
  /// The teacher's directory.
  let home: URL
  let now: @Sendable () -> Date
  let tell: (LifeEvent) -> Void
  let shouldStop: () -> Bool

  /// Makes the whole directory at `place`; whether it stays is for the caller to say.
  func callAsFunction(at place: URL) throws -> DistillOutcome {
    let directory = try ModelDirectory.create(
      place, yaml: plan.yaml, files: plan.files, modality: modality(place), now: now)
    try directory.database.takeOver(source)
    try copyInvariants(to: place)
    let configuration = try directory.configuration()
    let inputs = try modality(place).liveInputs(configuration.recipe)
    let (examples, labels) = try directory.database.read {
      (try LifeDatabase.examples(.train, [.learned], in: $0), try LifeDatabase.labels(in: $0))
    }
    guard !examples.isEmpty else { throw LifeError.nothingToLearn }
    let first = try directory.store.current()
    let task = Task(
      directory: directory, configuration: configuration, inputs: inputs, first: first, examples: examples)
    let (candidate, moved) = try candidate(task)
    let judged = try Judgement(
      directory: directory, configuration: configuration, parent: teacher.manifest, parentState: teacherState,
      inputs: inputs, modality: modality(home), labels: labels, tell: tell, shouldStop: shouldStop,
      hasMoved: false)(candidate.learner, heldOut: [])
    let isForced = !judged.verdict.passed && plan.force != nil
    if judged.verdict.passed || isForced {
      _ = try directory.promote(
        Promotion(
          parent: first, kind: .imported, configuration: configuration, training: examples, heldOut: [],
          labels: labels, reason: isForced ? plan.force : nil, teacher: origin, moved: moved),
        candidate, judged)
    }
    return try outcome(task, candidate, judged, isForced: isForced)
  }

  /// What the parts of the work have in common.
  private struct Task {
    let directory: ModelDirectory
    let configuration: LifeConfiguration
    let inputs: any LiveInputs
    let first: VersionManifest
    let examples: [StoredExample]
  }

  // MARK: - Teaching

  /// - Returns: the student, and weights of its files that are others now.
  private func candidate(_ task: Task) throws -> (Training.Candidate, moved: Set<String>) {
    let isCounting = task.configuration.recipe.training.freeze == .backbone
    let state = try task.directory.store.state(of: task.first)
    let configuration =
      isCounting ? try task.directory.configuration(plan.teaching) : task.configuration
    let distillation = try distillation(ofFeatures: isCounting)
    if configuration.arm.strategies.contains(where: { $0.isNamed(distillation.name) }) {
      throw LifeError.teaching(strategy: distillation.name)
    }
    let taught = try training(
      task, configuration, task.first, state,
      Training.Teaching(
        teachers: [Self.name: LivingTeacher(teacher)], strategies: [distillation]))()
    guard isCounting else { return (taught, []) }
    return try counted(task, state, taught)
  }

  /// The student's own head and way of learning on the backbone that was taught.
  private func counted(_ task: Task, _ state: State, _ taught: Training.Candidate) throws
    -> (Training.Candidate, moved: Set<String>)
  {
    let model = taught.learner.model
    var (start, moved) = (state, Set<String>())
    let own = try task.configuration.learner(task.inputs).model.stateDictionary()
    for (path, tensor) in try model.stateDictionary() where !path.hasPrefix(model.headName + ".") {
      start.tensors["\(VersionManifest.modelBlob)/\(path)"] = try noGrad { try tensor.detach().clone() }
      if try own[path].map({ try !$0.equals(tensor) }) ?? true { moved.insert(path) }
    }
    var parent = task.first
    parent.fromFiles = parent.fromFiles.filter { !moved.contains($0) }
    let counted = try training(task, task.configuration, parent, start, nil)()
    return (
      Training.Candidate(
        learner: counted.learner, seconds: taught.seconds + counted.seconds,
        steps: taught.steps + counted.steps, isCutShort: taught.isCutShort || counted.isCutShort), moved
    )
  }

  /// What the teacher is called.
  private static let name = "teacher"

  private func distillation(ofFeatures isCounting: Bool) throws -> Distillation {
    var targets = SoftTargets.Options()
    targets.temperature = Ramp(plan.temperature)
    var terms: [(term: any DistillationTerm, weight: Ramp)] = [(SoftTargets(targets), 1)]
    if isCounting {
      var hint = Hint.Options()
      (hint.taps, hint.distance) = ([TapPair("features", "features")], .cosine)
      terms.append((Hint(hint), Ramp(Self.featureWeight)))
    }
    return try Distillation(NamedTeachers([.init(Self.name)]), terms: terms)
  }

  /// Of the cosine between features beside labels and soft targets: a head that counts sees features alone.
  private static let featureWeight = 20.0

  private func training(
    _ task: Task, _ configuration: LifeConfiguration, _ parent: VersionManifest, _ state: State,
    _ teaching: Training.Teaching?
  ) throws -> Training {
    Training(
      configuration: configuration, parent: parent, parentState: state, batches: [task.examples],
      past: { throw StreamError.noSuchExperience(index: $0, count: 0) }, experience: 0, inputs: task.inputs,
      work: nil, tell: tell, shouldStop: shouldStop, teaching: teaching)
  }

  // MARK: - Around it

  /// Answers that every version must give are those of every student.
  private func copyInvariants(to place: URL) throws {
    guard let file = Invariants.file(in: home) else { return }
    try FileManager.default.copyItem(at: file, to: place.appendingPathComponent(file.lastPathComponent))
  }

  private func outcome(
    _ task: Task, _ candidate: Training.Candidate, _ judged: Judgement.Result, isForced: Bool
  ) throws -> DistillOutcome {
    let rows = try task.inputs.rows([task.examples[0].payload])
    func side(_ learner: Learner, _ version: Int, _ accuracy: Double?) throws -> DistillOutcome.Side {
      DistillOutcome.Side(
        version: version, accuracy: accuracy, parameters: learner.weightCount,
        bytes: learner.model.parameters.reduce(0) { $0 + $1.parameter.value.byteCount },
        milliseconds: try learner.latency(noGrad { try learner.inputs(rows) }) * 1000)
    }
    let (old, new) = (
      try side(teacher.learner, teacher.manifest.version, judged.verdict.before),
      try side(candidate.learner, 1, judged.verdict.after)
    )
    return DistillOutcome(
      result: judged.verdict.passed ? .promoted : isForced ? .forced : .refused, teacher: old, student: new,
      millisecondsRatio: new.milliseconds / max(old.milliseconds, .leastNormalMagnitude),
      examples: task.examples.count, heldOut: judged.answers.count, verdict: judged.verdict,
      seconds: candidate.seconds, steps: candidate.steps)
  }
}

extension Learner {
  /// The number of weights, those that rest included.
  var weightCount: Int {
    model.parameters.reduce(0) { $0 + ($1.parameter.kind == .buffer ? 0 : $1.parameter.value.count) }
  }
}
