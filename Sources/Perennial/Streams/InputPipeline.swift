import Torch

/// Turns rows of raw inputs into what a model takes: normalisation, then random changes while training.
public struct InputPipeline {
  /// A random change of float inputs `[N, …]`.
  public typealias Augmentation = (Tensor, Generator) throws -> Tensor

  /// Factor and offset of each channel `[C]` for uint8 inputs; other types pass as they are.
  public let scale: Tensor
  public let shift: Tensor
  public let augmentations: [Augmentation]

  /// - Parameters:
  ///   - mean: of each channel, for values in [0, 1].
  ///   - standardDeviation: of each channel.
  public init(mean: [Double] = [0], standardDeviation: [Double] = [1], augmentations: [Augmentation] = []) throws {
    scale = try Tensor(standardDeviation.map { Float(1 / (255 * $0)) })
    shift = try Tensor(zip(mean, standardDeviation).map { Float(-$0 / $1) })
    self.augmentations = augmentations
  }

  private init(scale: Tensor, shift: Tensor, augmentations: [Augmentation]) {
    self.scale = scale
    self.shift = shift
    self.augmentations = augmentations
  }

  /// The same normalisation with other random changes.
  public func with(augmentations: [Augmentation]) -> InputPipeline {
    InputPipeline(scale: scale, shift: shift, augmentations: augmentations)
  }

  /// The rows `index` of raw inputs `[N, …]`, as float32 on `device`.
  ///
  /// - Parameter augmentation: the random stream of random changes; nil leaves them out.
  public func callAsFunction(
    _ inputs: Tensor, _ index: Tensor, augmentation: Generator?, device: Device = .cpu
  ) throws -> Tensor {
    try noGrad {
      var rows =
        inputs.dtype == .uint8
        ? try inputs.gatherNormalized(index, scale: scale, shift: shift) : try inputs.indexSelect(index)
      if device != .cpu { rows = try rows.to(device) }
      guard let augmentation else { return rows }
      return try augmentations.reduce(rows) { try $1($0, augmentation) }
    }
  }
}
