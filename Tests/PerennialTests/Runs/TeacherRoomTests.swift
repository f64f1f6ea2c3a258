import Foundation
import Testing
import Torch

@testable import Perennial

/// Clusters 8 wide for `clusters`, 5 wide for `other`, and models that fit them.
struct TwoModality: Modality {
  func stream(_ recipe: Recipe, seed: UInt64) throws -> Perennial.Stream {
    let isOther = recipe.stream.data.isNamed("other")
    guard isOther || recipe.stream.data.isNamed("clusters") else {
      throw recipe.stream.data.node.notAmong(
        ["clusters", "other"], recipe.stream.data.name, kind: "data set")
    }
    return try Clusters(width: isOther ? 5 : 8, seed: isOther ? 8 : 3)
      .stream(experiences: recipe.stream.experiences, seed: seed)
  }

  func blueprint(_ recipe: Recipe, for stream: Perennial.Stream) throws -> Blueprint {
    .tiny(inputs: try stream.inputShape()[0], batchNorm: true) {
      try HeadRegistry.make(recipe.head, features: $0, $1)
    }
  }
}

@Suite struct TeacherRoomTests {
  static func recipe(_ teacher: String, _ arms: [String], seeds: [Int] = [0]) throws -> Recipe {
    try Recipe(
      yaml: """
        name: taught
        stream: {data: clusters, scenario: class, experiences: 2}
        model: mlp
        training: {optimizer: {sgd: {lr: 0.1}}, batch: 8, steps: 4}
        teachers: {expert: \(teacher)}
        strategies:
          \(arms.joined(separator: "\n  "))
        seeds: \(seeds)
        """, source: "taught.yaml")
  }

  static let paired = "{model: mlp, data: other, training: {epochs: 3, optimizer: {adam: {lr: 0.01}}}}"
  static let arms = [
    "alone: []", "taught: [{distillation: {teacher: {paired: {teacher: expert}}}}]",
    "again: [{distillation: {teacher: {paired: {teacher: expert}}, temperature: 2}}]",
  ]

  private func run(
    _ recipe: Recipe, _ folder: RunFolder, stop: @escaping () -> Bool = { false }
  ) throws -> RunResults? {
    do {
      return try Experiment(recipe, folder: folder, modality: TwoModality(), shouldStop: stop).run()
    } catch is RunInterrupted {
      return nil
    }
  }

  private func weights(_ name: String, _ folder: RunFolder) -> Data? {
    try? Data(contentsOf: folder.student(of: name, seed: 0))
  }

  @Test func aTeacherIsTrainedOnceForARun() throws {
    let recipe = try Self.recipe(Self.paired, Self.arms, seeds: [0, 1])
    try Experiment.check(recipe, modality: TwoModality())
    let place = TemporaryPlace()
    defer { place.remove() }
    let folder = try RunFolder.create(for: recipe, in: place.url)
    let results = try #require(try run(recipe, folder))
    #expect(results.runs.map(\.strategy) == ["alone", "alone", "taught", "taught", "again", "again"])
    let url = folder.student(of: "expert", seed: 0)
    let own = try Safetensors.read(url)
    #expect(own.tensors["hidden.weight"]?.shape == [16, 5])
    #expect(own.metadata["labels"] == "[0, 1, 2, 3, 4, 5]")
    #expect(weights("expert", folder) != (try? Data(contentsOf: folder.student(of: "expert", seed: 1))))
    // A file that is there is taken: the second arm learned from what the first one left.
    try FileManager.default.removeItem(at: folder.student(of: "again", seed: 0))
    try FileManager.default.removeItem(at: folder.checkpoints.appendingPathComponent("again-0.record.json"))
    let before = try FileManager.default.attributesOfItem(atPath: url.path)[.systemFileNumber] as? Int
    _ = try run(recipe, folder)
    #expect(try FileManager.default.attributesOfItem(atPath: url.path)[.systemFileNumber] as? Int == before)
  }

  @Test func aRunThatStopsAtAnyStepIsTheSame() throws {
    let recipe = try Self.recipe(Self.paired, Array(Self.arms.prefix(2)))
    let place = TemporaryPlace()
    defer { place.remove() }
    let whole = try RunFolder.create(for: recipe, in: place.url)
    #expect(try run(recipe, whole) != nil)
    // 8 steps of the first arm, 27 of the teacher, 8 of the second arm.
    for steps in [4, 8, 20, 34, 36, 41] {
      let other = try RunFolder.create(for: recipe, in: place.url.appendingPathComponent("\(steps)"))
      #expect(try run(recipe, other, stop: ExperimentTests.after(steps)) == nil)
      #expect((weights("expert", other) != nil) == (steps > 34), "after \(steps) steps")
      #expect(try run(recipe, other) != nil)
      for name in ["alone", "expert", "taught"] {
        #expect(weights(name, other) == weights(name, whole), "\(name), stopped after \(steps) steps")
      }
    }
  }

  /// Without data of its own it learns all of the student's at once.
  @Test func aTeacherOfTheSameDataNeedsNoPairs() throws {
    let recipe = try Self.recipe(
      "{model: mlp, training: {epochs: 2}}", ["taught: [{distillation: {teacher: expert}}]"])
    let place = TemporaryPlace()
    defer { place.remove() }
    let folder = try RunFolder.create(for: recipe, in: place.url)
    let results = try #require(try run(recipe, folder))
    #expect(results.runs[0].transfer?.comparisons.map(\.teacher) == ["expert"])
    #expect(
      try Safetensors.read(folder.student(of: "expert", seed: 0)).tensors["head.weight"]?.shape == [6, 16])
  }

  @Test(arguments: [
    ("{model: mlp}", "one of `weights`, `training` and `torchscript`"),
    ("{model: mlp, weights: a, training: {epochs: 1}}", "one of `weights`, `training` and `torchscript`"),
    ("{weights: a}", "missing key `model`"),
    ("{model: mlp, labels: [1], training: {epochs: 1}}", "labels: are those of the data"),
    ("{model: mlp, torchscript: a}", "model: is in the TorchScript file"),
    ("{model: mlp, training: {epochs: 1, steps: 2}}", "either `steps` or `epochs`"),
    ("{model: mlp, weights: no-such-file.safetensors}", "no-such-file"),
    ("{model: mlp, data: nothing, training: {epochs: 1}}", "`nothing`"),
    ("{model: mlp, training: {epochs: 1}, dtype: float16}", "dtype"),
  ])
  func mistakesAreNamed(teacher: String, message: String) throws {
    do {
      let recipe = try Self.recipe(teacher, ["taught: [{distillation: {teacher: expert}}]"])
      try Experiment.check(recipe, modality: TwoModality())
      Issue.record("no error")
    } catch let error as ConfigurationError {
      #expect("\(error)".contains(message), "\(error)")
    }
  }

  @Test func aTeacherOfOtherDataNeedsPairs() throws {
    let recipe = try Self.recipe(Self.paired, ["taught: [{distillation: {teacher: expert}}]"])
    let error = #expect(throws: ConfigurationError.self) {
      try Experiment.check(recipe, modality: TwoModality())
    }
    #expect("\(String(describing: error))".contains("takes other inputs"))
  }
}
