import CTorch

/// How the elements of a loss become one number.
public enum Reduction: Int64, Sendable {
  case none = 0
  case mean = 1
  case sum = 2
}

// MARK: - Layers as functions

extension Tensor {
  /// x Wᵀ + b for `self` `[…, in]` and weight `[out, in]`, with max(·, 0) fused in when `relu`.
  ///
  /// Both matrix products of the backward pass, and the ReLU mask, belong to the one autograd node. Where products are asked
  /// for in bfloat16, or the weight is kept in it and there are more than four rows, factors and products are rounded to it; the
  /// output is float32, and the gradient of a weight has the weight's type.
  /// - Parameter precision: of the products, float32 or bfloat16.
  /// - Throws: `TorchError` (`dtype`) for another type.
  public func linear(
    _ weight: Tensor, bias: Tensor? = nil, relu: Bool = false, backend: LinearBackend = .blas,
    in precision: DType = .float32
  ) throws -> Tensor {
    guard precision == .float32 || precision == .bfloat16 else {
      throw TorchError(.dtype, "products are computed in float32 or bfloat16, not \(precision)")
    }
    let code: Int64 = precision == .bfloat16 ? 2 : backend == .oneDNN ? 1 : 0
    return try Tensor.withHandle(bias) { bias in
      try binary(weight) { ct_linear($0, $1, bias, relu, code, $2) }
    }
  }

  /// Cross-correlation of `[N, C, H, W]` with kernels `[out, C / groups, kH, kW]`.
  public func conv2d(
    _ weight: Tensor, bias: Tensor? = nil, stride: [Int] = [1, 1], padding: [Int] = [0, 0],
    dilation: [Int] = [1, 1], groups: Int = 1
  ) throws -> Tensor {
    let (s, p, d) = (stride.map(Int64.init), padding.map(Int64.init), dilation.map(Int64.init))
    return try Tensor.withHandle(bias) { bias in
      try binary(weight) {
        ct_conv2d($0, $1, bias, s, s.count, p, p.count, d, d.count, Int64(groups), $2)
      }
    }
  }

  /// Cross-correlation of `[N, C, L]` with kernels `[out, C / groups, k]`.
  public func conv1d(
    _ weight: Tensor, bias: Tensor? = nil, stride: Int = 1, padding: Int = 0, dilation: Int = 1,
    groups: Int = 1
  ) throws -> Tensor {
    let (s, p, d) = ([Int64(stride)], [Int64(padding)], [Int64(dilation)])
    return try Tensor.withHandle(bias) { bias in
      try binary(weight) { ct_conv1d($0, $1, bias, s, 1, p, 1, d, 1, Int64(groups), $2) }
    }
  }

  /// The transposed convolution of `[N, C, H, W]` with kernels `[C, out / groups, kH, kW]`.
  public func convTransposed2d(
    _ weight: Tensor, bias: Tensor? = nil, stride: [Int] = [1, 1], padding: [Int] = [0, 0],
    outputPadding: [Int] = [0, 0], dilation: [Int] = [1, 1], groups: Int = 1
  ) throws -> Tensor {
    let (s, p, d) = (stride.map(Int64.init), padding.map(Int64.init), dilation.map(Int64.init))
    let o = outputPadding.map(Int64.init)
    return try Tensor.withHandle(bias) { bias in
      try binary(weight) {
        ct_conv_transpose2d(
          $0, $1, bias, s, s.count, p, p.count, o, o.count, Int64(groups), d, d.count, $2)
      }
    }
  }

  /// The largest value of each window of `[N, C, H, W]`; windows follow each other without `stride`.
  public func maxPool2d(_ kernel: [Int], stride: [Int]? = nil, padding: [Int] = [0, 0]) throws -> Tensor {
    let (k, s, p) = (kernel.map(Int64.init), (stride ?? kernel).map(Int64.init), padding.map(Int64.init))
    return try unary { ct_max_pool2d($0, k, k.count, s, s.count, p, p.count, $1) }
  }

  /// The mean of each window of `[N, C, H, W]`, padding counted as zeros.
  public func avgPool2d(_ kernel: [Int], stride: [Int]? = nil, padding: [Int] = [0, 0]) throws -> Tensor {
    let (k, s, p) = (kernel.map(Int64.init), (stride ?? kernel).map(Int64.init), padding.map(Int64.init))
    return try unary { ct_avg_pool2d($0, k, k.count, s, s.count, p, p.count, $1) }
  }

  /// The mean, or the largest value, of `size` equal windows: `[N, C, H, W]` → `[N, C] + size`.
  public func adaptiveAvgPool2d(_ size: [Int]) throws -> Tensor { try along(size, ct_adaptive_avg_pool2d) }
  /// The largest value of `size` equal windows: `[N, C, H, W]` → `[N, C] + size`.
  public func adaptiveMaxPool2d(_ size: [Int]) throws -> Tensor { try along(size, ct_adaptive_max_pool2d) }

