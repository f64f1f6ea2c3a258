import Torch

/// Layers, heads that have keys of their own, and the width of a head: the sizes of what a cache holds.
public typealias CacheSizes = (layers: Int, groups: Int, width: Int)

/// Keys and values `[N, groups, S, d]` of a layer.
public typealias GraphKeys = (keys: GraphValue, values: GraphValue)

/// The keys and values of earlier tokens, which come in, and of all tokens, which go out.
public final class GraphCache {
  private let graph: GraphBuilder
  private let past: [GraphKeys]
  /// `[N, groups, S, d]` for each layer.
  public private(set) var present: [GraphKeys] = []

  init(_ graph: GraphBuilder, past: [GraphKeys]) {
    (self.graph, self.past) = (graph, past)
  }

  /// All keys and values of the next layer.
  func join(_ keys: GraphValue, _ values: GraphValue) -> GraphKeys {
    let before = past[present.count]
    let all = (
      keys: graph.concatenate([before.keys, keys], axis: 2),
      values: graph.concatenate([before.values, values], axis: 2)
    )
    present.append(all)
    return all
  }
}

extension GraphBuilder {
  /// Inputs `past_key_values.0.key` … for each layer.
  ///
  /// - Parameters:
  ///   - part: stands before `key`, with a dot behind it.
  ///   - length: the axis of places.
  func past(_ sizes: CacheSizes, _ part: String, _ length: Graph.Axis) -> [GraphKeys] {
    (0..<sizes.layers).map { layer in
      func port(_ name: String) -> GraphValue {
        input("past_key_values.\(layer).\(part)\(name)", .float32, axes(sizes, length))
      }
      return (keys: port("key"), values: port("value"))
    }
  }

  /// Outputs `present.0.key` … for each layer, named as in ``past(_:_:_:)``.
  func present(_ all: [GraphKeys], _ sizes: CacheSizes, _ part: String, _ length: Graph.Axis) {
    for (layer, present) in all.enumerated() {
      output(present.keys, "present.\(layer).\(part)key", .float32, axes(sizes, length))
      output(present.values, "present.\(layer).\(part)value", .float32, axes(sizes, length))
    }
  }

  private func axes(_ sizes: CacheSizes, _ length: Graph.Axis) -> [Graph.Axis] {
    [Graph.Name.batch, .size(sizes.groups), length, .size(sizes.width)]
  }
}
