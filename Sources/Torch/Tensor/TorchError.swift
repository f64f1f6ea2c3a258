import CTorch

/// What libtorch, or a check in front of it, refused to do.
public struct TorchError: Error, Equatable, CustomStringConvertible {
  /// The kind of mistake, for programs; `message` is for people.
  public enum Kind: String, Sendable {
    case shape, dtype, device, memory, index, unsupported, autograd, file, other
  }

  /// The kind of mistake.
  public let kind: Kind
  /// What was wrong, in a sentence.
  public let message: String

  public init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }

  public var description: String { message }

  /// The error that the last failing call left on this thread.
  static var last: TorchError {
    let kind: Kind =
      switch ct_error_last_kind() {
      case CT_SHAPE: .shape
      case CT_DTYPE: .dtype
      case CT_DEVICE: .device
      case CT_MEMORY: .memory
      case CT_INDEX: .index
      case CT_UNSUPPORTED: .unsupported
      case CT_AUTOGRAD: .autograd
      default: .other
      }
    return TorchError(kind, String(cString: ct_error_message()))
  }
}

/// Throws what a C call reported; 0 means that all went well.
@inline(__always)
func check(_ code: Int32) throws {
  if code != 0 { throw TorchError.last }
}
