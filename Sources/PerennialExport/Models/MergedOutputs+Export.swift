import PerennialLife
import Torch

extension GraphBuilder {
  /// Outputs of labels that are one by now, added up in pairs without leaving the range of numbers:
  ///
  ///     log(eᵃ + eᵇ) = max(a, b) + softplus(−|a − b|)
  func merged(_ outputs: GraphValue, _ merged: MergedOutputs) throws -> GraphValue {
    guard merged.isMerging, let width = merged.units.joined().max().map({ $0 + 1 }) else { return outputs }
    // −∞ has no difference to −∞.
    let lowest = try scalar(-1e30)
    let own = node("Max", outputs, lowest)
    let nothing = try sum(multiply(own, scalar(0)), axis: 1, keepDims: true)
    let padded = concatenate([own, add(nothing, lowest)], axis: 1)
    func column(_ depth: Int) throws -> GraphValue {
      let places = merged.units.map { depth < $0.count ? $0[depth] : width }
      return node("Gather", padded, try integers(places), attributes: ["axis": .integer(1)])
    }
    return try (1..<(merged.units.map(\.count).max() ?? 1)).reduce(column(0)) { total, depth in
      let next = try column(depth)
      let difference = subtract(total, next)
      let distance = node("Max", difference, node("Neg", difference))
      return add(node("Max", total, next), node("Softplus", node("Neg", distance)))
    }
  }
}
