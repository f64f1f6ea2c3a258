import Foundation
import Testing
import Torch

/// The tensors of a file that `Scripts/golden` wrote with PyTorch, case by case.
struct GoldenTensors {
  private let tensors: [String: Tensor]

  init(_ name: String) throws {
    let url = try #require(Bundle.module.url(forResource: "Golden/\(name)", withExtension: "safetensors"))
    tensors = try Safetensors.read(url).tensors
  }

  subscript(key: String) -> Tensor {
    get throws { try #require(tensors[key], "the golden file has no tensor \(key)") }
  }

  /// The tensors of one case.
  func all(_ name: String) -> [String: Tensor] {
    let own = tensors.filter { $0.key.hasPrefix("\(name)/") }
    return Dictionary(uniqueKeysWithValues: own.map { (String($0.key.dropFirst(name.count + 1)), $0.value) })
  }
}

/// Expects |actual − expected| ≤ `relative` · the largest |expected| everywhere.
func expectNear(
  _ actual: Tensor, _ expected: Tensor, relative: Double = 1e-5, _ what: String = "value",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  do {
    #expect(actual.shape == expected.shape, "shape of \(what)", sourceLocation: sourceLocation)
    guard actual.shape == expected.shape, actual.count > 0 else { return }
    let worst = try (actual.detach() - expected.detach()).abs().amax([]).item()
    let scale = try expected.detach().abs().amax([]).item()
    #expect(
      worst <= relative * scale, "\(what): off by \(worst), scale \(scale)", sourceLocation: sourceLocation)
  } catch {
    Issue.record(error, sourceLocation: sourceLocation)
  }
}

/// Expects |actual − expected| ≤ `within`.
func expectNear(
  _ actual: Double, _ expected: Double, within: Double, sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(abs(actual - expected) <= within, "\(actual), not \(expected)", sourceLocation: sourceLocation)
}
