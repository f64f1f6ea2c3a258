import Torch

extension Experiment {
  /// What the distillation of each arm will compute: the teachers, and every term with its weight, temperature, taps,
  /// shapes and what it learns. Nothing is trained, and nothing is written.
  ///
  /// - Throws: what ``check(_:modality:)`` throws.
  public static func explain(
    _ recipe: Recipe, modality: any Modality, device: Device = .cpu
  ) throws -> [(arm: String, lines: [String])] {
    try recipe.arms.compactMap { arm in
      let lines = try blaming(arm.node) { try DistillationTrial(recipe, arm, modality, device).lines() }
      return lines.isEmpty ? nil : (arm.name, lines)
    }
  }
}

/// The distillation of an arm on an example of each class, as far as the first loss: whatever cannot be compared shows
/// before anything is learned.
struct DistillationTrial {
  private let recipe: Recipe
  private let arm: Recipe.Arm
  private let modality: any Modality
  private let device: Device

  init(_ recipe: Recipe, _ arm: Recipe.Arm, _ modality: any Modality, _ device: Device = .cpu) {
    (self.recipe, self.arm, self.modality, self.device) = (recipe, arm, modality, device)
  }

  /// What each distillation of the arm does; nothing of an arm without.
  func lines() throws -> [String] {
    let strategies = try arm.strategies.map { try StrategyRegistry.make($0) }
    guard strategies.contains(where: { $0 is Distillation }) else { return [] }
    let seed = recipe.seeds[0]
    let stream = try modality.stream(recipe, of: arm, seed: UInt64(seed))
    let room = TeacherRoom(
      recipe: recipe, modality: modality, stream: stream, seed: seed, device: device, finished: { _ in nil },
      isTrial: true)
    let learner = try LearnerMaker(
      recipe: recipe.resolved(for: arm), arm: arm, seed: seed, modality: modality, stream: stream,
      device: device,
      teachers: room.teachers(of: strategies, for: arm)
    ).make(only: { $0 is Distillation })
    let distillations = learner.strategies.compactMap { $0 as? Distillation }
    for distillation in distillations { distillation.makeTrial() }
    for index in 0..<min(stream.count, 2) where !distillations.allSatisfy(\.isTeaching) {
      try learner.begin(Self.few(of: stream.experience(index)))
      if !distillations.allSatisfy(\.isTeaching), index == 0 { try learner.end() }
    }
    return distillations.flatMap { $0.explanation(learner) }
  }

  /// An example of each class; two where there are no classes.
  private static func few(of experience: Experience) throws -> Experience {
    let targets = experience.examples.targets
    var places = [0, min(1, experience.examples.count - 1)]
    if targets.dtype == .int64 {
      var seen: Set<Int> = []
      places = try targets.integers().enumerated().filter { seen.insert($0.element).inserted }.map(\.offset)
    }
    return try Experience(
      index: experience.index, name: experience.name, examples: experience.examples.select(Tensor(places)),
      task: experience.task)
  }
}
