/// Why the weights of a folder are not those of the model that its configuration describes.
public struct WeightMismatch: Error, Equatable, CustomStringConvertible {
  /// The folder.
  public let folder: String
  /// Tensors that the model has and the files have not.
  public var missing: [String] = []
  /// Tensors that the files have and the model has not.
  public var unused: [String] = []
  /// Tensors of another shape, with what is there and what is needed.
  public var misshaped: [String] = []
  /// Tensors that do not hold floating-point numbers, with what they hold.
  public var mistyped: [String] = []
  /// Tensors that should equal another, because the model ties them, and do not.
  public var untied: [String] = []
  /// Tensors of which the files have two under different names.
  public var doubled: [String] = []

  /// Whether there is nothing to say.
  var isEmpty: Bool {
    [missing, unused, misshaped, mistyped, untied, doubled].allSatisfy(\.isEmpty)
  }

  public var description: String {
    let parts = [
      ("missing: ", missing), ("not part of the model: ", unused), ("of another shape: ", misshaped),
      ("not floating-point: ", mistyped), ("tied and yet different: ", untied), ("there twice: ", doubled),
    ]
    let texts = parts.filter { !$0.1.isEmpty }.map { $0.0 + $0.1.joined(separator: ", ") }
    return "\(folder): the weights do not fit the model: \(texts.joined(separator: "; "))"
  }
}
