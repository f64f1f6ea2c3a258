import Torch

/// A head that counts, and so can take back what it has counted: exactly, but for rounding.
public protocol UnlearningHead: Head {
  /// Takes features `[N, D]` of the units int64 `[N]` out of the statistics, as if they had never been seen.
  func unlearn(_ features: Tensor, _ units: Tensor) throws
}

extension NearestClassMeanHead: UnlearningHead {
  public func unlearn(_ features: Tensor, _ units: Tensor) throws { try count(features, units, sign: -1) }
}

extension StreamingLDAHead: UnlearningHead {
  public func unlearn(_ features: Tensor, _ units: Tensor) throws { try count(features, units, sign: -1) }
}
