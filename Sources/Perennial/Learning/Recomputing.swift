import Torch

/// A stack of blocks that can be run again in the backward pass instead of being remembered (Chen et al. 2016).
public protocol Recomputing: Module {
  /// Whether training steps keep the inputs of blocks alone.
  var recomputesBlocks: Bool { get set }
}

extension Blueprint {
  /// The same networks, whose blocks are run again in the backward pass.
  ///
  /// - Throws: when a network is made, `LearnerError.recompute` for one without blocks.
  public func recomputing() -> Blueprint {
    Blueprint { random in
      let network = try make(random)
      let stacks = network.modules.compactMap { $0 as? any Recomputing }
      guard !stacks.isEmpty else { throw LearnerError.recompute }
      for stack in stacks { stack.recomputesBlocks = true }
      return network
    }
  }

  /// The same networks, in which the backbone's linear layers, and a table that is the output layer too, compute in another type.
  public func computing(in type: DType) -> Blueprint {
    Blueprint { random in
      let network = try make(random)
      network.backbone.multiply(in: type)
      return network
    }
  }
}
