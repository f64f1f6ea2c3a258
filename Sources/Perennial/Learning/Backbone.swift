import Torch

/// The part of a model that turns inputs into features; a `Head` turns features into outputs.
public protocol Backbone: Layer {
  /// The width D of the features `[N, D]`.
  var featureCount: Int { get }

  /// The layers in order, for strategies that gate units or split the model.
  var stages: [Stage] { get }

  /// The places inside that others may look at; the outputs of the stages where a backbone says nothing else, none where it
  /// names no stages.
  var taps: [Tap] { get }
}

extension Backbone {
  public var taps: [Tap] { stages.filter { !$0.isWhole }.map(\.tap) }
}
