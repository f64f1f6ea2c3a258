import Foundation
import Testing
import Torch

@testable import PerennialText

/// What `Scripts/golden/language_models.py` wrote.
struct Golden {
  private let tensors: [String: Tensor]
  let prefix: String

  init(_ prefix: String) throws {
    let url = try Golden.folder().appendingPathComponent("language-models.safetensors")
    tensors = try Safetensors.read(url).tensors
    self.prefix = prefix
  }

  subscript(_ name: String) -> Tensor {
    get throws { try #require(tensors["\(prefix)/\(name)"], "no golden \(prefix)/\(name)") }
  }

  static func folder() throws -> URL {
    try #require(Bundle.module.resourceURL).appendingPathComponent("Golden")
  }

  static func model(_ name: String) throws -> ModelFolder {
    ModelFolder(try folder().appendingPathComponent("models/\(name)"))
  }

  /// The names and values of gradients in a case.
  func gradients(_ name: String) -> [(path: String, value: Tensor)] {
    let start = "\(prefix)/\(name)/gradient."
    return tensors.filter { $0.key.hasPrefix(start) }.map {
      (String($0.key.dropFirst(start.count)), $0.value)
    }
  }
}

/// The largest absolute difference of two tensors of one shape, where `mask` is true.
func largestError(_ a: Tensor, _ b: Tensor, mask: Tensor? = nil) throws -> Double {
  guard a.shape == b.shape else {
    Issue.record("shapes differ: \(a.shape) and \(b.shape)")
    return .infinity
  }
  var difference = try (a.detach().to(.float32) - b.detach().to(.float32)).abs()
  if let mask { difference = try difference.maskedFill(mask.logicalNot().unsqueeze(2), 0) }
  return try difference.amax(Array(0..<difference.rank)).item()
}

/// Expects two tensors to agree, and prints how well they do when `PERENNIAL_ERRORS` is set.
func expectClose(
  _ a: Tensor, _ b: Tensor, _ what: String, within tolerance: Double = 1e-4, mask: Tensor? = nil,
  location: SourceLocation = #_sourceLocation
) throws {
  let error = try largestError(a, b, mask: mask)
  if ProcessInfo.processInfo.environment["PERENNIAL_ERRORS"] != nil { print("error \(error) \(what)") }
  #expect(error <= tolerance, "\(what)", sourceLocation: location)
}

/// A folder of a test's own, gone with it.
final class TemporaryFolder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent("perennial-text-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  /// A copy of a golden model's folder.
  convenience init(copying model: String) throws {
    try self.init()
    try FileManager.default.removeItem(at: url)
    try FileManager.default.copyItem(at: Golden.model(model).url, to: url)
  }

  var model: ModelFolder { ModelFolder(url) }

  deinit { try? FileManager.default.removeItem(at: url) }
}

extension CausalLanguageModel {
  /// The mean cross-entropy of each token given those before.
  func loss(_ ids: Tensor) throws -> Tensor {
    let length = ids.shape[1]
    let logits = try self(TokenBatch(ids)).narrow(dim: 1, start: 0, count: length - 1)
    let targets = try ids.narrow(dim: 1, start: 1, count: length - 1)
    return try logits.flatten(to: 1).crossEntropy(targets.flatten())
  }
}

extension Module {
  /// Makes all parameters leaves with gradients.
  func requireGradients() throws {
    for (_, parameter) in trainableParameters { try parameter.value.setRequiresGrad(true) }
  }

  /// Compares gradients with golden ones; files store weights of `transposed` the other way.
  func expectGradients(_ golden: Golden, _ name: String, transposed: [String] = []) throws {
    let own = Dictionary(uniqueKeysWithValues: parameters.map { ($0.path, $0.parameter) })
    let expected = golden.gradients(name)
    #expect(!expected.isEmpty)
    for (path, value) in expected {
      let found = try own[path]?.value.gradient
      let gradient = try #require(found, "\(path) has no gradient")
      let isTransposed = transposed.contains(where: path.hasSuffix)
      try expectClose(
        isTransposed ? gradient.T : gradient, value, "\(golden.prefix) gradient of \(path)", within: 1e-4)
    }
  }
}
