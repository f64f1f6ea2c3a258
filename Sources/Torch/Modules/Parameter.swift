/// A tensor that belongs to a module: a weight that learns, or a buffer that is only kept.
public final class Parameter {
  /// What a parameter is for; strategies, checkpoints and freezing select by it.
  public enum Kind: String, Sendable, CaseIterable, Codable {
    /// Learned, shared by all experiences.
    case weight
    /// Kept and saved but not learned by gradient, like running statistics.
    case buffer
    /// Learned, belongs to the outputs and grows with them.
    case head
    /// Learned, added to a frozen weight.
    case adapter
    /// Learned, put in front of the input.
    case prompt
    /// Decides which weights an experience uses.
    case mask
  }

  /// What the parameter is for.
  public let kind: Kind

  /// The values. While a `ParameterVector` holds the parameter, this is a view into it.
  public internal(set) var value: Tensor

  /// Whether optimizers move it. Takes effect when the next `ParameterVector` is made.
  public var isTrainable: Bool

  public init(_ value: Tensor, kind: Kind = .weight) {
    self.value = value
    self.kind = kind
    isTrainable = kind != .buffer
  }

  /// Puts other values in place, of any shape; the holder then makes a new `ParameterVector`.
  public func replace(with value: Tensor) { self.value = value }
}
