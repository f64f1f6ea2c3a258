import Torch

/// Linear layers whose units come and go, for ``ExpandableNetworks``; each unit carries the task that made it.
final class GrowingLayers: Module {
  /// `[width, inputs]`, `[width]`, and the tasks int64 `[width]` of each layer.
  let weights: [Parameter]
  let biases: [Parameter?]
  let stamps: [Parameter]
  /// `[outputs, width]`
  let head: Parameter

  init(_ stages: [Stage], _ head: LinearHead) throws {
    weights = stages.compactMap(\.weight)
    biases = stages.map(\.bias)
    self.head = head.weight
    stamps = try weights.map {
      Parameter(try Tensor.zeros([$0.value.shape[0]], dtype: .int64), kind: .buffer)
    }
    super.init()
    for (index, parameter) in stamps.enumerated() { register("\(index)", parameter) }
  }

  /// The number of units of each layer.
  var widths: [Int] { stamps.map { $0.value.count } }

  override func fit(_ shapes: [String: [Int]]) throws {
    let wanted = stamps.indices.map { shapes["\($0)"]?.first ?? widths[$0] }
    guard wanted != widths else { return }
    for (index, width) in wanted.enumerated() {
      let inputs = index == 0 ? weights[0].value.shape[1] : wanted[index - 1]
      weights[index].replace(with: try Tensor.zeros([width, inputs], device: weights[index].value.device))
      try biases[index]?.replace(with: Tensor.zeros([width], device: weights[index].value.device))
      stamps[index].replace(
        with: try Tensor.zeros([width], dtype: .int64, device: weights[index].value.device))
    }
    let shape = [head.value.shape[0], wanted.last ?? 0]
    head.replace(with: try Tensor.zeros(shape, device: head.value.device))
  }

  /// Adds units to every layer: weights into them as a linear layer starts, weights out of them 0.
  func expand(by units: Int, stamp: Int, _ generator: Generator) throws {
    for (index, weight) in weights.enumerated() {
      let inputs = weight.value.shape[1]
      let rows = try Initializer.kaimingUniform([units, inputs], slope: 5.0.squareRoot(), generator)
      try append(
        index, rows: rows.to(weight.value.device), biases: Tensor.zeros([units], device: weight.value.device),
        columns: Tensor.zeros([next(index).value.shape[0], units], device: weight.value.device), stamp: stamp)
    }
  }

  /// Adds copies of units, with the weights into and out of them.
  ///
  /// - Parameter units: int64 numbers of units of each layer.
  func copyUnits(_ units: [Tensor], stamp: Int) throws {
    for (index, chosen) in units.enumerated() where chosen.count > 0 {
      let weight = weights[index].value
      try noGrad {
        try append(
          index, rows: weight.indexSelect(chosen),
          biases: biases[index]?.value.indexSelect(chosen)
            ?? Tensor.zeros([chosen.count], device: weight.device),
          columns: next(index).value.indexSelect(chosen, dim: 1), stamp: stamp)
      }
    }
  }

  /// Takes away units from `old` on that have no weights left, as far as the group lasso can tell: their root mean square
  /// is below what one optimizer step undoes.
  func removeDead(after old: [Int]) throws {
    for (index, weight) in weights.enumerated() {
      let keep = try noGrad {
        let size = try weight.value.square().mean([1]).sqrt()
        let isOld = try Tensor.arange(0, weight.value.shape[0], device: weight.value.device) .< old[index]
        return try isOld.logicalOr(size .> 1e-3).nonzero().reshape([-1])
      }
      guard keep.count < weight.value.shape[0] else { continue }
      try noGrad {
        for parameter in [weight, biases[index], stamps[index]].compactMap({ $0 }) {
          parameter.replace(with: try parameter.value.detach().indexSelect(keep))
        }
        next(index).replace(with: try next(index).value.detach().indexSelect(keep, dim: 1))
      }
    }
  }

  private func next(_ index: Int) -> Parameter { index + 1 < weights.count ? weights[index + 1] : head }

  private func append(_ index: Int, rows: Tensor, biases: Tensor, columns: Tensor, stamp: Int) throws {
    let stamps = try Tensor.full([rows.shape[0]], stamp, dtype: .int64, device: rows.device)
    try noGrad {
      let pairs: [(Parameter?, Tensor)] = [
        (weights[index], rows), (self.biases[index], biases), (self.stamps[index], stamps),
      ]
      for (parameter, more) in pairs {
        guard let parameter else { continue }
        parameter.replace(with: try Tensor.concatenate([parameter.value.detach(), more]))
      }
      let after = next(index)
      after.replace(with: try Tensor.concatenate([after.value.detach(), columns], dim: 1))
    }
  }
}

extension ParameterVector {
  /// Where a parameter lies.
  func slot(of parameter: Parameter) -> VectorLayout.Slot? {
    parameters.firstIndex { $0 === parameter }.map { layout.slots[$0] }
  }
}
