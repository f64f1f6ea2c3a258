import Torch

/// A backbone and a head: the model that a learner teaches.
public final class Network: Module {
  public let backbone: any Backbone
  public let head: any Head
  /// The head's name in checkpoints.
  public let headName: String

  /// - Parameter headName: the head's name in checkpoints, as the public model has it: `fc`, `linear` ….
  public init(_ backbone: any Backbone, head: any Head, headName: String = "head") {
    self.backbone = backbone
    self.head = head
    self.headName = headName
    super.init()
    register("", backbone)
    register(headName, head)
  }

  /// Features `[N, D]` of inputs `[N, …]`.
  public func features(_ inputs: Tensor) throws -> Tensor { try backbone(inputs) }

  /// Outputs `[N, K]` of inputs `[N, …]`.
  public func callAsFunction(_ inputs: Tensor) throws -> Tensor { try head(backbone(inputs)) }
}

/// How to make a network: the same architecture again for teachers, probes and fresh starts.
public struct Blueprint {
  private let body: (RandomStreams) throws -> Network

  /// - Parameter body: makes the network; draws weights from the stream `initialization`, the head's from `head`,
  ///   dropout masks from `dropout`.
  public init(_ body: @escaping (RandomStreams) throws -> Network) { self.body = body }

  /// A new network with fresh weights.
  public func make(_ random: RandomStreams) throws -> Network { try body(random) }

  /// The same networks with whatever strategies attach to them.
  func extended(by strategies: [any Strategy]) -> Blueprint {
    Blueprint { random in
      var network = try body(random)
      for strategy in strategies {
        network = try strategy.rebuild(network, random, fresh: body)
        try strategy.extend(network, random)
      }
      return network
    }
  }

  /// A network with the same values as another, sharing nothing with it.
  public func copy(of network: Network) throws -> Network {
    let random = RandomStreams(seed: 0)
    let copy = try make(random)
    try copy.head.grow(to: network.head.outputs, random.stream("head"))
    try copy.load(network.stateDictionary())
    return copy
  }
}

extension Network {
  /// Freezes the backbone, or lets it learn again; make a new `ParameterVector` afterwards.
  public func freezeBackbone(_ isFrozen: Bool = true) { backbone.freeze { _ in isFrozen } }
}

extension Blueprint {
  /// The same networks with a backbone that does not learn.
  public func withFrozenBackbone() -> Blueprint {
    Blueprint { random in
      let network = try body(random)
      network.freezeBackbone()
      return network
    }
  }
}
