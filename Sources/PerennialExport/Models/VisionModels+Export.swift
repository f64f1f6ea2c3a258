import Perennial
import PerennialVision
import Torch

extension MLP: ExportableLayer {
  public func emit(into graph: GraphBuilder, _ input: GraphValue) throws -> GraphValue {
    try stages.reduce(graph.flatten(input)) { x, stage in
      let layer = try graph.child(stage.name, of: self, as: Linear.self)
      let product = try graph.emit(layer, x)
      return try graph.gated(
        stage, layer.relu ? product : graph.activation(activation, product), isMap: false)
    }
  }
}

extension LeNet: ExportableLayer {
  public func emit(into graph: GraphBuilder, _ input: GraphValue) throws -> GraphValue {
    try graph.pooledStages(of: self, input)
  }
}

extension SmallCNN: ExportableLayer {
  public func emit(into graph: GraphBuilder, _ input: GraphValue) throws -> GraphValue {
    try graph.pooledStages(of: self, input)
  }
}

extension StridedCNN: ExportableLayer {
  public func emit(into graph: GraphBuilder, _ input: GraphValue) throws -> GraphValue {
    var x = input
    for (index, stage) in stages.enumerated() {
      x = try graph.emit("\(index * 3)", of: self, x)
      x = graph.node("Relu", try graph.emit("\(index * 3 + 1)", of: self, x))
      let isLast = index == stages.count - 1
      x = try graph.gated(stage, isLast ? graph.flatten(x) : x, isMap: !isLast)
    }
    return x
  }
}

extension ResNet: ExportableLayer {
  public func emit(into graph: GraphBuilder, _ input: GraphValue) throws -> GraphValue {
    let stem = try graph.emit("bn1", of: self, graph.emit("conv1", of: self, input))
    var x = try graph.gated(stages[0], graph.node("Relu", stem), isMap: true)
    for (index, stage) in stages.dropFirst().enumerated() {
      x = try graph.emit(stage.name, of: self, x)
      let isLast = index == stages.count - 2
      x = try graph.gated(stage, isLast ? graph.mean(x, axes: [2, 3]) : x, isMap: !isLast)
    }
    return x
  }
}

extension BasicBlock: ExportableLayer {
  package func emit(into graph: GraphBuilder, _ input: GraphValue) throws -> GraphValue {
    var x = graph.node("Relu", try graph.emit("bn1", of: self, graph.emit("conv1", of: self, input)))
    x = try graph.emit("bn2", of: self, graph.emit("conv2", of: self, x))
    return graph.node("Relu", graph.add(x, try shortcut.map { try graph.emit($0, input) } ?? input))
  }
}

extension PaddingShortcut: ExportableLayer {
  package func emit(into graph: GraphBuilder, _ input: GraphValue) throws -> GraphValue {
    let pixels = graph.node(
      "Slice", input, try graph.integers([0, 0]), try graph.integers([Int.max, Int.max]),
      try graph.integers([2, 3]), try graph.integers([stride, stride]))
    let (before, after) = (added / 2, added - added / 2)
    return graph.node("Pad", pixels, try graph.integers([0, before, 0, 0, 0, after, 0, 0]))
  }
}

extension ProjectionShortcut: ExportableLayer {
  package func emit(into graph: GraphBuilder, _ input: GraphValue) throws -> GraphValue {
    try graph.emit("1", of: self, graph.emit("0", of: self, input))
  }
}

extension GraphBuilder {
  /// Convolutions, each pooled by 2 and through a ReLU, then linear layers that bring theirs along.
  fileprivate func pooledStages(of backbone: any Backbone, _ input: GraphValue) throws -> GraphValue {
    let pool = Pool2d(.max, kernel: 2)
    var (x, isFlat) = (input, false)
    for stage in backbone.stages {
      let layer = try child(stage.name, of: backbone)
      if layer is Conv2d {
        x = try gated(stage, node("Relu", emit(pool, emit(layer, x))), isMap: true)
      } else {
        x = try gated(stage, emit(layer, isFlat ? x : flatten(x)), isMap: false)
        isFlat = true
      }
    }
    return x
  }
}
