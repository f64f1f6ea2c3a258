import Torch

/// Runs a graph on libtorch, node by node, by the definitions of ONNX's operators.
///
/// It is what checks a written file where no other runtime is at hand, finds the ranges that calibration needs, and says
/// what a quantised model answers. Integer products are exact. It knows the operators that are written here, and is not
/// made for speed.
public struct GraphRunner {
  public let graph: Graph

  /// - Throws: ``ExportError`` for a graph whose nodes take what nothing before them gives, or whose operators are not
  ///   known here.
  public init(_ graph: Graph) throws {
    var known = Set(graph.constants.keys).union(graph.inputs.map(\.name))
    for node in graph.nodes {
      guard Self.operations[node.operation] != nil else {
        throw ExportError.operation(node: node.name, problem: "the operator \(node.operation) is not known")
      }
      for input in node.inputs where !input.isEmpty && !known.contains(input) {
        throw ExportError.operation(node: node.name, problem: "nothing before it gives `\(input)`")
      }
      for output in node.outputs {
        guard known.insert(output).inserted else {
          throw ExportError.operation(node: node.name, problem: "gives `\(output)`, which is there already")
        }
      }
    }
    for output in graph.outputs where !known.contains(output.name) {
      throw ExportError.values("nothing gives the output `\(output.name)`")
    }
    self.graph = graph
  }

  /// The outputs for inputs, by name.
  ///
  /// - Parameter watch: sees every value that a node gives.
  /// - Throws: ``ExportError`` for inputs that are missing or do not fit, what libtorch throws for the rest.
  public func callAsFunction(
    _ inputs: [String: Tensor], watch: ((_ name: String, _ value: Tensor) throws -> Void)? = nil
  ) throws -> [String: Tensor] {
    try noGrad {
      var values = graph.constants
      try check(inputs)
      values.merge(inputs) { $1 }
      var uses = graph.consumers().mapValues(\.count)
      for output in graph.outputs { uses[output.name, default: 0] += 1 }
      for node in graph.nodes {
        try run(node, &values, watch)
        // What nobody will ask for again would fill the memory.
        for input in Set(node.inputs) where !input.isEmpty {
          uses[input, default: 0] -= 1
          if uses[input] == 0 { values[input] = nil }
        }
      }
      return values.filter { entry in graph.outputs.contains { $0.name == entry.key } }
    }
  }

  private func run(
    _ node: Graph.Node, _ values: inout [String: Tensor], _ watch: ((String, Tensor) throws -> Void)?
  ) throws {
    guard let operation = Self.operations[node.operation] else {
      throw ExportError.operation(node: node.name, problem: "the operator \(node.operation) is not known")
    }
    let results: [Tensor]
    do {
      results = try operation(NodeInputs(node: node, tensors: node.inputs.map { values[$0] }))
    } catch let error as TorchError {
      throw ExportError.operation(node: node.name, problem: error.description)
    }
    guard results.count == node.outputs.count else {
      throw ExportError.operation(
        node: node.name, problem: "\(results.count) values for \(node.outputs.count) outputs")
    }
    for (name, value) in zip(node.outputs, results) {
      values[name] = value
      try watch?(name, value)
    }
  }

  private func check(_ inputs: [String: Tensor]) throws {
    var sizes: [String: Int] = [:]
    for port in graph.inputs {
      guard let tensor = inputs[port.name] else {
        throw ExportError.values("the input `\(port.name)` is missing")
      }
      let fits =
        tensor.dtype == port.dtype && tensor.rank == port.axes.count
        && zip(port.axes, tensor.shape).allSatisfy { axis, size in
          switch axis {
          case .size(let expected): return expected == size
          case .named(let name):
            defer { sizes[name] = size }
            return sizes[name] ?? size == size
          }
        }
      guard fits else {
        throw ExportError.values(
          "the input `\(port.name)` is \(tensor.dtype) of shape \(tensor.shape), not \(port.dtype) of "
            + "\(port.axes.map { axis in if case .size(let n) = axis { return "\(n)" } else { return "any" } })"
        )
      }
    }
  }
}

/// What a node takes when it runs.
struct NodeInputs {
  let node: Graph.Node
  let tensors: [Tensor?]

  func callAsFunction(_ index: Int) throws -> Tensor {
    guard let tensor = optional(index) else {
      throw ExportError.operation(node: node.name, problem: "input \(index) is missing")
    }
    return tensor
  }

  func optional(_ index: Int) -> Tensor? { tensors.indices.contains(index) ? tensors[index] : nil }

  func integer(_ name: String, default fallback: Int) -> Int {
    guard case .integer(let value)? = node.attributes[name] else { return fallback }
    return value
  }

  func number(_ name: String, default fallback: Double) -> Double {
    guard case .number(let value)? = node.attributes[name] else { return fallback }
    return value
  }

  func integers(_ name: String) -> [Int]? {
    guard case .integers(let values)? = node.attributes[name] else { return nil }
    return values
  }

  /// The whole numbers of an input.
  func integers(_ index: Int) throws -> [Int] { try self(index).integers() }
}
