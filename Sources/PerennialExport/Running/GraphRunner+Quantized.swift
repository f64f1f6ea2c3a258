import Torch

extension GraphRunner {
  /// Operators between numbers and their 8-bit codes. Sums of products of codes are taken in float64, where they are exact.
  static let quantized: [String: Operation] = [
    "QuantizeLinear": { inputs in
      let (scale, zero) = (try inputs(1), try inputs(2))
      let low = zero.dtype == .uint8 ? 0.0 : -128
      let codes = try (inputs(0) / scale).round() + zero.to(.float32)
      return [try codes.clamp(min: low, max: low + 255).to(zero.dtype)]
    },
    "DequantizeLinear": { inputs in
      let codes = try inputs(0)
      let axis = inputs.integer("axis", default: 1)
      func aligned(_ values: Tensor) throws -> Tensor {
        guard values.rank == 1 else { return values }
        return try values.reshape((0..<codes.rank).map { $0 == axis ? -1 : 1 })
      }
      let scale = try aligned(inputs(1))
      guard let zero = inputs.optional(2) else { return [try codes.to(.float32) * scale] }
      return [try (codes.to(.float32) - aligned(zero).to(.float32)) * scale]
    },
    "DynamicQuantizeLinear": { inputs in
      let x = try inputs(0)
      let low = min(try x.flatten().amin([0]).item(), 0)
      let high = max(try x.flatten().amax([0]).item(), 0)
      let scale = Float(high > low ? (high - low) / 255 : 1)
      let zero = (-Float(low) / scale).rounded(.toNearestOrEven).clamped(to: 0...255)
      let codes = try ((x / scale).round() + zero).clamp(min: 0, max: 255).to(.uint8)
      return [codes, try Tensor.full([], scale), try Tensor.full([], Int(zero), dtype: .uint8)]
    },
    "MatMulInteger": { inputs in
      let a = try inputs.centred(0, zero: 2)
      return [try a.matmul(inputs.centred(1, zero: 3)).to(.int32)]
    },
    "ConvInteger": { inputs in
      let result = try inputs.centred(0, zero: 2).conv2d(
        inputs.centred(1, zero: 3), bias: nil, stride: inputs.pair("strides", 1), padding: inputs.padding(),
        dilation: inputs.pair("dilations", 1), groups: inputs.integer("group", default: 1))
      return [try result.round().to(.int32)]
    },
  ]
}

extension NodeInputs {
  /// Codes less their zero, float64.
  fileprivate func centred(_ index: Int, zero: Int) throws -> Tensor {
    let codes = try self(index).to(.float64)
    return try optional(zero).map { try codes - $0.to(.float64) } ?? codes
  }
}

extension Comparable {
  fileprivate func clamped(to range: ClosedRange<Self>) -> Self {
    min(max(self, range.lowerBound), range.upperBound)
  }
}
