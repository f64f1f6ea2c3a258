import Foundation
import Testing
import Torch

@testable import Perennial

/// What PEFT says of the same adapters.
@Suite struct AdapterGoldenTests {
  static func base(_ golden: GoldenTensors) throws -> Sequential {
    let generator = try Generator(seed: 1)
    let model = Sequential([
      try Linear(6, 8, generator), Lambda { try $0.gelu() }, try Linear(8, 5, generator),
    ])
    try model.load(
      ["0.weight", "0.bias", "2.weight", "2.bias"].reduce(into: [:]) { state, path in
        state[path] = try golden["base/\(path)"]
      })
    return model
  }

  static func folder(_ name: String) throws -> AdapterFolder {
    let golden = try #require(Bundle.module.url(forResource: "Golden", withExtension: nil))
    return AdapterFolder(golden.appendingPathComponent("adapters/\(name)"))
  }

  @Test(arguments: ["lora", "rslora", "dora", "patterns"])
  func foldersOfPEFT(variant: String) throws {
    let golden = try GoldenTensors("adapters")
    let model = try Self.base(golden)
    let set = try Self.folder(variant).read(into: model)
    model.evaluate()
    let inputs = try golden["base/inputs"]
    let vector = try ParameterVector(set.trainableParameters)
    let outputs = try model(inputs)
    expectNear(outputs, try golden["\(variant)/outputs"], relative: 1e-5)
    try vector.zeroGradients()
    try vector.backward(outputs.square().sum())
    let first = set.places[0].adapter
    let slots = vector.layout.slots.map { $0.path }
    for (path, name) in [("0.lora_A.weight", "down"), ("0.lora_B.weight", "up")] {
      let slot = vector.layout.slots[try #require(slots.firstIndex(of: path))]
      expectNear(
        try vector.layout.view(slot, of: vector.gradients), try golden["\(variant)/\(name)"], relative: 1e-4)
    }
    #expect(first.rank == 2 && set.places[1].adapter.rank == (variant == "patterns" ? 3 : 2))

    let own = try set.places.map { try $0.layer.weight.value.clone() }
    try set.merge()
    for (place, name) in zip(set.places, ["first", "second"]) {
      expectNear(place.layer.weight.value, try golden["\(variant)/merged/\(name)"], relative: 1e-5)
    }
    expectNear(try model(inputs), outputs, relative: 1e-5)
    try set.unmerge()
    for (place, before) in zip(set.places, own) {
      #expect(try (place.layer.weight.value .== before).all().item() == 1)
    }
    expectNear(try model(inputs), outputs, relative: 1e-6)
    let bare = try set.disabled { try model(inputs) }
    expectNear(bare, try Self.base(golden)(inputs), relative: 1e-6)
  }

  @Test(arguments: ["0.5", "-0.4"])
  func severalInOne(second: String) throws {
    let golden = try GoldenTensors("adapters")
    let weights = [second == "0.5" ? 0.7 : 1.0, try #require(Double(second))]
    let methods: [(String, AdapterMerge)] = [
      ("linear", .linear), ("cat", .concatenation), ("svd", .singularValues(rank: 2)),
      ("ties", .ties(density: 0.5)),
      ("magnitude_prune", .magnitudePruning(density: 0.5)),
    ]
    for (name, method) in methods {
      let model = try Self.base(golden)
      let random = RandomStreams(seed: 1)
      let sets = try zip(["one", "two"], [6.0, 3.0]).map { adapter, alpha in
        var configuration = LowRankConfiguration()
        (configuration.rank, configuration.alpha) = (2, alpha)
        let set = try model.addAdapters(adapter, configuration, random)
        try noGrad {
          for place in set.places {
            try place.adapter.down.weight.value.copy(from: golden["merge/\(adapter)/\(place.path)/down"])
            try place.adapter.up.weight.value.copy(from: golden["merge/\(adapter)/\(place.path)/up"])
          }
        }
        return set
      }
      let merged = try AdapterSet.merge(
        Array(zip(sets, weights)), as: "merged", method, in: model, random)
      for place in merged.places {
        expectNear(
          try place.adapter.difference(), try golden["merge/\(name)/\(second)/\(place.path)/delta"],
          relative: 1e-5)
      }
    }
  }

  /// DARE keeps values in the mean over its draws: that of 400 has a standard error of a twentieth of each.
  @Test func droppingAndRescalingKeepsTheMean() throws {
    let golden = try GoldenTensors("adapters")
    let model = try Self.base(golden)
    let set = try Self.folder("lora").read(into: model)
    let random = RandomStreams(seed: 3)
    func down(_ name: String, _ density: Double) throws -> Tensor {
      try AdapterSet.merge([(set, 1)], as: name, .dare(density: density), in: model, random)
        .places[0].adapter.down.weight.value
    }
    let whole = try down("whole", 1)
    let draws = try (0..<400).map { try down("draw\($0)", 0.5) }
    let mean = try noGrad { try Tensor.stack(draws).mean([0]) }
    expectNear(mean, whole, relative: 0.2)
    #expect(try noGrad { try (draws[0] .== 0).any().item() } == 1)
  }

  @Test func whatIsWrittenIsReadAgain() throws {
    let place = TemporaryPlace()
    defer { place.remove() }
    let golden = try GoldenTensors("adapters")
    for variant in ["lora", "dora", "patterns"] {
      let model = try Self.base(golden)
      let set = try Self.folder(variant).read(into: model)
      let folder = AdapterFolder(place.url.appendingPathComponent(variant))
      try folder.write(set, of: model)
      let other = try Self.base(golden)
      let again = try folder.read("again", into: other)
      #expect(again.configuration == set.configuration)
      expectNear(try other(golden["base/inputs"]), try model(golden["base/inputs"]), relative: 0)
    }
  }
}