  /// Normalises each channel, by the batch's own statistics when `training` (which then also move the running
  /// ones).
  public func batchNorm(
    weight: Tensor?, bias: Tensor?, runningMean: Tensor?, runningVariance: Tensor?, training: Bool,
    momentum: Double = 0.1, epsilon: Double = 1e-5
  ) throws -> Tensor {
    try withExtendedLifetime((weight, bias, runningMean, runningVariance)) {
      try unary {
        ct_batch_norm(
          $0, weight?.handle, bias?.handle, runningMean?.handle, runningVariance?.handle, training, momentum,
          epsilon, $1)
      }
    }
  }

  /// Zero mean and unit variance over the last dimensions `shape`, then weight and bias of that shape.
  public func layerNorm(_ shape: [Int], weight: Tensor?, bias: Tensor?, epsilon: Double = 1e-5) throws
    -> Tensor
  {
    let sizes = shape.map(Int64.init)
    return try withExtendedLifetime((weight, bias)) {
      try unary { ct_layer_norm($0, sizes, sizes.count, weight?.handle, bias?.handle, epsilon, $1) }
    }
  }

  /// Zero mean and unit variance over each group of channels of `[N, C, …]`, then weight and bias `[C]`.
  public func groupNorm(_ groups: Int, weight: Tensor?, bias: Tensor?, epsilon: Double = 1e-5) throws
    -> Tensor
  {
    try withExtendedLifetime((weight, bias)) {
      try unary { ct_group_norm($0, Int64(groups), weight?.handle, bias?.handle, epsilon, $1) }
    }
  }

  /// Unit root mean square over the last dimensions `shape`, then the weight (Zhang & Sennrich 2019).
  public func rmsNorm(_ shape: [Int], weight: Tensor?, epsilon: Double? = nil) throws -> Tensor {
    let sizes = shape.map(Int64.init)
    return try withOptional(epsilon) { epsilon in
      try Tensor.withHandle(weight) { weight in
        try unary { ct_rms_norm($0, sizes, sizes.count, weight, epsilon, $1) }
      }
    }
  }

  /// Rows of `self` `[vocabulary, width]` for int64 indices of any shape; `padding` names a row without
  /// gradient.
  public func embedding(_ indices: Tensor, padding: Int? = nil) throws -> Tensor {
    try binary(indices) { ct_embedding($0, $1, Int64(padding ?? -1), $2) }
  }

  /// softmax(Q Kᵀ · scale + mask) V for `[N, heads, L, width]`; `scale` defaults to 1 / √width.
  public func attention(
    keys: Tensor, values: Tensor, mask: Tensor? = nil, causal: Bool = false, scale: Double? = nil
  ) throws -> Tensor {
    try withOptional(scale) { scale in
      try Tensor.withHandle(mask) { mask in
        try ternary(keys, values) { ct_scaled_dot_product_attention($0, $1, $2, mask, causal, scale, $3) }
      }
    }
  }

  /// `[N, C, H, W]` at another `[H, W]`, by the nearest pixel.
  public func resizedNearest(_ size: [Int]) throws -> Tensor { try along(size, ct_upsample_nearest2d) }
  /// `[N, C, H, W]` at another `[H, W]`, by bilinear interpolation.
  public func resizedBilinear(_ size: [Int], alignCorners: Bool = false) throws -> Tensor {
    try along(size) { ct_upsample_bilinear2d($0, $1, $2, alignCorners, $3) }
  }

  /// The columns `[N, C · kH · kW, L]` that a convolution multiplies.
  public func unfold2d(_ kernel: [Int], stride: [Int], padding: [Int], dilation: [Int] = [1, 1]) throws
    -> Tensor
  {
    let (k, s) = (kernel.map(Int64.init), stride.map(Int64.init))
    let (p, d) = (padding.map(Int64.init), dilation.map(Int64.init))
    return try unary { ct_im2col($0, k, k.count, d, d.count, p, p.count, s, s.count, $1) }
  }

  /// Samples `[N, C, H, W]` at a grid `[N, h, w, 2]` of places in [-1, 1]; zero outside.
  public func gridSample(_ grid: Tensor, bilinear: Bool = true) throws -> Tensor {
    try binary(grid) { ct_grid_sample($0, $1, bilinear, $2) }
  }

  /// The sampling grid of affine maps `[N, 2, 3]` for images of `size` `[N, C, H, W]`.
  public func affineGrid(_ size: [Int]) throws -> Tensor { try along(size, ct_affine_grid) }
}

// MARK: - Losses

extension Tensor {
  /// Cross-entropy of logits `[N, C]` with int64 classes `[N]` or probabilities `[N, C]`, in nats.
  public func crossEntropy(
    _ target: Tensor, weight: Tensor? = nil, reduction: Reduction = .mean, ignoring: Int = -100,
    labelSmoothing: Double = 0
  ) throws -> Tensor {
    try Tensor.withHandle(weight) { weight in
      try binary(target) {
        ct_cross_entropy($0, $1, weight, reduction.rawValue, Int64(ignoring), labelSmoothing, $2)
      }
    }
  }

