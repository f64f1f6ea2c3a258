import Foundation
import Testing
import Torch

/// The expected values of one file that `Scripts/golden` wrote with PyTorch.
struct Golden {
  private let contents: Safetensors.Contents

  init(_ name: String) throws {
    let url = try #require(Bundle.module.url(forResource: "Golden/\(name)", withExtension: "safetensors"))
    contents = try Safetensors.read(url)
  }

  /// The names of all cases.
  var cases: Set<String> {
    Set(contents.tensors.keys.compactMap { key in key.lastIndex(of: "/").map { String(key[..<$0]) } })
  }

  subscript(name: String) -> GoldenCase {
    let prefix = "\(name)/"
    let own = contents.tensors.filter { $0.key.hasPrefix(prefix) }
    return GoldenCase(
      tensors: Dictionary(
        uniqueKeysWithValues: own.map { (String($0.key.dropFirst(prefix.count)), $0.value) }))
  }
}

/// The tensors of one case: what goes in, what comes out, and the gradients.
struct GoldenCase {
  let tensors: [String: Tensor]

  subscript(key: String) -> Tensor {
    get throws { try #require(tensors[key], "the golden file has no tensor \(key)") }
  }

  /// The tensors whose names begin with `prefix`, named by what follows it.
  func all(_ prefix: String) -> [String: Tensor] {
    let own = tensors.filter { $0.key.hasPrefix(prefix) }
    return Dictionary(uniqueKeysWithValues: own.map { (String($0.key.dropFirst(prefix.count)), $0.value) })
  }

  /// Compares `output`, and its gradient with respect to every leaf that the case has a gradient for.
  ///
  /// Leaves are looked up in `leaves` and then among the case's own tensors; mark those with `track` before.
  func check(
    _ output: Tensor, leaves: [String: Tensor] = [:], absolute: Double = 2e-6,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    expectClose(
      output, try self["output"], absolute: absolute, "output", sourceLocation: sourceLocation)
    let expected = all("gradient.").sorted { $0.key < $1.key }
    guard !expected.isEmpty else { return }
    let inputs = try expected.map { try leaves[$0.key] ?? tensors["input.\($0.key)"] ?? self[$0.key] }
    let found = try gradients(of: [output], withRespectTo: inputs, seeds: tensors["upstream"].map { [$0] })
    for ((name, value), gradient) in zip(expected, found) {
      expectClose(
        gradient, value, absolute: absolute, "gradient of \(name)", sourceLocation: sourceLocation)
    }
  }

  /// Makes leaves of the case's own tensors that have a gradient in it.
  func track() throws {
    for name in all("gradient.").keys {
      try (tensors[name] ?? tensors["input.\(name)"])?.setRequiresGrad(true)
    }
  }
}
