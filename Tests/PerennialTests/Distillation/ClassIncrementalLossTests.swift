import Testing
import Torch

@testable import Perennial

/// Losses of class-incremental learning against PyTorch: `Scripts/golden/class_incremental.py` has the formulas.
@Suite struct ClassIncrementalLossTests {
  /// The value of a case and its gradients for these inputs, beside the golden ones; gives them for more to be asked.
  @discardableResult
  static func expectGolden(
    _ name: String, _ inputs: [String], relative: Double = 2e-5, _ loss: ([String: Tensor]) throws -> Tensor
  ) throws -> [String: Tensor] {
    var values = try GoldenTensors("class_incremental").all(name)
    for key in inputs {
      let leaf = try #require(values[key]).clone()
      try leaf.setRequiresGrad(true)
      values[key] = leaf
    }
    let value = try loss(values)
    expectNear(value, try #require(values["value"]), relative: relative, name)
    let leaves = try inputs.map { try #require(values[$0]) }
    let slopes = try gradients(of: value, withRespectTo: leaves)
    for (key, slope) in zip(inputs, slopes) {
      expectNear(
        slope, try #require(values["gradient.\(key)"]), relative: relative, "\(name), gradient of \(key)")
    }
    return Dictionary(uniqueKeysWithValues: zip(inputs, slopes))
  }

  static func batch(_ units: Tensor) throws -> Batch {
    let rows = try Tensor.zeros([units.count, 1])
    return Batch(
      inputs: rows, targets: units, fresh: units.count,
      source: try Examples(inputs: rows, targets: units), places: try Tensor.arange(0, units.count))
  }

  @Test(arguments: ["binary", "binary_first"])
  func sigmoids(name: String) throws {
    try Self.expectGolden(name, ["outputs"]) {
      try SigmoidDistillation.values(
        #require($0["outputs"]), units: #require($0["units"]), teacher: $0["past"]
      )
      .mean()
    }
  }

  @Test func softTargetsAmongOldUnits() throws {
    let slopes = try Self.expectGolden("lambda", ["outputs"]) {
      let (outputs, units) = (try #require($0["outputs"]), try #require($0["units"]))
      let held = try Self.batch(units).softTargets(
        student: outputs, teacher: #require($0["past"]), 0..<3, temperature: 2)
      return try outputs.crossEntropy(units) * 0.4 + held * 0.6
    }
    #expect(slopes.count == 1)
  }

  @Test func softTargetsOfEachExperience() throws {
    try Self.expectGolden("heads", ["outputs"]) {
      let (outputs, units, past) = (
        try #require($0["outputs"]), try #require($0["units"]), try #require($0["past"])
      )
      let batch = try Self.batch(units)
      return try outputs.crossEntropy(units)
        + batch.softTargets(student: outputs, teacher: past, 0..<2, temperature: 2)
        + batch.softTargets(student: outputs, teacher: past, 2..<4, temperature: 2)
    }
  }

  static func attention(_ values: [String: Tensor]) throws -> Tensor {
    func rows(_ key: String, _ weight: Tensor, isDerivable: Bool) throws -> Tensor {
      let map = try #require(values[key])
      if try !map.requiresGrad { try map.setRequiresGrad(true) }
      let outputs = try map.tanh().mean([2, 3]).matmul(weight.transpose(0, 1))
      return try AttentionMaps.rows(
        map, outputs: outputs, units: #require(values["units"]), isDerivable: isDerivable)
    }
    let weight = try #require(values["weight"])
    let wanted = try rows("past", weight.detach()[0..<3], isDerivable: false).detach()
    expectNear(wanted, try #require(values["rows"]), "the past self's maps")
    return try AttentionMaps.distances(
      student: rows("map", weight, isDerivable: true), teacher: wanted
    ).mean()
  }

  @Test func attentionMaps() throws {
    try Self.expectGolden("attention", ["map", "weight"], Self.attention)
  }

  @Test func directionsAndMargins() throws {
    try Self.expectGolden("rebalancing", ["features", "weight", "scale"]) {
      let (features, units) = (try #require($0["features"]), try #require($0["units"]))
      let head = try CosineHead(features: 7, outputs: 5, Generator(seed: 1))
      let cosines = try features.unitRows().linear(#require($0["weight"]).unitRows())
      head.weight.replace(with: try #require($0["weight"]))
      expectNear(try head.cosines(features), try cosines.detach())
      let turned = try FeatureDirection.values(student: features, teacher: #require($0["past"])).mean()
      let margins = try DistillationReducer()(
        MarginRanking.values(head.cosines(features), units: units, known: 3, hardest: 2, margin: 0.5),
        temperature: 1, mask: try units .< 3)
      return try (cosines * #require($0["scale"])).crossEntropy(units) + turned * (5 * 1.5.squareRoot())
        + margins
    }
  }

  @Test func neighbourhoodsOfSeveralVectors() throws {
    try Self.expectGolden("proxies", ["features", "weight", "scale"]) {
      let head = try LocalSimilarityHead(features: 7, outputs: 5, proxies: 3, Generator(seed: 1))
      let scale = try #require($0["scale"])
      head.weight.replace(with: try #require($0["weight"]))
      head.scale.replace(with: scale)
      let outputs = try head(#require($0["features"]))
      expectNear(outputs, try #require($0["outputs"]))
      return try NeighbourhoodLoss.values(outputs, units: #require($0["units"]), margin: scale * 0.6).mean()
    }
  }

  @Test func pooledMaps() throws {
    try Self.expectGolden("pooled", ["first", "second", "features"]) { values in
      func stage(_ name: String) throws -> Tensor {
        try PooledMaps.values(student: #require(values[name]), teacher: #require(values["\(name)_past"]))
          .mean()
      }
      let turned = try FeatureDirection.values(
        student: #require(values["features"]), teacher: #require(values["past"])
      ).mean()
      return try ((stage("first") + stage("second")) * 1.5 + turned) * 2.5.squareRoot()
    }
  }

  @Test func theFittedLineIsTheBest() throws {
    let golden = try GoldenTensors("class_incremental").all("bias")
    let (outputs, units) = (try #require(golden["outputs"]), try #require(golden["units"]))
    let fit = try BiasFit.fit(outputs, units: units, first: 3)
    expectNear(fit.alpha, try #require(golden["alpha"]).item(), within: 1e-5)
    expectNear(fit.beta, try #require(golden["beta"]).item(), within: 1e-5)
    let corrected = try fit(outputs)
    #expect(
      try corrected[0..<60].narrow(dim: 1, start: 0, count: 3).equals(
        outputs.narrow(dim: 1, start: 0, count: 3)))
    let loss =
      try corrected.crossEntropy(units).item() + 0.05 * fit.beta * fit.beta
      + 0.0005 * (fit.alpha - 1) * (fit.alpha - 1)
    expectNear(loss, try #require(golden["value"]).item(), within: 1e-6)
  }

  @Test func alignedRows() throws {
    let golden = try GoldenTensors("class_incremental").all("aligned")
    let weight = try #require(golden["weight"]).clone()
    try WeightAligning.align(weight, old: 3, units: 5)
    expectNear(weight, try #require(golden["output"]))
  }
}