  /// −log-probability of int64 classes `[N]` for log-probabilities `[N, C]`.
  public func negativeLogLikelihood(
    _ target: Tensor, weight: Tensor? = nil, reduction: Reduction = .mean, ignoring: Int = -100
  ) throws -> Tensor {
    try Tensor.withHandle(weight) { weight in
      try binary(target) { ct_nll_loss($0, $1, weight, reduction.rawValue, Int64(ignoring), $2) }
    }
  }

  /// Binary cross-entropy of logits with targets of the same shape in [0, 1].
  public func binaryCrossEntropy(
    _ target: Tensor, weight: Tensor? = nil, positiveWeight: Tensor? = nil, reduction: Reduction = .mean
  ) throws -> Tensor {
    try withExtendedLifetime((weight, positiveWeight)) {
      try binary(target) {
        ct_binary_cross_entropy_with_logits(
          $0, $1, weight?.handle, positiveWeight?.handle, reduction.rawValue, $2)
      }
    }
  }

  /// (self − target)², by default its mean.
  public func meanSquaredError(_ target: Tensor, reduction: Reduction = .mean) throws -> Tensor {
    try binary(target) { ct_mse_loss($0, $1, reduction.rawValue, $2) }
  }

  /// |self − target|, by default its mean.
  public func absoluteError(_ target: Tensor, reduction: Reduction = .mean) throws -> Tensor {
    try binary(target) { ct_l1_loss($0, $1, reduction.rawValue, $2) }
  }

  /// ½ d² / β where |d| < β, else |d| − ½ β, for d = self − target (Girshick 2015).
  public func smoothL1(_ target: Tensor, beta: Double = 1, reduction: Reduction = .mean) throws -> Tensor {
    try binary(target) { ct_smooth_l1_loss($0, $1, reduction.rawValue, beta, $2) }
  }

  /// ½ d² where |d| < δ, else δ (|d| − ½ δ), for d = self − target (Huber 1964).
  public func huber(_ target: Tensor, delta: Double = 1, reduction: Reduction = .mean) throws -> Tensor {
    try binary(target) { ct_huber_loss($0, $1, reduction.rawValue, delta, $2) }
  }

  /// Σ target · (log target − self) element by element, for log-probabilities `self`; `mean` divides by
  /// elements.
  public func klDivergence(
    target: Tensor, targetIsLog: Bool = false, reduction: Reduction = .none
  ) throws -> Tensor {
    try binary(target) { ct_kl_div($0, $1, reduction.rawValue, targetIsLog, $2) }
  }

  /// KL(softmax(teacher / T) ‖ softmax(self / T)) of each row, `[N]`, in one node of the graph. Nothing flows back to the
  /// teacher.
  ///
  /// - Parameters:
  ///   - teacher: logits `[N, C]`.
  ///   - first: the column of the own logits `[N, K]` that is the teacher's first; those before it and after C of them take
  ///     no part, nor do they in the softmax. Nil where both have C columns.
  /// - Throws: ``TorchError`` for other shapes, devices and types, and temperatures that are not above 0.
  public func softenedDivergence(from teacher: Tensor, at first: Int? = nil, temperature: Double) throws
    -> Tensor
  {
    if let first, first < 0 {
      throw TorchError(.shape, "the teacher's first column cannot be column \(first) of the shape \(shape)")
    }
    return try binary(teacher) { ct_softened_divergence($0, $1, Int64(first ?? -1), temperature, $2) }
  }

  /// The cosine of the angle between vectors along `dim`, with norms of at least `epsilon`.
  public func cosineSimilarity(_ other: Tensor, dim: Int = 1, epsilon: Double = 1e-8) throws -> Tensor {
    try binary(other) { ct_cosine_similarity($0, $1, Int64(dim), epsilon, $2) }
  }

  /// 1 − cos for targets 1, max(0, cos − margin) for targets −1.
  public func cosineEmbeddingLoss(
    _ other: Tensor, target: Tensor, margin: Double = 0, reduction: Reduction = .mean
  ) throws -> Tensor {
    try ternary(other, target) { ct_cosine_embedding_loss($0, $1, $2, margin, reduction.rawValue, $3) }
  }

  /// max(0, ‖a − p‖ − ‖a − n‖ + margin) for anchors `self`.
  public func tripletMarginLoss(
    positive: Tensor, negative: Tensor, margin: Double = 1, reduction: Reduction = .mean
  ) throws -> Tensor {
    try ternary(positive, negative) { ct_triplet_margin_loss($0, $1, $2, margin, reduction.rawValue, $3) }
  }
}

extension Tensor {
  /// The rows that `index` names of uint8 data `[N, C, …]`, as float32: value · scale[c] + shift[c], in one
  /// pass.
  public func gatherNormalized(_ index: Tensor, scale: Tensor, shift: Tensor) throws -> Tensor {
    try withExtendedLifetime((self, index, scale, shift)) {
      try Tensor.make { ct_gather_normalized(handle, index.handle, scale.handle, shift.handle, $0) }
    }
  }
}
