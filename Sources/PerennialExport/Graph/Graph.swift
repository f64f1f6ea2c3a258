import Torch

/// A computation as ONNX describes it: nodes in the order in which they run, and the constants that they need.
///
/// Operators are those of operator set ``operatorSet``, of ONNX's own domain.
public struct Graph {
  /// The version of ONNX's operators that nodes refer to.
  public static let operatorSet = 17

  /// One operation.
  public struct Node: Equatable, Sendable {
    /// Unique in the graph; begins with the path of the layer that it belongs to.
    public var name: String
    /// The operator: `MatMul`.
    public var operation: String
    /// The names of the values it takes; an empty name is an input that is left out.
    public var inputs: [String]
    /// The names of the values it gives.
    public var outputs: [String]
    /// Its options by name.
    public var attributes: [String: Attribute] = [:]
  }

  /// An option of a node.
  public enum Attribute: Equatable, Sendable {
    case integer(Int)
    case integers([Int])
    case number(Double)
  }

  /// The size of a value along one dimension.
  public enum Axis: Equatable, Sendable {
    case size(Int)
    /// A size that is known when the graph runs; the same name is the same size everywhere.
    case named(String)
  }

  /// What goes into the graph, or comes out of it.
  public struct Port: Equatable, Sendable {
    public var name: String
    public var dtype: DType
    public var axes: [Axis]

    public init(_ name: String, _ dtype: DType, _ axes: [Axis]) {
      (self.name, self.dtype, self.axes) = (name, dtype, axes)
    }
  }

  /// What the graph is called.
  public var name: String
  public var inputs: [Port] = []
  public var outputs: [Port] = []
  public var nodes: [Node] = []
  /// Weights and other fixed values by name.
  public var constants: [String: Tensor] = [:]
  /// What a reader should know: class labels and the like.
  public var metadata: [String: String] = [:]

  public init(name: String) { self.name = name }

  /// Bytes of all constants.
  public var constantBytes: Int { constants.values.reduce(0) { $0 + $1.byteCount } }

  /// The nodes that take a value, by the value's name.
  func consumers() -> [String: [Int]] {
    var result: [String: [Int]] = [:]
    for (index, node) in nodes.enumerated() {
      for input in Set(node.inputs) where !input.isEmpty { result[input, default: []].append(index) }
    }
    return result
  }

  /// Leaves out constants that no node takes.
  mutating func removeUnusedConstants() {
    let used = Set(nodes.flatMap(\.inputs)).union(outputs.map(\.name))
    constants = constants.filter { used.contains($0.key) }
  }
}
