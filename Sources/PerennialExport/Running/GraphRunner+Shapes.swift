import Torch

extension GraphRunner {
  /// Operators that move values and change none.
  static let shapes: [String: Operation] = [
    "Shape": { [try Tensor($0(0).shape)] },
    "Reshape": { inputs in
      let x = try inputs(0)
      return [
        try x.reshape(inputs.integers(1).enumerated().map { $1 == 0 ? x.shape[$0] : $1 })
      ]
    },
    "Flatten": { inputs in
      let x = try inputs(0)
      let axis = inputs.integer("axis", default: 1)
      return [try x.reshape([x.shape.prefix(axis).reduce(1, *), -1])]
    },
    "Transpose": { [try $0(0).permute($0.integers("perm") ?? [])] },
    "Unsqueeze": { inputs in [try inputs.integers(1).sorted().reduce(inputs(0)) { try $0.unsqueeze($1) }] },
    "Squeeze": { inputs in
      [try inputs.integers(1).sorted(by: >).reduce(inputs(0)) { try $0.squeeze($1) }]
    },
    "Concat": { inputs in
      [try Tensor.concatenate(inputs.tensors.compactMap { $0 }, dim: inputs.integer("axis", default: 0))]
    },
    "Split": { inputs in try inputs(0).split(inputs.integers(1), dim: inputs.integer("axis", default: 0)) },
    "Slice": { inputs in
      var x = try inputs(0)
      let (starts, ends, axes) = (try inputs.integers(1), try inputs.integers(2), try inputs.integers(3))
      let steps = try inputs.optional(4)?.integers() ?? [Int](repeating: 1, count: starts.count)
      for (place, axis) in axes.enumerated() {
        x = try x.slice(
          dim: axis, from: starts[place], to: min(ends[place], x.shape[axis]), by: steps[place])
      }
      return [x]
    },
    "Gather": { inputs in
      let (x, index) = (try inputs(0), try inputs(1))
      let axis = inputs.integer("axis", default: 0)
      let picked = try x.indexSelect(index.flatten().to(.int64), dim: axis)
      return [try picked.reshape(x.shape.prefix(axis) + index.shape + x.shape.dropFirst(axis + 1))]
    },
    "Range": { inputs in
      guard try inputs(2).itemInt() == 1 else {
        throw ExportError.operation(node: inputs.node.name, problem: "only steps of 1 are known")
      }
      return [try Tensor.arange(inputs(0).itemInt(), inputs(1).itemInt())]
    },
    "Pad": { inputs in
      let pads = try inputs.integers(1)
      let rank = pads.count / 2
      return [try inputs(0).padded((0..<rank).reversed().flatMap { [pads[$0], pads[$0 + rank]] })]
    },
  ]
}
