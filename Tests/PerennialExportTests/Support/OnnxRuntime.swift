import Foundation
import PerennialExport
import Testing

/// onnxruntime in a process of its own, by `Scripts/verify-onnx`.
enum OnnxRuntime {
  /// Whether there is one to ask.
  static var isThere: Bool { ProcessInfo.processInfo.environment["PERENNIAL_ONNXRUNTIME"] != nil }

  /// Expects onnxruntime to answer as the cases say, where `PERENNIAL_ONNXRUNTIME` names a Python that has it.
  static func verify(_ cases: [ExportCase], limit: Int = Graph.largestFile) throws {
    try withTemporaryFolder { folder in
      let folders = try cases.map { example in
        let own = folder.appendingPathComponent(example.name)
        try example.write(to: own, limit: limit)
        return own.path
      }
      let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Scripts/verify-onnx")
      let (program, output) = (Process(), Pipe())
      program.executableURL = URL(
        fileURLWithPath: try #require(ProcessInfo.processInfo.environment["PERENNIAL_ONNXRUNTIME"]))
      program.arguments = [script.path] + folders
      program.standardOutput = output
      program.standardError = output
      try program.run()
      let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
      program.waitUntilExit()
      if ProcessInfo.processInfo.environment["PERENNIAL_ERRORS"] != nil { print(text) }
      #expect(program.terminationStatus == 0, "\(text)")
      #expect(text.contains("\(cases.count) of \(cases.count) agree"), "\(text)")
    }
  }
}
