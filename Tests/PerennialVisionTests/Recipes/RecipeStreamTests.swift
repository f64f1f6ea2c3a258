import Testing
import Torch

@testable import Perennial
@testable import PerennialVision

/// Streams and models as recipes ask for them.
@Suite struct RecipeStreamTests {
  static func recipe(
    _ stream: String, model: String = "{mlp: {hidden: [6]}}", head: String = "linear"
  ) throws -> Recipe {
    try Recipe(
      yaml: """
        name: test
        stream: \(stream)
        model: \(model)
        head: \(head)
        training: {optimizer: adam, batch: 8, steps: 1}
        strategies: {finetune: []}
        seeds: [0]
        """, source: "recipe.yaml")
  }

  private func stream(_ yaml: String, seed: UInt64 = 0, root: DataRoot = DataRoot()) throws
    -> Perennial.Stream
  {
    try VisionModality(root: root).stream(Self.recipe(yaml), seed: seed)
  }

  private func labels(_ examples: Examples) throws -> Set<Int> { Set(try examples.targets.integers()) }

  @Test func classesComeInTheirOrder() throws {
    let natural = try stream("{data: digits, experiences: 5}")
    #expect(natural.names == ["0,1", "2,3", "4,5", "6,7", "8,9"])
    #expect(natural.scenario == .classIncremental)
    for index in 0..<5 {
      #expect(try labels(natural.experience(index).examples) == [2 * index, 2 * index + 1])
      #expect(try labels(natural.test(index)) == [2 * index, 2 * index + 1])
      #expect(try natural.experience(index).task == nil)
    }
    let given = try stream("{data: digits, experiences: 2, class_order: [5, 4, 3, 2, 1, 0, 9, 8, 7, 6]}")
    #expect(given.names == ["5,4,3,2,1", "0,9,8,7,6"])
    let orders = try (0..<3).map {
      try stream("{data: digits, experiences: 10, class_order: seeded}", seed: $0).names
    }
    #expect(Set(orders).count == 3)
    #expect(orders.allSatisfy { Set($0) == Set((0...9).map(String.init)) })
    #expect(try stream("{data: digits, experiences: 10, class_order: seeded}", seed: 1).names == orders[1])
  }

  @Test func tasksAreToldAndDomainsShareTheirLabels() throws {
    let tasks = try stream("{data: digits, scenario: task, experiences: 5}")
    #expect(try tasks.experience(3).task == 3)
    #expect(try labels(tasks.experience(3).examples) == [6, 7])
    let domains = try stream("{data: digits, scenario: domain, experiences: 5}")
    #expect(try domains.experience(3).task == nil)
    #expect(try labels(domains.experience(3).examples) == [0, 1])
    #expect(try labels(domains.test(3)) == [0, 1])
  }

  @Test func nothingIsLostOrLearnedTwice() throws {
    for yaml in [
      "{data: digits, experiences: 5}", "{data: digits, scenario: instance, experiences: 7}",
      "{data: digits, experiences: 5, blur: 0.4}", "{data: digits, experiences: 5, validation: 0.25}",
    ] {
      let stream = try stream(yaml)
      let experiences = try (0..<stream.count).map { try stream.experience($0) }
      let seen = try experiences.flatMap { experience in
        try experience.examples.identifiers.integers() + (experience.validation?.identifiers.integers() ?? [])
      }
      #expect(seen.sorted() == Array(0..<stream.source.train.count), "\(yaml)")
      let judged = try (0..<stream.count).reduce(0) { try $0 + stream.test($1).count }
      #expect(judged == stream.source.test.count)
    }
  }

  @Test func blurMixesNeighboursOnly() throws {
    let blurred = try stream("{data: digits, experiences: 5, blur: 0.4}")
    #expect(try labels(blurred.experience(0).examples) == [0, 1, 2, 3])
    #expect(try labels(blurred.experience(2).examples).isSuperset(of: [2, 3, 4, 5, 6, 7]))
    #expect(try labels(blurred.test(0)) == [0, 1])
  }

