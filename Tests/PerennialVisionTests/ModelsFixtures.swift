import Foundation
import Testing
import Torch

@testable import PerennialVision

/// The golden files beside these tests.
enum VisionFixtures {
  static func url(_ name: String) throws -> URL {
    try #require(Bundle.module.url(forResource: name, withExtension: nil, subdirectory: "Fixtures"))
  }

  /// The tensors of one case, named without it: `mlp.state/layers.0.weight` is `layers.0.weight` of `mlp.state`.
  static func cases(_ name: String) throws -> [String: [String: Tensor]] {
    try Safetensors.read(url(name)).tensors.reduce(into: [:]) { cases, entry in
      let parts = entry.key.split(separator: "/", maxSplits: 1).map(String.init)
      cases[parts[0], default: [:]][parts[1]] = entry.value
    }
  }

  /// The data root that `PERENNIAL_DATA` names, for tests that want real data.
  static let data = ProcessInfo.processInfo.environment["PERENNIAL_DATA"].map { URL(fileURLWithPath: $0) }
}

/// A backbone with a linear classifier under the name of the public checkpoint.
struct Classifier {
  let backbone: any VisionBackbone
  let head: Linear

  init(_ backbone: any VisionBackbone, classes: Int) throws {
    self.backbone = backbone
    head = try Linear(backbone.featureCount, classes, kind: .head, Generator(seed: 99))
  }

  var parameters: [(path: String, parameter: Parameter)] {
    backbone.parameters + head.parameters.map { ("\(backbone.headName).\($0.path)", $0.parameter) }
  }

  var parameterCount: Int { backbone.parameterCount + head.parameterCount }

  func callAsFunction(_ input: Tensor) throws -> Tensor { try head(backbone(input)) }

  func load(_ state: [String: Tensor]) throws {
    let prefix = backbone.headName + "."
    try backbone.loadPublished(state.filter { !$0.key.hasPrefix(prefix) })
    let ours = state.filter { $0.key.hasPrefix(prefix) }
    try head.load(
      Dictionary(uniqueKeysWithValues: ours.map { (String($0.key.dropFirst(prefix.count)), $0.value) }))
  }
}

/// The largest |a − b| as a fraction of the largest |b|.
func relativeError(_ a: Tensor, _ b: Tensor) throws -> Double {
  try #require(a.shape == b.shape)
  let largest = try b.abs().amax(Array(0..<b.rank)).item()
  return try (a - b).abs().amax(Array(0..<b.rank)).item() / max(largest, 1e-12)
}
