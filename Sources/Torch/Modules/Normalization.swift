/// Batch normalisation over every dimension but the second, for `[N, C]` and `[N, C, H, W]` (Ioffe & Szegedy
/// 2015).
public final class BatchNorm: Module, Layer {
  public let weight: Parameter
  public let bias: Parameter
  public let runningMean: Parameter
  public let runningVariance: Parameter
  /// Batches seen in training, int64 `[]`; kept because public checkpoints carry it.
  public let batches: Parameter
  public let momentum: Double
  public let epsilon: Double
  /// Whether the running statistics serve, unchanged, in training too.
  public var keepsStatistics = false

  /// - Parameter momentum: the share of a new batch in the running statistics.
  public init(_ channels: Int, momentum: Double = 0.1, epsilon: Double = 1e-5) throws {
    weight = Parameter(try Tensor.ones([channels]))
    bias = Parameter(try Tensor.zeros([channels]))
    runningMean = Parameter(try Tensor.zeros([channels]), kind: .buffer)
    runningVariance = Parameter(try Tensor.ones([channels]), kind: .buffer)
    batches = Parameter(try Tensor.zeros([], dtype: .int64), kind: .buffer)
    self.momentum = momentum
    self.epsilon = epsilon
    super.init()
    register("weight", weight)
    register("bias", bias)
    register("running_mean", runningMean)
    register("running_var", runningVariance)
    register("num_batches_tracked", batches)
  }

  /// `[N, C]` or `[N, C, H, W]`; the same shape comes out, and the running statistics move in training.
  public func callAsFunction(_ input: Tensor) throws -> Tensor {
    let followsBatch = isTraining && !keepsStatistics
    if followsBatch, input.rank >= 2, input.shape[1] > 0, input.count / input.shape[1] == 1 {
      throw TorchError(
        .shape, "batch normalisation learns from more than one value a channel; the batch is \(input.shape)")
    }
    if followsBatch { try batches.value.add(1) }
    let output = try input.batchNorm(
      weight: weight.value, bias: bias.value, runningMean: runningMean.value,
      runningVariance: runningVariance.value, training: followsBatch, momentum: momentum, epsilon: epsilon)
    return taped(self, input: input, output: output)
  }
}

/// Layer normalisation over the last dimensions (Ba et al. 2016).
public final class LayerNorm: Module, Layer {
  public let weight: Parameter
  public let bias: Parameter
  public let shape: [Int]
  public let epsilon: Double

  /// - Parameter shape: the sizes of the last dimensions, which are normalised together.
  public init(_ shape: [Int], epsilon: Double = 1e-5) throws {
    weight = Parameter(try Tensor.ones(shape))
    bias = Parameter(try Tensor.zeros(shape))
    self.shape = shape
    self.epsilon = epsilon
    super.init()
    register("weight", weight)
    register("bias", bias)
  }

  /// `[…] + shape`; the same shape comes out.
  public func callAsFunction(_ input: Tensor) throws -> Tensor {
    let output = try input.layerNorm(shape, weight: weight.value, bias: bias.value, epsilon: epsilon)
    return taped(self, input: input, output: output)
  }
}

/// Group normalisation of `[N, C, …]` (Wu & He 2018): does not depend on the batch, so it suits streams.
public final class GroupNorm: Module, Layer {
  public let weight: Parameter
  public let bias: Parameter
  public let groups: Int
  public let epsilon: Double

  /// - Parameter groups: divides `channels`.
  public init(groups: Int, channels: Int, epsilon: Double = 1e-5) throws {
    weight = Parameter(try Tensor.ones([channels]))
    bias = Parameter(try Tensor.zeros([channels]))
    self.groups = groups
    self.epsilon = epsilon
    super.init()
    register("weight", weight)
    register("bias", bias)
  }

  /// `[N, channels, …]`; the same shape comes out.
  public func callAsFunction(_ input: Tensor) throws -> Tensor {
    let output = try input.groupNorm(groups, weight: weight.value, bias: bias.value, epsilon: epsilon)
    return taped(self, input: input, output: output)
  }
}
