import Torch

extension ReplayMemory {
  /// Takes out the items of these identifiers, with all that was kept beside them.
  ///
  /// What stays keeps its order; groups then share the memory as if only that had ever been offered.
  /// - Returns: how many items went.
  func erase(_ identifiers: Set<Int>) throws -> Int {
    guard let columns, count > 0, let examples = try examples else { return 0 }
    let own = try examples.identifiers.integers()
    let kept = own.indices.filter { !identifiers.contains(own[$0]) }
    guard kept.count < own.count else { return 0 }
    let origins = try experiences()
    let extras = try noGrad {
      try columns.extras.mapValues { try $0.narrow(dim: 0, start: 0, count: own.count) }
    }
    try replace(with: [])
    for place in kept {
      let index = try Tensor([place])
      try insert(
        examples, index, experience: origins[place],
        extras: noGrad { try extras.mapValues { try $0.indexSelect(index) } })
    }
    return own.count - kept.count
  }
}
