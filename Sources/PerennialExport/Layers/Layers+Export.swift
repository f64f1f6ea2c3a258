import Perennial
import PerennialText
import Torch

extension Linear: ExportableLayer {
  /// Adapters of low rank are folded into the weight; a ReLU follows where the layer fuses one.
  public func emit(into graph: GraphBuilder, _ input: GraphValue) throws -> GraphValue {
    try graph.refuseFilter(of: self)
    var folded = weight.value
    var others: [BottleneckAdapter] = []
    for adapter in adapters {
      if let bottleneck = adapter as? BottleneckAdapter {
        if bottleneck.isEnabled { others.append(bottleneck) }
      } else if let lowRank = adapter as? LowRankAdapter {
        guard lowRank.isEnabled else { continue }
        guard others.isEmpty, lowRank.magnitude == nil || folded === weight.value else {
          throw ExportError.state(
            path: graph.path(of: self), problem: "its adapters do not fold into one weight; merge them first")
        }
        folded = try lowRank.merged(folded)
      } else {
        throw ExportError.layer(path: graph.path(of: adapter), type: "\(type(of: adapter))")
      }
    }
    var output = try graph.linear(input, weight: folded, bias: bias?.value, of: self)
    for adapter in others {
      let inner = try graph.activation(Activation.Function.gelu, graph.emit(adapter.down, output))
      output = graph.add(output, try graph.emit(adapter.up, inner))
    }
    return relu ? graph.node("Relu", output) : output
  }
}

extension Conv2d: ExportableLayer {
  public func emit(into graph: GraphBuilder, _ input: GraphValue) throws -> GraphValue {
    try graph.refuseFilter(of: self)
    return graph.node(
      "Conv", input, try graph.constant(weight), try bias.map(graph.constant),
      attributes: [
        "kernel_shape": .integers(Array(weight.value.shape.suffix(2))), "strides": .integers(stride),
        "pads": .integers(padding + padding), "dilations": .integers(dilation), "group": .integer(groups),
      ])
  }
}

extension ConvTransposed2d: ExportableLayer {
  public func emit(into graph: GraphBuilder, _ input: GraphValue) throws -> GraphValue {
    graph.node(
      "ConvTranspose", input, try graph.constant(weight), try bias.map(graph.constant),
      attributes: [
        "kernel_shape": .integers(Array(weight.value.shape.suffix(2))), "strides": .integers(stride),
        "pads": .integers(padding + padding), "output_padding": .integers(outputPadding),
      ])
  }
}

extension Embedding: ExportableLayer {
  public func emit(into graph: GraphBuilder, _ input: GraphValue) throws -> GraphValue {
    graph.node("Gather", try graph.constant(weight), input, attributes: ["axis": .integer(0)])
  }
}

extension Activation: ExportableLayer {
  public func emit(into graph: GraphBuilder, _ input: GraphValue) throws -> GraphValue {
    try graph.activation(function, input)
  }
}

extension Dropout: ExportableLayer {
  public func emit(into graph: GraphBuilder, _ input: GraphValue) throws -> GraphValue { input }
}

extension Pool2d: ExportableLayer {
  public func emit(into graph: GraphBuilder, _ input: GraphValue) throws -> GraphValue {
    var attributes: [String: Graph.Attribute] = [
      "kernel_shape": .integers([kernel, kernel]), "strides": .integers([stride, stride]),
      "pads": .integers([padding, padding, padding, padding]),
    ]
    if kind == .average { attributes["count_include_pad"] = .integer(1) }
    return graph.node(kind == .max ? "MaxPool" : "AveragePool", input, attributes: attributes)
  }
}

extension GlobalAveragePool: ExportableLayer {
  public func emit(into graph: GraphBuilder, _ input: GraphValue) throws -> GraphValue {
    graph.mean(input, axes: [2, 3])
  }
}

extension Flatten: ExportableLayer {
  public func emit(into graph: GraphBuilder, _ input: GraphValue) throws -> GraphValue {
    graph.flatten(input)
  }
}

extension Sequential: ExportableLayer {
  public func emit(into graph: GraphBuilder, _ input: GraphValue) throws -> GraphValue {
    try layers.reduce(input) { try graph.emit($1, $0) }
  }
}

extension GraphBuilder {
  /// `[N, …]` → `[N, product]`
  func flatten(_ input: GraphValue) -> GraphValue {
    node("Flatten", input, attributes: ["axis": .integer(1)])
  }

  /// What a gate of a stage makes of its units `[N, width]` or channels `[N, width, H, W]`.
  ///
  /// - Throws: ``ExportError/state(path:problem:)`` for gates that differ from item to item.
  func gated(_ stage: Stage, _ units: GraphValue, isMap: Bool) throws -> GraphValue {
    guard let values = stage.gate.values else { return units }
    guard values.rank == 1 else {
      throw ExportError.state(path: stage.name, problem: "its gate differs from item to item")
    }
    return multiply(units, try constant(isMap ? values.reshape([-1, 1, 1]) : values))
  }

  /// - Throws: ``ExportError/state(path:problem:)`` for a layer whose input is changed on its way in.
  fileprivate func refuseFilter(of layer: any InputFiltering) throws {
    guard layer.inputFilter == nil else {
      throw ExportError.state(
        path: path(of: layer), problem: "its input is changed on the way in, which a graph cannot show")
    }
  }
}
