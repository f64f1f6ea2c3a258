import CTorch

// MARK: - Operators (NumPy broadcasting)

extension Tensor {
  /// The sum.
  public static func + (a: Tensor, b: Tensor) throws -> Tensor {
    try a.binary(b) { ct_add($0, $1, 1.scalar, $2) }
  }
  /// The difference.
  public static func - (a: Tensor, b: Tensor) throws -> Tensor {
    try a.binary(b) { ct_sub($0, $1, 1.scalar, $2) }
  }
  /// The element-wise product, and the quotient, which is floating point also for integers.
  public static func * (a: Tensor, b: Tensor) throws -> Tensor { try a.binary(b, ct_mul) }
  public static func / (a: Tensor, b: Tensor) throws -> Tensor { try a.binary(b, ct_div) }

  /// Each element plus a number.
  public static func + (a: Tensor, b: some Scalar) throws -> Tensor {
    try a.unary { ct_add_scalar($0, b.scalar, $1) }
  }
  /// Each element minus a number.
  public static func - (a: Tensor, b: some Scalar) throws -> Tensor {
    try a.unary { ct_sub_scalar($0, b.scalar, $1) }
  }
  /// Each element times a number.
  public static func * (a: Tensor, b: some Scalar) throws -> Tensor {
    try a.unary { ct_mul_scalar($0, b.scalar, $1) }
  }
  /// Each element divided by a number.
  public static func / (a: Tensor, b: some Scalar) throws -> Tensor {
    try a.unary { ct_div_scalar($0, b.scalar, $1) }
  }

  /// A number plus each element.
  public static func + (a: some Scalar, b: Tensor) throws -> Tensor {
    try b.unary { ct_add_scalar($0, a.scalar, $1) }
  }
  /// A number minus each element.
  public static func - (a: some Scalar, b: Tensor) throws -> Tensor {
    try b.unary { ct_rsub_scalar($0, a.scalar, $1) }
  }
  /// A number times each element.
  public static func * (a: some Scalar, b: Tensor) throws -> Tensor {
    try b.unary { ct_mul_scalar($0, a.scalar, $1) }
  }
  /// A number divided by each element.
  public static func / (a: some Scalar, b: Tensor) throws -> Tensor {
    try b.unary { ct_rdiv_scalar($0, a.scalar, $1) }
  }

  /// Each element with the other sign.
  public static prefix func - (a: Tensor) throws -> Tensor { try a.unary(ct_neg) }

  /// Compares each pair; the result is boolean.
  public static func .== (a: Tensor, b: Tensor) throws -> Tensor { try a.binary(b, ct_eq) }
  public static func .!= (a: Tensor, b: Tensor) throws -> Tensor { try a.binary(b, ct_ne) }
  public static func .< (a: Tensor, b: Tensor) throws -> Tensor { try a.binary(b, ct_lt) }
  public static func .<= (a: Tensor, b: Tensor) throws -> Tensor { try a.binary(b, ct_le) }
  public static func .> (a: Tensor, b: Tensor) throws -> Tensor { try a.binary(b, ct_gt) }
  public static func .>= (a: Tensor, b: Tensor) throws -> Tensor { try a.binary(b, ct_ge) }
  /// Whether each element equals a number.
  public static func .== (a: Tensor, b: some Scalar) throws -> Tensor {
    try a.unary { ct_eq_scalar($0, b.scalar, $1) }
  }
  /// Whether each element differs from a number.
  public static func .!= (a: Tensor, b: some Scalar) throws -> Tensor {
    try a.unary { ct_ne_scalar($0, b.scalar, $1) }
  }
  /// Whether each element is less than a number.
  public static func .< (a: Tensor, b: some Scalar) throws -> Tensor {
    try a.unary { ct_lt_scalar($0, b.scalar, $1) }
  }
  /// Whether each element is at most a number.
  public static func .<= (a: Tensor, b: some Scalar) throws -> Tensor {
    try a.unary { ct_le_scalar($0, b.scalar, $1) }
  }
  /// Whether each element is greater than a number.
  public static func .> (a: Tensor, b: some Scalar) throws -> Tensor {
    try a.unary { ct_gt_scalar($0, b.scalar, $1) }
  }
  /// Whether each element is at least a number.
  public static func .>= (a: Tensor, b: some Scalar) throws -> Tensor {
    try a.unary { ct_ge_scalar($0, b.scalar, $1) }
  }

  /// Element-wise remainder with the sign of the divisor.
  public func remainder(_ divisor: some Scalar) throws -> Tensor {
    try unary { ct_remainder_scalar($0, divisor.scalar, $1) }
  }
  /// The quotient rounded towards −∞.
  public func floorDivided(by divisor: Tensor) throws -> Tensor { try binary(divisor, ct_floor_divide) }
  /// Each element to a power.
  public func pow(_ exponent: some Scalar) throws -> Tensor {
    try unary { ct_pow_scalar($0, exponent.scalar, $1) }
  }
  /// Each element to the power of its partner.
  public func pow(_ exponent: Tensor) throws -> Tensor { try binary(exponent, ct_pow) }
  /// The larger (smaller) of each pair.
  public func maximum(_ other: Tensor) throws -> Tensor { try binary(other, ct_maximum) }
  public func minimum(_ other: Tensor) throws -> Tensor { try binary(other, ct_minimum) }
  /// log(exp(self) + exp(other)), whatever their size.
  public func logAddExp(_ other: Tensor) throws -> Tensor { try binary(other, ct_logaddexp) }
  /// Boolean and (or) of each pair.
  public func logicalAnd(_ other: Tensor) throws -> Tensor { try binary(other, ct_logical_and) }
  public func logicalOr(_ other: Tensor) throws -> Tensor { try binary(other, ct_logical_or) }

