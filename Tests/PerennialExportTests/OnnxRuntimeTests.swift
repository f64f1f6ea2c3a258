import Foundation
import PerennialExport
import Testing
import Torch

/// What onnxruntime answers, by `Scripts/verify-onnx`; `PERENNIAL_ONNXRUNTIME` names a Python that has it.
@Suite(
  .enabled(
    if: ProcessInfo.processInfo.environment["PERENNIAL_ONNXRUNTIME"] != nil,
    "PERENNIAL_ONNXRUNTIME does not name a Python with onnx and onnxruntime"))
struct OnnxRuntimeTests {
  @Test func everyModelAgreesWithOnnxRuntime() throws {
    try verify(VisionCases.all() + TextCases.all())
  }

  @Test func quantisedModelsAgreeWithOnnxRuntime() throws {
    try verify(QuantizationTests.cases())
  }

  @Test func constantsInAFileBesideAreFound() throws {
    let cases = try VisionCases.all().filter { ["resnet18", "mlp"].contains($0.name) }
    try verify(cases, limit: 2000)
  }

  @Test(
    .enabled(
      if: ProcessInfo.processInfo.environment["PERENNIAL_MINILM"] != nil,
      "PERENNIAL_MINILM does not name a folder of all-MiniLM-L6-v2"))
  func aPublicEncoderAgreesWithOnnxRuntime() throws {
    let folder = URL(fileURLWithPath: try #require(ProcessInfo.processInfo.environment["PERENNIAL_MINILM"]))
    let subject = try ExportSubject(
      folder: folder,
      texts: [
        "How do I reset my card's PIN?", "a", "The weather in Paris is mild, and will stay so for some days.",
      ])
    let batch = try #require(subject.test.first)
    let answer = try noGrad { try subject.answer(batch.inputs) }
    let quantized = try subject.graph.quantizedDynamically()
    try verify([
      ExportCase(
        name: "minilm", graph: subject.graph, inputs: batch.inputs, expected: ["sentence_embedding": answer]),
      ExportCase(
        name: "minilm-dynamic", graph: quantized, inputs: batch.inputs,
        expected: ["sentence_embedding": answer], tolerance: 0.03),
    ])
    #expect(quantized.constantBytes < subject.graph.constantBytes * 27 / 100)
  }

  private func verify(_ cases: [ExportCase], limit: Int = Graph.largestFile) throws {
    try withTemporaryFolder { folder in
      let folders = try cases.map { example in
        let own = folder.appendingPathComponent(example.name)
        try example.write(to: own, limit: limit)
        return own.path
      }
      let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Scripts/verify-onnx")
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
