import Perennial
import Torch

/// The outputs of a model whose labels people have merged: one for each label that is left.
///
///     z_g = log Σ_{k ∈ g} exp(z_k)
///
/// so that probabilities of labels that have become one add up.
public struct MergedOutputs: Sendable {
  /// The label of each output, by number.
  public let labels: [Int]
  /// The units that each output adds up.
  public let units: [[Int]]

  /// - Parameters:
  ///   - unitLabels: the label that each unit was learned as.
  ///   - resolved: the label that a label has become.
  init(_ unitLabels: [Int], _ resolved: (Int) -> Int) {
    var (labels, units): ([Int], [[Int]]) = ([], [])
    for (unit, label) in unitLabels.map(resolved).enumerated() {
      if let place = labels.firstIndex(of: label) {
        units[place].append(unit)
      } else {
        labels.append(label)
        units.append([unit])
      }
    }
    (self.labels, self.units) = (labels, units)
  }

  /// Whether any output stands for more than one unit.
  public var isMerging: Bool { units.contains { $0.count > 1 } }

  /// Outputs `[N, G]` of a model's own `[N, K]`; these themselves where nothing was merged.
  public func callAsFunction(_ outputs: Tensor) throws -> Tensor {
    guard isMerging else { return outputs }
    return try Tensor.concatenate(
      units.map {
        try outputs.indexSelect(Tensor($0).to(outputs.device), dim: 1).logSumExp([1], keepDims: true)
      },
      dim: 1)
  }
}

extension LivingModel {
  /// What the model answers with.
  public var outputs: MergedOutputs { MergedOutputs(learner.classes.labels, manifest.resolved) }
}
