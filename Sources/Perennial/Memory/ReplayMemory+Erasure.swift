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

extension State {
  /// Takes examples out of every replay memory of a saved state, without the model that it belongs to.
  ///
  /// - Parameter identifiers: as in ``Examples/identifiers``.
  /// - Returns: how many items went.
  /// - Throws: `StateError` for a memory that is not whole.
  @discardableResult
  public mutating func erase(_ identifiers: Set<Int>) throws -> Int {
    let mark = "/placement"
    var erased = 0
    for name in values.keys.filter({ $0.hasSuffix(mark) }).map({ String($0.dropLast(mark.count)) }) {
      let part = scoped(name)
      guard part.tensors["identifiers"] != nil else { continue }
      let memory = ReplayMemory(capacity: 0, random: NumberStream(seed: 0))
      try memory.restore(part)
      let count = try memory.erase(identifiers)
      guard count > 0 else { continue }
      erased += count
      for key in part.tensors.keys { tensors["\(name)/\(key)"] = nil }
      set(try memory.state(), under: name)
    }
    return erased
  }
}
