import CTorch

extension Tensor {
  /// Element by element, with the definitions of `torch.nn.functional`.
  public func relu() throws -> Tensor { try unary(ct_relu) }
  public func relu6() throws -> Tensor { try unary(ct_relu6) }
  public func silu() throws -> Tensor { try unary(ct_silu) }
  public func mish() throws -> Tensor { try unary(ct_mish) }
  public func sigmoid() throws -> Tensor { try unary(ct_sigmoid) }
  public func logSigmoid() throws -> Tensor { try unary(ct_log_sigmoid) }
  public func tanh() throws -> Tensor { try unary(ct_tanh) }
  public func softplus() throws -> Tensor { try unary(ct_softplus) }
  public func hardswish() throws -> Tensor { try unary(ct_hardswish) }

  /// Element by element, with the definitions and defaults of `torch.nn.functional`.
  public func leakyReLU(slope: Double = 0.01) throws -> Tensor { try unary { ct_leaky_relu($0, slope, $1) } }
  public func elu(alpha: Double = 1) throws -> Tensor { try unary { ct_elu($0, alpha, $1) } }
  public func hardtanh(min: Double = -1, max: Double = 1) throws -> Tensor {
    try unary { ct_hardtanh($0, min, max, $1) }
  }

  /// The Gaussian error linear unit; `approximate` takes the tanh form (Hendrycks & Gimpel 2016).
  public func gelu(approximate: Bool = false) throws -> Tensor { try unary { ct_gelu($0, approximate, $1) } }

  /// exp(x) / Σ exp(x) along a dimension.
  public func softmax(_ dimension: Int = -1) throws -> Tensor {
    try unary { ct_softmax($0, Int64(dimension), $1) }
  }
  /// x − log Σ exp(x) along a dimension.
  public func logSoftmax(_ dimension: Int = -1) throws -> Tensor {
    try unary { ct_log_softmax($0, Int64(dimension), $1) }
  }
}
