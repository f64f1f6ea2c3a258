import CTorch

/// A number that tensor arithmetic takes as it is: integers keep integer tensors integer.
public protocol Scalar {
  /// The number as the C interface takes it.
  var scalar: ct_scalar { get }
}

extension Int: Scalar {
  /// An integer, which keeps integer tensors integer.
  public var scalar: ct_scalar { ct_scalar(integer: Int64(self), floating: Double(self), is_integer: true) }
}
extension Double: Scalar {
  /// A floating-point number.
  public var scalar: ct_scalar { ct_scalar(integer: 0, floating: self, is_integer: false) }
}
extension Float: Scalar {
  /// A floating-point number.
  public var scalar: ct_scalar { ct_scalar(integer: 0, floating: Double(self), is_integer: false) }
}

/// A Swift type whose arrays become tensors and back.
public protocol TensorElement: BitwiseCopyable {
  /// The tensor type with the same bits.
  static var dtype: DType { get }
}

extension Float: TensorElement { public static var dtype: DType { .float32 } }
extension Double: TensorElement { public static var dtype: DType { .float64 } }
extension Int: TensorElement { public static var dtype: DType { .int64 } }
extension Int64: TensorElement { public static var dtype: DType { .int64 } }
extension Int32: TensorElement { public static var dtype: DType { .int32 } }
extension Int16: TensorElement { public static var dtype: DType { .int16 } }
extension Int8: TensorElement { public static var dtype: DType { .int8 } }
extension UInt8: TensorElement { public static var dtype: DType { .uint8 } }
extension Bool: TensorElement { public static var dtype: DType { .bool } }