  @Test func validationIsAFractionThatSeedsChoose() throws {
    let yaml = "{data: digits, experiences: 5, validation: 0.25}"
    let first = try stream(yaml, seed: 1).experience(2)
    let held = try #require(first.validation)
    #expect(held.count == (held.count + first.examples.count) / 4)
    func identifiers(_ seed: UInt64) throws -> [Int] {
      try stream(yaml, seed: seed).experience(2).validation?.identifiers.integers() ?? []
    }
    #expect(try identifiers(1) == held.identifiers.integers())
    #expect(try identifiers(2) != held.identifiers.integers())
  }

  @Test func everyPermutationMovesThePixelsOfAllImagesAlike() throws {
    let stream = try stream("{data: digits, scenario: {domain: {transform: permute}}, experiences: 3}")
    #expect(stream.names == ["permutation 1", "permutation 2", "permutation 3"])
    let raw = try stream.source.train.inputs.array(of: UInt8.self)
    let seen = try (0..<3).map { try stream.experience($0).examples.inputs.array(of: UInt8.self) }
    for pixels in seen {
      #expect(pixels != raw)
      for start in [0, 64 * 100] {
        #expect(pixels[start..<(start + 64)].sorted() == raw[start..<(start + 64)].sorted())
      }
    }
    #expect(seen[0] != seen[1] && seen[1] != seen[2])
    // Training and test images of a domain are permuted alike: a pixel that is always black in one is in the other.
    func blackPixels(_ pixels: [UInt8]) -> Set<Int> {
      (0..<64).filter { pixel in
        stride(from: pixel, to: pixels.count, by: 64).allSatisfy { pixels[$0] == 0 }
      }.reduce(into: []) { $0.insert($1) }
    }
    for index in 0..<3 {
      let test = try stream.test(index).inputs.array(of: UInt8.self)
      #expect(blackPixels(seen[index]).isSubset(of: blackPixels(test)))
      #expect(!blackPixels(seen[index]).isEmpty)
    }
  }

  @Test func rotationsBeginUpright() throws {
    let yaml = "{data: digits, scenario: {domain: {transform: rotate, degrees: 360}}, experiences: 4}"
    let stream = try stream(yaml)
    #expect(stream.names == ["0°", "90°", "180°", "270°"])
    let raw = try stream.source.train.inputs.array(of: UInt8.self)
    #expect(try stream.experience(0).examples.inputs.array(of: UInt8.self) == raw)
    let half = try stream.experience(2).examples.inputs.array(of: UInt8.self)
    #expect(Array(half[0..<64]) == raw[0..<64].reversed())
  }

