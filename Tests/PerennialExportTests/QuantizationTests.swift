import Perennial
import PerennialVision
import Testing
import Torch

@testable import PerennialExport

/// Graphs with weights and activations of 8 bits.
struct QuantizationTests {
  /// Quantised graphs with what they answer on libtorch, where sums of integers are exact.
  ///
  /// A runtime may round a value to the next code, which moves an answer by a part of the range.
  static func cases() throws -> [ExportCase] {
    let names = [
      "mlp", "small-cnn", "cifar-resnet20", "bert-mean-right", "gpt2-right", "llama-right", "t5-relu",
    ]
    return try (VisionCases.all() + TextCases.all()).filter { names.contains($0.name) }.flatMap { example in
      let ranges = try example.graph.calibrated(on: [example.inputs])
      return try [
        ("dynamic", example.graph.quantizedDynamically()),
        ("static", example.graph.quantizedStatically(ranges)),
      ].map { kind, graph in
        ExportCase(
          name: "\(example.name)-\(kind)", graph: graph, inputs: example.inputs,
          expected: try GraphRunner(graph)(example.inputs), places: example.places, tolerance: 0.02)
      }
    }
  }

  @Test(arguments: try cases()) func answersStayNearThoseOfTheModel(_ example: ExportCase) throws {
    let name = example.name.split(separator: "-").dropLast().joined(separator: "-")
    let whole = try #require(try (VisionCases.all() + TextCases.all()).first { $0.name == name })
    for (output, value) in whole.expected {
      try expectClose(
        #require(example.expected[output]), value, "\(example.name): \(output)", whole.places[output], 0.15)
    }
    #expect(example.graph.constantBytes < whole.graph.constantBytes)
    let products = example.graph.nodes.filter { $0.operation == "MatMul" || $0.operation == "Conv" }
    // What is left multiplies activations with each other, or codes between `QuantizeLinear` and `DequantizeLinear`.
    for node in products where example.name.hasSuffix("-dynamic") {
      #expect(example.graph.constants[node.inputs[1]] == nil, "\(node.name)")
    }
  }

  @Test func codesAreTheNearestOfEachChannel() throws {
    let weight = try Tensor([Float](arrayLiteral: 127, -63.4, 1, 0.5, 0, -0.25), shape: [2, 3])
    let rows = try WeightCodes(weight, axis: 0)
    #expect(try rows.codes.integers() == [127, -63, 1, 127, 0, -64])
    #expect(try rows.scales.floats() == [1, 0.5 / 127])
    let columns = try WeightCodes(weight, axis: 1)
    #expect(columns.scales.shape == [3])
    #expect(try columns.codes.integers() == [127, -127, 127, 0, 0, -32])
  }

  @Test func unsignedCodesStandAroundTheirZero() throws {
    let weight = try WeightCodes(Tensor([Float](arrayLiteral: -2, 0, 2), shape: [1, 3]), axis: 0)
    #expect(try weight.unsigned.dtype == .uint8)
    #expect(try weight.unsigned.integers() == [1, 128, 255])
  }

  @Test func aChannelOfZerosStaysZero() throws {
    let weight = try WeightCodes(Tensor.zeros([2, 3]), axis: 0)
    #expect(try weight.codes.integers() == [0, 0, 0, 0, 0, 0])
    #expect(try weight.scales.floats().allSatisfy { $0 > 0 && $0.isFinite })
  }

  @Test func rangesHoldZero() throws {
    var range = ValueRange()
    try range.widen(by: Tensor([Float](arrayLiteral: 3, 5)))
    #expect((range.low, range.high) == (0, 5))
    try range.widen(by: Tensor([Float](arrayLiteral: -5)))
    #expect((range.low, range.high) == (-5, 5))
    #expect(abs(range.codes.scale - 10 / 255) < 1e-7)
    try range.widen(by: Tensor([Float](arrayLiteral: 20)))
    #expect(range.codes.zero == 51)
    #expect(ValueRange().codes.scale == 1)
  }

  @Test func foldingNormalizationChangesNothing() throws {
    let example = try #require(try VisionCases.all().first { $0.name == "cifar-resnet20" })
    let folded = try example.graph.foldingNormalization()
    #expect(!folded.nodes.contains { $0.operation == "BatchNormalization" })
    try ExportCase(name: "folded", graph: folded, inputs: example.inputs, expected: example.expected).check()
  }

  @Test func calibrationNeedsExamplesThatReachEveryProduct() throws {
    let example = try #require(try VisionCases.all().first { $0.name == "small-cnn" })
    #expect(throws: ExportError.data("calibration needs at least one example")) {
      try example.graph.calibrated(on: [])
    }
    #expect(throws: ExportError.self) { try example.graph.quantizedStatically([:]) }
    let rows = try #require(try VisionCases.all().first { $0.name == "mlp" })
    #expect(throws: ExportError.self) {
      try rows.graph.calibrated(on: [["features": Tensor.full([1, 12], Double.infinity)]])
    }
  }
}
