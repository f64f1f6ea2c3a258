import Torch

/// The range that values of a graph take, as calibration data showed it.
public struct ValueRange: Equatable, Sendable {
  /// The smallest and the largest value; 0 is always between.
  public private(set) var low = 0.0
  public private(set) var high = 0.0

  public init() {}

  mutating func widen(by value: Tensor) throws {
    guard value.count > 0 else { return }
    low = min(low, try value.flatten().amin([0]).item())
    high = max(high, try value.flatten().amax([0]).item())
  }

  /// The scale and the zero of 8-bit codes 0 … 255 over the range.
  var codes: (scale: Float, zero: Int) {
    let scale = Float(high > low ? (high - low) / 255 : 1)
    return (scale, Int((-Float(low) / scale).rounded(.toNearestOrEven)))
  }
}

extension Graph {
  /// The ranges of the values that ``quantizedStatically(_:)`` rounds, over some inputs.
  ///
  /// - Parameter batches: inputs by name, as they will be in use.
  /// - Throws: ``ExportError`` for no batches, for inputs that do not fit, and for values that are not finite.
  public func calibrated(on batches: some Sequence<[String: Tensor]>) throws -> [String: ValueRange] {
    let source = try foldingNormalization()
    let wanted = Set(try source.roundedValues())
    var ranges: [String: ValueRange] = [:]
    let runner = try GraphRunner(source)
    for batch in batches {
      for (name, value) in batch where wanted.contains(name) {
        try ranges[name, default: ValueRange()].widen(by: value)
      }
      _ = try runner(batch) { name, value in
        if wanted.contains(name) { try ranges[name, default: ValueRange()].widen(by: value) }
      }
    }
    for (name, range) in ranges where !range.low.isFinite || !range.high.isFinite {
      throw ExportError.data("calibration found values at `\(name)` that are not finite")
    }
    guard !ranges.isEmpty || wanted.isEmpty else {
      throw ExportError.data("calibration needs at least one example")
    }
    return ranges
  }

  /// What the products with fixed weights take.
  func roundedValues() throws -> [String] {
    try nodes.filter { try matrix(of: $0) != nil || kernels(of: $0) != nil }.map { $0.inputs[0] }
  }
}