  @Test func drawnAnglesFollowTheSeedAndNotTheNumberOfExperiences() throws {
    func stream(_ count: Int, seed: UInt64, degrees: Double = 180) throws -> Perennial.Stream {
      let rotation = "{transform: rotate, angles: random, degrees: \(degrees)}"
      return try self.stream(
        "{data: digits, scenario: {domain: \(rotation)}, experiences: \(count)}", seed: seed)
    }
    let angles = try (0..<3).flatMap { seed in
      try stream(20, seed: UInt64(seed)).names.map { try #require(Double($0.dropLast())) }
    }
    #expect(Set(angles).count > 50, "every experience of every seed has its own")
    #expect(angles.allSatisfy { (0..<180).contains($0) })
    // Of 60 even draws about 20 are in each third.
    for third in 0..<3 { #expect(angles.count { Int($0) / 60 == third } > 8) }
    #expect(try stream(5, seed: 1).names == Array(stream(20, seed: 1).names.prefix(5)))
    #expect(try stream(4, seed: 1, degrees: -90).names.allSatisfy { $0.hasPrefix("-") })
    // Training and test images of a domain are turned alike.
    let domain = try stream(3, seed: 2)
    let degrees = try #require(Double(domain.names[1].dropLast()))
    for (turned, upright) in [
      (try domain.experience(1).examples.inputs, domain.source.train.inputs),
      (try domain.test(1).inputs, domain.source.test.inputs),
    ] {
      let expected = try FixedRotation(degrees: degrees)(upright).to(.float32)
      // The name has the angle to a tenth.
      #expect(try (turned.to(.float32) - expected).abs().flatten().amax([0]).item() < 3)
      #expect(try !turned.equals(upright))
    }
  }

  @Test func anExperienceHasNoMoreThanItsLimit() throws {
    let stream = try stream("{data: digits, experiences: 5, limit: 40, validation: 0.25}", seed: 3)
    for index in 0..<5 {
      let experience = try stream.experience(index)
      #expect(experience.examples.count == 30 && experience.validation?.count == 10)
      #expect(try stream.test(index).count > 40, "test sets stay whole")
    }
  }

  @Test func tasksOfOneDataSetHaveClassesOfTheirOwn() throws {
    let stream = try stream("{data: digits, scenario: {task: {transform: permute}}, experiences: 2}")
    #expect(try labels(stream.experience(0).examples) == Set(0..<10))
    #expect(try labels(stream.experience(1).examples) == Set(10..<20))
    #expect(try labels(stream.test(1)) == Set(10..<20))
  }

  @Test(arguments: [
    ("{data: digits, experiences: 11}", "recipe.yaml:2: stream.experiences: 11 experiences"),
    (
      "{data: digits, scenario: domain, experiences: 4}",
      "recipe.yaml:2: stream.experiences: 10 classes do not"
    ),
    (
      "{data: digits, experiences: 2, class_order: [1]}", "recipe.yaml:2: stream.class_order: the class order"
    ),
    ("{data: digits, scenario: task, experiences: 2, blur: 0.1}", "recipe.yaml:2: stream.blur: "),
    (
      "{data: digits, scenario: {domain: {transform: permute}}, experiences: 2, blur: 0.1}",
      "recipe.yaml:2: stream.blur: "
    ),
    ("{data: digits, scenario: {class: {transform: turn}}, experiences: 2}", "permute"),
    (
      "{data: digits, scenario: {class: {degrees: .nan}}, experiences: 2}",
      "recipe.yaml:2: stream.scenario.class"
    ),
    ("{data: digits, scenario: time, experiences: 2}", "unknown scenario `time`"),
    ("{data: digits, experiences: 2, limit: 0}", "recipe.yaml:2: stream.limit: must be at least 1"),
    (
      "{data: digits, scenario: {domain: {transform: rotate, angles: odd}}, experiences: 2}",
      "recipe.yaml:2: stream.scenario.domain.angles"
    ),
    ("{data: digits, experiences: 2, augment: [spin]}", "unknown augmentation `spin`"),
  ])
  func whatCannotBeIsToldWithItsLine(yaml: String, message: String) {
    let error = #expect(throws: ConfigurationError.self) { try stream(yaml) }
    #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
  }

  @Test func onlyTrainingImagesChange() throws {
    let stream = try stream("{data: digits, experiences: 5, augment: [{crop: {padding: 2}}]}")
    let places = try Tensor.arange(0, 50)
    let inputs = stream.source.train.inputs
    let plain = try stream.pipeline(inputs, places, augmentation: nil)
    let changed = try stream.pipeline(inputs, places, augmentation: Generator(seed: 1))
    #expect(plain.shape == changed.shape)
    #expect(try plain.array(of: Float.self) != changed.array(of: Float.self))
    #expect(try plain.array(of: Float.self).max() == 1)
  }

  @Test func modelsFollowTheSeedAndTheInputs() throws {
    let recipe = try Self.recipe(
      "{data: {digits: {pad: 12}}, experiences: 5}", head: "{fixed: {outputs: 12}}")
    let modality = VisionModality(root: DataRoot())
    let blueprint = try modality.blueprint(recipe, for: modality.stream(recipe, seed: 0))
    let models = try [1, 1, 2].map { try blueprint.make(RandomStreams(seed: $0)) }
    #expect(models[0].parameterCount == 144 * 6 + 6 + 6 * 12 + 12)
    let weights = try models.map { try $0.trainableParameters[0].parameter.value.array(of: Float.self) }
    #expect(weights[0] == weights[1] && weights[0] != weights[2])
    // The head has a stream of its own, so that another head leaves the backbone's weights as they are.
    let other = try Self.recipe("{data: {digits: {pad: 12}}, experiences: 5}", head: "cosine")
    let cosine = try modality.blueprint(other, for: modality.stream(other, seed: 0)).make(
      RandomStreams(seed: 1))
    #expect(try cosine.trainableParameters[0].parameter.value.array(of: Float.self) == weights[0])
  }
}
