import Torch

extension State {
  /// The identifiers of what the memories of a saved state hold, each as often as it is kept.
  ///
  /// - Throws: `StateError` for a memory that is not whole.
  public func remembered() throws -> [Int] {
    var all: [Int] = []
    for name in replayMemories {
      let memory = ReplayMemory(capacity: 0, random: NumberStream(seed: 0))
      try memory.restore(scoped(name))
      all += try memory.examples?.identifiers.integers() ?? []
    }
    for name in externalMemories { all += try requireTensor("\(name)/identifiers").integers() }
    return all
  }

  private var replayMemories: [String] {
    parts(with: "placement", among: values.keys).filter { tensors["\($0)/identifiers"] != nil }
  }

  private var externalMemories: [String] {
    parts(with: "times", among: tensors.keys).filter {
      tensors["\($0)/keys"] != nil && tensors["\($0)/identifiers"] != nil
    }
  }

  /// Takes examples out of every memory of a saved state, without the model that it belongs to.
  ///
  /// - Parameter identifiers: as in ``Examples/identifiers``.
  /// - Returns: how many items went.
  /// - Throws: `StateError` for a memory that is not whole.
  @discardableResult
  public mutating func erase(_ identifiers: Set<Int>) throws -> Int {
    try eraseFromReplay(identifiers) + eraseFromExternalMemories(identifiers)
  }

  private mutating func eraseFromReplay(_ identifiers: Set<Int>) throws -> Int {
    var erased = 0
    for name in replayMemories {
      let part = scoped(name)
      let memory = ReplayMemory(capacity: 0, random: NumberStream(seed: 0))
      try memory.restore(part)
      let count = try memory.forget(identifiers: identifiers)
      guard count > 0 else { continue }
      erased += count
      for key in part.tensors.keys { tensors["\(name)/\(key)"] = nil }
      set(try memory.state(), under: name)
    }
    return erased
  }

  /// Columns of a ``KeyValueMemory``; its graph holds keys of its own, goes, and is built anew when it is next needed.
  private mutating func eraseFromExternalMemories(_ identifiers: Set<Int>) throws -> Int {
    var erased = 0
    for name in externalMemories {
      let own = try requireTensor("\(name)/identifiers").integers()
      let kept = own.indices.filter { !identifiers.contains(own[$0]) }
      guard kept.count < own.count else { continue }
      erased += own.count - kept.count
      for column in ["keys", "values", "identifiers", "times"] {
        let rows = try requireTensor("\(name)/\(column)")
        tensors["\(name)/\(column)"] = try noGrad { try rows.indexSelect(Tensor(kept)) }
      }
      tensors["\(name)/graph"] = nil
    }
    return erased
  }

  /// The names of the parts that have something of this name.
  private func parts(with mark: String, among names: some Sequence<String>) -> [String] {
    names.filter { $0.hasSuffix("/" + mark) }.map { String($0.dropLast(mark.count + 1)) }.sorted()
  }
}
