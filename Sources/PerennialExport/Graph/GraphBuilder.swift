import Perennial
import Torch

/// A value that flows through a graph under construction.
public struct GraphValue: Hashable, Sendable {
  /// Its name in the graph.
  public let name: String
}

/// A layer that says what it computes as nodes of a graph: in evaluation mode, without what only training needs.
///
/// A further layer becomes part of exported models by one extension that conforms to this.
public protocol ExportableLayer: Module {
  /// Adds nodes to `graph` and gives the layer's output for an input.
  ///
  /// - Throws: ``ExportError`` for a state or option that a graph cannot hold.
  func emit(into graph: GraphBuilder, _ input: GraphValue) throws -> GraphValue
}

/// Puts a graph together, layer by layer; weights keep the names that they have in checkpoints.
public final class GraphBuilder {
  /// What there is so far.
  public internal(set) var graph: Graph
  private let paths: [ObjectIdentifier: String]
  private let parameterPaths: [ObjectIdentifier: String]
  private var scope = ""
  private var counts: [String: Int] = [:]
  private var scalars: [String: GraphValue] = [:]

  /// - Parameter model: what is exported; errors and names use the paths of its parts.
  public init(_ name: String, of model: Module) {
    graph = Graph(name: name)
    paths = Dictionary(
      model.namedModules.map { (ObjectIdentifier($0.module), $0.path) },
      uniquingKeysWith: { first, _ in first })
    parameterPaths = Dictionary(
      model.parameters.map { (ObjectIdentifier($0.parameter), $0.path) },
      uniquingKeysWith: { first, _ in first })
  }

  /// The path of a part of the model, or the name of its type where it is none.
  public func path(of module: Module) -> String {
    let path = paths[ObjectIdentifier(module)] ?? ""
    return path.isEmpty ? "\(type(of: module))" : path
  }

  // MARK: - Layers

  /// The output of a layer.
  ///
  /// - Throws: ``ExportError/layer(path:type:)`` for one that is not ``ExportableLayer``.
  public func emit(_ layer: Module, _ input: GraphValue) throws -> GraphValue {
    guard let exportable = layer as? any ExportableLayer else {
      throw ExportError.layer(path: path(of: layer), type: "\(type(of: layer))")
    }
    return try within(layer) { try exportable.emit(into: self, input) }
  }

  /// The output of the layer that is registered in a module under a name.
  public func emit(_ name: String, of module: Module, _ input: GraphValue) throws -> GraphValue {
    try emit(child(name, of: module), input)
  }

  /// The part of a module that is registered under a name.
  ///
  /// - Throws: ``ExportError/part(path:name:)`` where there is none.
  func child<Part: Module>(_ name: String, of module: Module, as type: Part.Type = Module.self) throws -> Part
  {
    guard let part = module.child(name) as? Part else {
      throw ExportError.part(path: path(of: module), name: name)
    }
    return part
  }

  /// Runs `body` with nodes named after a part of the model.
  func within<Result>(_ module: Module, _ body: () throws -> Result) rethrows -> Result {
    let before = scope
    scope = path(of: module)
    defer { scope = before }
    return try body()
  }

  // MARK: - Ports

  /// Adds an input.
  public func input(_ name: String, _ dtype: DType, _ axes: [Graph.Axis]) -> GraphValue {
    graph.inputs.append(Graph.Port(name, dtype, axes))
    return GraphValue(name: name)
  }

  /// Makes a value an output under a name of its own.
  public func output(_ value: GraphValue, _ name: String, _ dtype: DType, _ axes: [Graph.Axis]) {
    graph.nodes.append(
      Graph.Node(name: "outputs/\(name)", operation: "Identity", inputs: [value.name], outputs: [name]))
    graph.outputs.append(Graph.Port(name, dtype, axes))
  }

  // MARK: - Constants

  /// A parameter, under its path; the same parameter is one constant however often it is used.
  public func constant(_ parameter: Parameter) throws -> GraphValue {
    try constant(parameter.value, parameterPaths[ObjectIdentifier(parameter)] ?? unique("parameter"))
  }

  /// What a layer makes of its parameters, under the layer's path and a name.
  func constant(_ tensor: Tensor, of module: Module, _ name: String) throws -> GraphValue {
    try constant(tensor, "\(path(of: module)).\(name)")
  }

  /// A fixed tensor of any type.
  public func constant(_ tensor: Tensor) throws -> GraphValue { try constant(tensor, unique("constant")) }

  private func constant(_ tensor: Tensor, _ name: String) throws -> GraphValue {
    if graph.constants[name] == nil {
      let own = try noGrad { try tensor.detach().to(.cpu).contiguous() }
      graph.constants[name] = own.dtype == .bfloat16 ? try own.to(.float32) : own
    }
    return GraphValue(name: name)
  }

  /// A number, float32 `[]`.
  public func scalar(_ value: Double) throws -> GraphValue {
    try shared("scalar \(value)") { try Tensor.full([], value) }
  }

  /// A whole number, int64 `[]`.
  public func integer(_ value: Int) throws -> GraphValue {
    try shared("integer \(value)") { try Tensor.full([], value, dtype: .int64) }
  }

  /// Whole numbers, int64 `[n]`: shapes, axes and the like.
  public func integers(_ values: [Int]) throws -> GraphValue {
    try shared("integers \(values)") { try Tensor(values) }
  }

  private func shared(_ key: String, _ make: () throws -> Tensor) throws -> GraphValue {
    if let known = scalars[key] { return known }
    let value = try constant(make(), unique("constant", scope: ""))
    scalars[key] = value
    return value
  }

  // MARK: - Nodes

  /// Adds a node with one output.
  public func node(
    _ operation: String, _ inputs: GraphValue?..., attributes: [String: Graph.Attribute] = [:]
  ) -> GraphValue {
    nodes(operation, inputs, outputs: 1, attributes)[0]
  }

  /// Adds a node with one output and any number of inputs.
  public func node(
    _ operation: String, over inputs: [GraphValue], attributes: [String: Graph.Attribute] = [:]
  )
    -> GraphValue
  {
    nodes(operation, inputs, outputs: 1, attributes)[0]
  }

  /// Adds a node.
  public func nodes(
    _ operation: String, _ inputs: [GraphValue?], outputs: Int, _ attributes: [String: Graph.Attribute] = [:]
  ) -> [GraphValue] {
    let name = unique(operation)
    let values = (0..<outputs).map { GraphValue(name: outputs == 1 ? "\(name):0" : "\(name):\($0)") }
    graph.nodes.append(
      Graph.Node(
        name: name, operation: operation, inputs: inputs.map { $0?.name ?? "" }, outputs: values.map(\.name),
        attributes: attributes))
    return values
  }

  private func unique(_ name: String, scope: String? = nil) -> String {
    let scope = scope ?? self.scope
    let base = scope.isEmpty ? name : "\(scope)/\(name)"
    let count = counts[base, default: 0]
    counts[base] = count + 1
    return count == 0 ? base : "\(base)_\(count)"
  }
}