  /// Values held between the bounds that are given.
  public func clamp(min: Double? = nil, max: Double? = nil) throws -> Tensor {
    try withOptional(min) { low in try withOptional(max) { high in try unary { ct_clamp($0, low, high, $1) } }
    }
  }

  /// self + value · a · b
  public func addcmul(_ a: Tensor, _ b: Tensor, value: some Scalar = 1) throws -> Tensor {
    try ternary(a, b) { ct_addcmul($0, $1, $2, value.scalar, $3) }
  }

  /// self + weight · (end − self)
  public func lerp(_ end: Tensor, weight: some Scalar) throws -> Tensor {
    try binary(end) { ct_lerp($0, $1, weight.scalar, $2) }
  }
}

infix operator .== : ComparisonPrecedence
infix operator .!= : ComparisonPrecedence

// MARK: - Functions

extension Tensor {
  /// Element by element, as the mathematical function of that name; `round` goes to the nearest even integer.
  public func abs() throws -> Tensor { try unary(ct_abs) }
  public func sign() throws -> Tensor { try unary(ct_sign) }
  public func exp() throws -> Tensor { try unary(ct_exp) }
  public func expm1() throws -> Tensor { try unary(ct_expm1) }
  public func log() throws -> Tensor { try unary(ct_log) }
  public func log1p() throws -> Tensor { try unary(ct_log1p) }
  public func log2() throws -> Tensor { try unary(ct_log2) }
  public func sqrt() throws -> Tensor { try unary(ct_sqrt) }
  public func rsqrt() throws -> Tensor { try unary(ct_rsqrt) }
  public func square() throws -> Tensor { try unary(ct_square) }
  public func reciprocal() throws -> Tensor { try unary(ct_reciprocal) }
  public func sin() throws -> Tensor { try unary(ct_sin) }
  public func cos() throws -> Tensor { try unary(ct_cos) }
  public func cosh() throws -> Tensor { try unary(ct_cosh) }
  public func erf() throws -> Tensor { try unary(ct_erf) }
  public func inverseErrorFunction() throws -> Tensor { try unary(ct_erfinv) }
  public func floor() throws -> Tensor { try unary(ct_floor) }
  public func ceil() throws -> Tensor { try unary(ct_ceil) }
  public func round() throws -> Tensor { try unary(ct_round) }
  public func isNaN() throws -> Tensor { try unary(ct_isnan) }
  public func isFinite() throws -> Tensor { try unary(ct_isfinite) }
  public func logicalNot() throws -> Tensor { try unary(ct_logical_not) }
}

// MARK: - In place (outside the graph: use under `noGrad`)

extension Tensor {
  /// Takes over the values of a tensor of a shape that broadcasts to this one.
  public func copy(from source: Tensor) throws { try mutate(with: source, ct_copy_) }
  /// Writes `value` everywhere.
  public func fill(_ value: some Scalar) throws { try mutate { ct_fill_($0, value.scalar) } }
  public func zero() throws { try mutate(ct_zero_) }

  /// self += scale · other
  public func add(_ other: Tensor, scale: some Scalar = 1) throws {
    try mutate(with: other) { ct_add_($0, $1, scale.scalar) }
  }
  /// self −= other, and so on for the next four.
  public func subtract(_ other: Tensor) throws { try mutate(with: other) { ct_sub_($0, $1, 1.scalar) } }
  public func multiply(by other: Tensor) throws { try mutate(with: other, ct_mul_) }
  public func divide(by other: Tensor) throws { try mutate(with: other, ct_div_) }
  public func add(_ value: some Scalar) throws { try mutate { ct_add_scalar_($0, value.scalar) } }
  public func scale(by value: some Scalar) throws { try mutate { ct_mul_scalar_($0, value.scalar) } }
  /// Holds the values between the bounds that are given.
  public func clampInPlace(min: Double? = nil, max: Double? = nil) throws {
    try withOptional(min) { low in try withOptional(max) { high in try mutate { ct_clamp_($0, low, high) } } }
  }

  /// self += value · a · b
  public func addProduct(_ a: Tensor, _ b: Tensor, value: some Scalar = 1) throws {
    try withExtendedLifetime((self, a, b)) {
      try check(ct_addcmul_(handle, a.handle, b.handle, value.scalar))
    }
  }

  /// self += weight · (end − self)
  public func interpolate(to end: Tensor, weight: some Scalar) throws {
    try mutate(with: end) { ct_lerp_($0, $1, weight.scalar) }
  }

  /// self += scale · (precision ⊙ parameter − weighted) in one pass: the gradient of ½ Σ F (θ − θ*)² summed
  /// over any number of anchors, with precision = ΣF and weighted = ΣFθ*.
  public func addQuadraticPenalty(parameter: Tensor, precision: Tensor, weighted: Tensor, scale: Double)
    throws
  {
    try withExtendedLifetime((self, parameter, precision, weighted)) {
      try check(
        ct_add_quadratic_penalty_(handle, parameter.handle, precision.handle, weighted.handle, scale))
    }
  }

  /// self += gradient ⊙ (before − after) in one pass: what a step from `before` to `after` took off a loss of that
  /// gradient, parameter by parameter.
  public func addPathIntegral(gradient: Tensor, before: Tensor, after: Tensor) throws {
    try withExtendedLifetime((self, gradient, before, after)) {
      try check(ct_add_path_integral_(handle, gradient.handle, before.handle, after.handle))
    }
  }
}

func withOptional<Value, Result>(
  _ value: Value?, _ body: (UnsafePointer<Value>?) throws -> Result
) rethrows -> Result {
  guard let value else { return try body(nil) }
  return try withUnsafePointer(to: value) { try body($0) }
}
