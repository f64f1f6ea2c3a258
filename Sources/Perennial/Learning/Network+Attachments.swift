import Torch

extension Network {
  /// The module that a strategy attached when the network was made: registered under a name, part of checkpoints.
  ///
  /// - Throws: `StrategyError` where there is none: the network is of another blueprint than the learner's.
  func attached<Attached: Module>(_ name: String, as type: Attached.Type = Attached.self) throws -> Attached {
    guard let module = child(name) as? Attached else {
      throw StrategyError.model(
        name, "the model lacks what it attaches; make it from the learner's blueprint")
    }
    return module
  }
}
