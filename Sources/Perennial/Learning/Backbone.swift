import Torch

/// The part of a model that turns inputs into features; a `Head` turns features into outputs.
public protocol Backbone: Layer {
  /// The width D of the features `[N, D]`.
  var featureCount: Int { get }

  /// The layers in order, for strategies that gate units or split the model.
  var stages: [Stage] { get }
}
