import Torch

/// How a generator sees inputs `[N, …]`: flat rows `[N, D]`, pixels in [0, 1] where the inputs are images.
struct InputForm: Codable, Equatable {
  /// The shape of one model input.
  let shape: [Int]
  /// Whether values are shares of light, told apart by cross-entropy; else they are Gaussian with variance 1.
  let isPixels: Bool

  /// D
  var width: Int { shape.reduce(1, *) }

  init(_ inputs: Tensor, of examples: Examples) {
    shape = Array(inputs.shape.dropFirst())
    isPixels = examples.inputs.dtype == .uint8
  }

  func rows(_ inputs: Tensor, _ pipeline: InputPipeline) throws -> Tensor {
    // Random changes may leave the range by a rounding error, for which cross-entropy is not defined.
    let values = isPixels ? try pipeline.pixels(inputs).clamp(min: 0, max: 1) : inputs
    return try values.reshape([-1, width])
  }

  func inputs(_ rows: Tensor, _ pipeline: InputPipeline) throws -> Tensor {
    let values = try rows.reshape([-1] + shape)
    return isPixels ? try pipeline.inputs(ofPixels: values) : values
  }

  /// −log p(x) of each item `[N]` up to a constant, for outputs and rows `[N, D]`, in nats a value.
  func reconstructionLoss(_ outputs: Tensor, _ rows: Tensor) throws -> Tensor {
    isPixels
      ? try outputs.binaryCrossEntropy(rows, reduction: .none).mean([1])
      : try outputs.meanSquaredError(rows, reduction: .none).mean([1]) / 2
  }

  /// The mean of the distribution that outputs `[N, D]` stand for.
  func mean(_ outputs: Tensor) throws -> Tensor { isPixels ? try outputs.sigmoid() : outputs }
}
