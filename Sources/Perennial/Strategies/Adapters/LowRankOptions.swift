import Torch

/// Options of a strategy that learns low-rank adapters.
public protocol LowRankOptions: Configurable {
  /// r
  var rank: Int { get }
  /// α
  var alpha: Double { get }
  /// The share of the adapters' inputs left out in training.
  var dropout: Double { get }
  /// The layers that get an adapter, by the end of their paths; all linear layers of the backbone where none is named.
  var targets: [String] { get }
  var variant: LowRankVariant { get }
}

/// How adapters are scaled, and what else they learn.
public enum LowRankVariant: String, Codable, CaseIterable, Sendable {
  /// α / r
  case lora
  /// α / √r
  case rslora
  /// Lengths apart from directions.
  case dora
}

extension LowRankOptions {
  func validateAdapters(at node: ConfigurationNode) throws {
    try node.require("rank", rank, atLeast: 1)
    try node.require("alpha", alpha, above: 0)
    try node.require("dropout", dropout, in: 0..<1)
  }

  var configuration: LowRankConfiguration {
    var configuration = LowRankConfiguration()
    (configuration.rank, configuration.alpha, configuration.dropout) = (rank, alpha, dropout)
    configuration.isRankStabilized = variant == .rslora
    configuration.hasMagnitude = variant == .dora
    if !targets.isEmpty { configuration.targets = .named(targets) }
    return configuration
  }
}

extension Network {
  /// Lets nothing of the backbone learn; what is not part of it, heads and adapters, does.
  func restBackbone() {
    let resting = Set(backbone.parameters.map(\.path))
    freeze { resting.contains($0) }
  }

  /// The layers of the backbone that a strategy puts adapters beside.
  ///
  /// - Throws: `StrategyError.model`.
  func layers(for options: some LowRankOptions, _ strategy: String) throws -> [(
    path: String, layer: any AdaptableLayer
  )] {
    try layers(for: options.configuration, strategy)
  }

  func layers(for configuration: LowRankConfiguration, _ strategy: String) throws -> [(
    path: String, layer: any AdaptableLayer
  )] {
    do {
      return try backbone.layers(for: configuration)
    } catch let error as AdapterError {
      throw StrategyError.model(strategy, "\(error)")
    }
  }
}
