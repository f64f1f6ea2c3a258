/// Why an external memory cannot take, or give back, what it is handed.
public enum MemoryError: Error, CustomStringConvertible, Equatable {
  /// Keys of another width or rank.
  case keys(shape: [Int], width: Int)
  /// Numbers of keys, values and identifiers.
  case lengths(keys: Int, values: Int, identifiers: Int)
  /// An identifier whose key cannot be kept, and the precision that it was to be kept in.
  case notFinite(identifier: Int, precision: String)
  case repeated(identifier: Int)
  /// What is wrong with saved columns or a saved graph.
  case damaged(String)
  /// A graph refused a key.
  case graph(String)

  public var description: String {
    switch self {
    case .keys(let shape, let width):
      "keys of shape \(shape) do not fit a memory of keys `[N, \(width)]`"
    case .lengths(let keys, let values, let identifiers):
      "\(keys) keys need as many values and identifiers, not \(values) and \(identifiers)"
    case .notFinite(let identifier, let precision):
      "the key of item \(identifier) is not a finite number in \(precision)"
    case .repeated(let identifier): "the identifier \(identifier) is written twice at once"
    case .damaged(let problem): "the saved memory is damaged: \(problem)"
    case .graph(let problem): "the index of the memory: \(problem)"
    }
  }
}
