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
    try OnnxRuntime.verify(VisionCases.all() + TextCases.all())
  }

  @Test func quantisedModelsAgreeWithOnnxRuntime() throws {
    try OnnxRuntime.verify(QuantizationTests.cases())
  }

  @Test func constantsInAFileBesideAreFound() throws {
    let cases = try VisionCases.all().filter { ["resnet18", "mlp"].contains($0.name) }
    try OnnxRuntime.verify(cases, limit: 2000)
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
    try OnnxRuntime.verify([
      ExportCase(
        name: "minilm", graph: subject.graph, inputs: batch.inputs, expected: ["sentence_embedding": answer]),
      ExportCase(
        name: "minilm-dynamic", graph: quantized, inputs: batch.inputs,
        expected: ["sentence_embedding": answer], tolerance: 0.03),
    ])
    #expect(quantized.constantBytes < subject.graph.constantBytes * 27 / 100)
  }
}
