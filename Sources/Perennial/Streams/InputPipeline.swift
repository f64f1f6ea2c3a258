import Torch

/// Turns rows of raw inputs into what a model takes: random changes while training, then normalisation.
///
/// Random changes see pixels in [0, 1]: colours are clamped there, and a padded border is black rather than average.
public struct InputPipeline {
  /// A random change of float inputs `[N, …]`.
  public typealias Augmentation = (Tensor, Generator) throws -> Tensor

  /// Factor and offset of each channel `[C]` for uint8 inputs; other types pass as they are.
  public let scale: Tensor
  public let shift: Tensor
  public let augmentations: [Augmentation]
  /// How much of each raw row `[N, …]` is no filling, int64 `[N]`; nil where rows are full.
  public let lengths: ((Tensor) throws -> Tensor)?
  private let unit: Tensor
  private let zero: Tensor

  /// - Parameters:
  ///   - mean: of each channel, for values in [0, 1].
  ///   - standardDeviation: of each channel.
  ///   - lengths: how much of each raw row is no filling.
  public init(
    mean: [Double] = [0], standardDeviation: [Double] = [1], augmentations: [Augmentation] = [],
    lengths: ((Tensor) throws -> Tensor)? = nil
  ) throws {
    self.lengths = lengths
    scale = try Tensor(standardDeviation.map { Float(1 / (255 * $0)) })
    shift = try Tensor(zip(mean, standardDeviation).map { Float(-$0 / $1) })
    self.augmentations = augmentations
    unit = try Tensor.full(scale.shape, 1.0 / 255)
    zero = try Tensor.zeros(scale.shape)
  }

  private init(_ pipeline: InputPipeline, augmentations: [Augmentation]) {
    (scale, shift, unit, zero) = (pipeline.scale, pipeline.shift, pipeline.unit, pipeline.zero)
    self.augmentations = augmentations
    lengths = pipeline.lengths
  }

  /// The same normalisation with other random changes.
  public func with(augmentations: [Augmentation]) -> InputPipeline {
    InputPipeline(self, augmentations: augmentations)
  }

  /// The rows `index` of raw inputs `[N, …]`, as float32 on `device`.
  ///
  /// - Parameter augmentation: the random stream of random changes; nil leaves them out.
  public func callAsFunction(
    _ inputs: Tensor, _ index: Tensor, augmentation: Generator?, device: Device = .cpu
  ) throws -> Tensor {
    guard let augmentation else { return try gathered(inputs, index, device) { $0 } }
    return try gathered(inputs, index, device) { try change($0, augmentation) }
  }

  /// The rows `index` of raw inputs, each changed at random by a stream of its own: the same again for the same streams,
  /// in whatever batch.
  ///
  /// - Parameter augmentation: one stream a row.
  public func callAsFunction(
    _ inputs: Tensor, _ index: Tensor, augmentation: [Generator], device: Device = .cpu
  ) throws -> Tensor {
    try gathered(inputs, index, device) { rows in
      try Tensor.concatenate(
        augmentation.enumerated().map { place, generator in
          try change(rows.narrow(dim: 0, start: place, count: 1), generator)
        })
    }
  }

  private func gathered(
    _ inputs: Tensor, _ index: Tensor, _ device: Device, _ change: (Tensor) throws -> Tensor
  ) throws -> Tensor {
    try noGrad {
      guard inputs.dtype == .uint8 else { return try change(inputs.indexSelect(index).to(device)) }
      guard !augmentations.isEmpty else {
        return try inputs.gatherNormalized(index, scale: scale, shift: shift).to(device)
      }
      let pixels = try inputs.gatherNormalized(index, scale: unit, shift: zero).to(device)
      return try self.inputs(ofPixels: change(pixels))
    }
  }

  /// Model inputs of images `[N, C, …]` as pixels in [0, 1]; the inverse of ``inputs(ofPixels:)``.
  public func pixels(_ inputs: Tensor) throws -> Tensor {
    try (inputs - perChannel(shift, inputs)) / perChannel(scale * 255, inputs)
  }

  /// Model inputs of pixels in [0, 1]: what a strategy drew, normalised as the data are.
  public func inputs(ofPixels pixels: Tensor) throws -> Tensor {
    try pixels * perChannel(scale * 255, pixels) + perChannel(shift, pixels)
  }

  private func perChannel(_ values: Tensor, _ inputs: Tensor) throws -> Tensor {
    try values.view([1, values.count] + [Int](repeating: 1, count: inputs.rank - 2)).to(inputs.device)
  }

  private func change(_ rows: Tensor, _ generator: Generator) throws -> Tensor {
    try augmentations.reduce(rows) { try $1($0, generator) }
  }
}
