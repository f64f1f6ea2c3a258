/// With whom a model learns: `peers: 2`, or `peers: [lenet, {mlp: {hidden: [100]}}]`.
public enum PeerChoice: Sendable {
  /// So many more of the model itself, with other initial values.
  case copies(Int)
  /// Models as a recipe names them.
  case models([Selection])

  /// K − 1
  public var count: Int {
    switch self {
    case .copies(let count): count
    case .models(let models): models.count
    }
  }
}

extension PeerChoice: Codable {
  /// Reads a number or a list of models.
  public init(from decoder: any Decoder) throws {
    let node = try ConfigurationNode(from: decoder)
    if case .list = node.content {
      self = .models(try node.decode([Selection].self))
    } else if let count = try? node.decode(Int.self) {
      self = .copies(count)
    } else {
      throw node.error(
        "must be a number of peers or a list of models, such as `[lenet]`, found \(node.found)")
    }
  }

  /// Writes what can be read.
  public func encode(to encoder: any Encoder) throws {
    switch self {
    case .copies(let count): try count.encode(to: encoder)
    case .models(let models): try models.encode(to: encoder)
    }
  }
}
