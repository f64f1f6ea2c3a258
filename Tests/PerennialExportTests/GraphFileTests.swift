import Foundation
import PerennialExport
import TestSupport
import Testing
import Torch

/// Graphs in files.
struct GraphFileTests {
  private func example(_ name: String = "small-cnn") throws -> ExportCase {
    try #require(try VisionCases.all().first { $0.name == name })
  }

  @Test(arguments: [Graph.largestFile, 2000, 0]) func aGraphComesBackAsItWasWritten(_ limit: Int) throws {
    let example = try example()
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("model.onnx")
      try example.graph.write(to: url, limit: limit)
      let beside = url.appendingPathExtension("data")
      #expect(FileManager.default.fileExists(atPath: beside.path) == (limit < Graph.largestFile))
      let read = try Graph(contentsOf: url)
      #expect(read.nodes == example.graph.nodes)
      #expect(read.inputs == example.graph.inputs)
      #expect(read.outputs == example.graph.outputs)
      #expect(read.metadata == example.graph.metadata)
      #expect(Set(read.constants.keys) == Set(example.graph.constants.keys))
      for (name, value) in read.constants {
        #expect(try value.equals(#require(example.graph.constants[name])), "\(name)")
      }
    }
  }

  @Test func constantsBesideBeginAtPagesAndSmallOnesStay() throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("model.onnx")
      let graph = try example().graph
      try graph.write(to: url, limit: 2000)
      let large = graph.constants.values.filter { $0.byteCount >= 1024 }
      #expect(!large.isEmpty && large.count < graph.constants.count)
      let size = try Data(contentsOf: url.appendingPathExtension("data")).count
      #expect(size > (large.count - 1) * 4096)
      try graph.write(to: url)
      #expect(!FileManager.default.fileExists(atPath: url.appendingPathExtension("data").path))
    }
  }

  @Test func aMissingOrShortFileBesideIsNamed() throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("model.onnx")
      try example().graph.write(to: url, limit: 2000)
      let beside = url.appendingPathExtension("data")
      let bytes = try Data(contentsOf: beside)
      try bytes.prefix(bytes.count / 2).write(to: beside)
      var error = try #require(throws: FileError.self) { try Graph(contentsOf: url) }
      #expect(error.kind == .truncated && error.file == beside.path)
      try FileManager.default.removeItem(at: beside)
      error = try #require(throws: FileError.self) { try Graph(contentsOf: url) }
      #expect(error.kind == .missing)
    }
  }

  @Test func damagedFilesNeverCrash() throws {
    let data = try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("model.onnx")
      try example("mlp").graph.write(to: url)
      return try Data(contentsOf: url)
    }
    var refused = 0
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("model.onnx")
      for damaged in FileMutations(of: Array(data), count: 400) {
        try Data(damaged).write(to: url)
        do {
          _ = try GraphRunner(Graph(contentsOf: url))
        } catch is FileError {
          refused += 1
        } catch is ExportError {
          refused += 1
        }
      }
    }
    #expect(refused > 20)
  }
}
