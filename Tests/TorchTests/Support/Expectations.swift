import Foundation
import Testing

@testable import Torch

/// Expects the same shape, and values with |actual − expected| ≤ absolute + relative · |expected|.
func expectClose(
  _ actual: Tensor, _ expected: Tensor, relative: Double = 2e-5, absolute: Double = 2e-6,
  _ what: String = "value", sourceLocation: SourceLocation = #_sourceLocation
) {
  do {
    #expect(actual.shape == expected.shape, "shape of \(what)", sourceLocation: sourceLocation)
    #expect(actual.dtype == expected.dtype, "type of \(what)", sourceLocation: sourceLocation)
    guard actual.shape == expected.shape, actual.dtype == expected.dtype else { return }
    guard actual.dtype.isFloatingPoint else {
      #expect(try actual.equals(expected), "\(what)", sourceLocation: sourceLocation)
      return
    }
    let close = try actual.detach().isClose(to: expected.detach(), relative: relative, absolute: absolute)
    if !close {
      let worst = try (actual.detach() - expected.detach()).abs().amax([]).item()
      Issue.record("\(what) differs by up to \(worst)", sourceLocation: sourceLocation)
    }
  } catch {
    Issue.record(error, sourceLocation: sourceLocation)
  }
}

/// Expects the same shape, type and bits.
func expectSame(
  _ actual: Tensor, _ expected: Tensor, _ what: String = "value",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  do {
    #expect(actual.shape == expected.shape, "shape of \(what)", sourceLocation: sourceLocation)
    #expect(actual.dtype == expected.dtype, "type of \(what)", sourceLocation: sourceLocation)
    #expect(try actual.data() == expected.data(), "\(what)", sourceLocation: sourceLocation)
  } catch {
    Issue.record(error, sourceLocation: sourceLocation)
  }
}

/// Expects a `TorchError` of a kind, whose message contains all of `words`.
func expectError(
  _ kind: TorchError.Kind, _ words: String..., sourceLocation: SourceLocation = #_sourceLocation,
  _ body: () throws -> some Any
) {
  do {
    _ = try body()
    Issue.record("no error was thrown", sourceLocation: sourceLocation)
  } catch let error as TorchError {
    #expect(error.kind == kind, "\(error.message)", sourceLocation: sourceLocation)
    #expect(!error.message.contains("Exception raised from"), sourceLocation: sourceLocation)
    for word in words {
      #expect(error.message.contains(word), "\(error.message)", sourceLocation: sourceLocation)
    }
  } catch {
    Issue.record(error, sourceLocation: sourceLocation)
  }
}

/// A folder of its own that is removed with the value.
final class TemporaryFolder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  /// Writes a file and gives its place.
  func file(_ name: String, _ data: Data) throws -> URL {
    let file = url.appendingPathComponent(name)
    try data.write(to: file)
    return file
  }
}

/// The text of a file that the kernel makes up while it is read, which Foundation takes for empty.
func kernelFile(_ path: String) throws -> String {
  let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
  return String(decoding: try #require(try handle.readToEnd()), as: UTF8.self)
}

/// Whether both tensors see the same memory at the same place.
func shareMemory(_ a: Tensor, _ b: Tensor) throws -> Bool {
  let before = try noGrad { try b.clone() }
  try noGrad { try a.add(1) }
  let changed = try !b.equals(before)
  try noGrad { try a.add(-1) }
  return changed
}
