import Torch

/// Low-rank adapters that belong together, one beside each layer that their configuration means.
///
/// Its parameters have the layers' paths below its own.
public final class AdapterSet: Module {
  /// An adapter and where it is.
  public struct Place {
    /// The layer's path in the model.
    public let path: String
    public let layer: any AdaptableLayer
    public let adapter: LowRankAdapter
  }

  public let configuration: LowRankConfiguration
  public let places: [Place]
  /// The layers' own weights while adapters are folded into them.
  private var unmerged: [Tensor] = []

  /// Puts adapters beside layers, which give the same as before; whoever owns the layers registers the set.
  ///
  /// - Parameters:
  ///   - generator: draws the weights.
  ///   - dropoutMasks: the stream that dropout draws from.
  public init(
    _ configuration: LowRankConfiguration, beside layers: [(path: String, layer: any AdaptableLayer)],
    _ generator: Generator, dropoutMasks: Generator
  ) throws {
    self.configuration = configuration
    places = try layers.map { path, layer in
      let adapter = try LowRankAdapter(
        for: layer, rank: configuration.rank(at: path), scale: configuration.scale(at: path),
        dropout: configuration.dropout, hasMagnitude: configuration.hasMagnitude, generator,
        dropoutMasks: dropoutMasks)
      return Place(path: path, layer: layer, adapter: adapter)
    }
    super.init()
    for place in places {
      place.layer.adapters.append(place.adapter)
      register(place.path, place.adapter)
    }
  }

  /// Whether the adapters are heard; without them the model is the one that they were put beside.
  public var isEnabled: Bool {
    get { places.allSatisfy(\.adapter.isEnabled) }
    set { for place in places { place.adapter.isEnabled = newValue } }
  }

  /// Runs `body` without the adapters: the model before adaptation is a teacher that costs no memory.
  public func disabled<Result>(_ body: () throws -> Result) rethrows -> Result {
    let before = places.map(\.adapter.isEnabled)
    isEnabled = false
    defer { for (place, state) in zip(places, before) { place.adapter.isEnabled = state } }
    return try body()
  }

  /// Whether the adapters are folded into their layers.
  public var isMerged: Bool { !unmerged.isEmpty }

  /// Folds the adapters into the layers, which then cost what they cost without.
  ///
  /// - Throws: `TorchError` (`dtype`) where weights are kept in bfloat16.
  public func merge() throws {
    guard !isMerged else { return }
    if let place = places.first(where: { $0.layer.weight.value.dtype == .bfloat16 }) {
      throw TorchError(
        .dtype,
        "a weight \(place.layer.weight.value.shape) is kept in bfloat16, which would round an adapter away")
    }
    unmerged = try places.map { place in
      let weight = place.layer.weight.value
      return try noGrad {
        let own = try weight.clone()
        try weight.copy(from: place.adapter.merged(own))
        return own
      }
    }
    isEnabled = false
  }

  /// Takes the adapters out of the layers again, bit for bit.
  public func unmerge() throws {
    guard isMerged else { return }
    try noGrad {
      for (place, own) in zip(places, unmerged) { try place.layer.weight.value.copy(from: own) }
    }
    unmerged = []
    isEnabled = true
  }
}

extension Module {
  /// The layers that adapters can be put beside, with their paths.
  public var adaptableLayers: [(path: String, layer: any AdaptableLayer)] {
    let all = namedModules
    let sets = all.filter { $0.module is AdapterSet }.map { $0.path + "." }
    return all.compactMap { path, module in
      guard let layer = module as? any AdaptableLayer, !sets.contains(where: path.hasPrefix) else {
        return nil
      }
      return (path, layer)
    }
  }

  /// Those of them that a configuration means.
  ///
  /// - Throws: `AdapterError.noTargets`, `AdapterError.pattern`.
  public func layers(for configuration: LowRankConfiguration) throws -> [(
    path: String, layer: any AdaptableLayer
  )] {
    let layers = adaptableLayers
    let chosen = try layers.filter {
      try configuration.adapts($0.path, isHead: $0.layer.weight.kind == .head)
    }
    guard !chosen.isEmpty else {
      throw AdapterError.noTargets(configuration.targets, known: layers.map(\.path))
    }
    return chosen
  }

  /// Puts adapters of one name beside the layers that a configuration means, as part of this model.
  ///
  /// - Throws: `AdapterError`.
  public func addAdapters(
    _ name: String = "default", _ configuration: LowRankConfiguration, _ random: RandomStreams
  ) throws -> AdapterSet {
    guard adapters(named: name) == nil else { throw AdapterError.twice(name) }
    let set = try AdapterSet(
      configuration, beside: layers(for: configuration), random.stream("adapters/\(name)"),
      dropoutMasks: random.stream("dropout"))
    register("adapters.\(name)", set)
    return set
  }

  /// The adapters of that name.
  public func adapters(named name: String) -> AdapterSet? { child("adapters.\(name)") as? AdapterSet }

  /// Takes adapters away from their layers; what was merged stays there.
  public func removeAdapters(_ set: AdapterSet) {
    for place in set.places { place.layer.adapters.removeAll { $0 === place.adapter } }
    unregister(set)
  }
}
