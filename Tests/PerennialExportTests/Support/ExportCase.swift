import Foundation
import PerennialExport
import Testing
import Torch

/// A graph with inputs, and what the model that it was made of answers.
///
/// Nobody changes one once it is made, so that test runners may pass it around.
struct ExportCase: CustomStringConvertible, @unchecked Sendable {
  let name: String
  let graph: Graph
  let inputs: [String: Tensor]
  let expected: [String: Tensor]
  /// Where outputs count, by name: of the output's first dimensions.
  var places: [String: Tensor] = [:]
  /// The largest difference allowed, as a share of the largest value where that is above 1.
  var tolerance = 1e-4

  var description: String { name }

  /// Runs the graph on libtorch and compares.
  func check() throws {
    let outputs = try GraphRunner(graph)(inputs)
    #expect(Set(outputs.keys).isSuperset(of: expected.keys), "\(name)")
    for (output, value) in expected {
      try expectClose(#require(outputs[output]), value, "\(name): \(output)", places[output], tolerance)
    }
  }

  /// Writes what `Scripts/verify-onnx` compares.
  func write(to folder: URL, limit: Int = Graph.largestFile) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try graph.write(to: folder.appendingPathComponent("model.onnx"), limit: limit)
    try Safetensors.encode(inputs).write(to: folder.appendingPathComponent("inputs.safetensors"))
    var answers = expected
    for (name, mask) in places { answers["places.\(name)"] = mask }
    try Safetensors.encode(answers, metadata: ["tolerance": "\(tolerance)"])
      .write(to: folder.appendingPathComponent("expected.safetensors"))
  }
}

/// Expects two tensors to agree; infinities must be the same.
func expectClose(
  _ a: Tensor, _ b: Tensor, _ what: String, _ places: Tensor? = nil, _ tolerance: Double,
  location: SourceLocation = #_sourceLocation
) throws {
  guard a.shape == b.shape else {
    Issue.record("\(what): shapes differ: \(a.shape) and \(b.shape)", sourceLocation: location)
    return
  }
  func numbers(_ x: Tensor) throws -> Tensor {
    let chosen = try places.map { try x.indexSelect($0.flatten().nonzero().flatten()) } ?? x
    return try chosen.flatten().to(.float64)
  }
  let (a, b) = (
    try numbers(places == nil ? a : a.flatten(from: 0, to: 1)),
    try numbers(places == nil ? b : b.flatten(from: 0, to: 1))
  )
  let finite = try b.isFinite()
  #expect(try a.isFinite().equals(finite), "\(what)", sourceLocation: location)
  let (x, y) = (try a.maskedSelect(finite), try b.maskedSelect(finite))
  let error = try (x - y).abs().amax([0]).item() / max(1, y.abs().amax([0]).item())
  #expect(error <= tolerance, "\(what): \(error)", sourceLocation: location)
}

/// Runs `body` with a folder of its own, gone afterwards.
func withTemporaryFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
  let url = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
  try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: url) }
  return try body(url)
}
