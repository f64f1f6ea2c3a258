/// A strategy whose protection has a strength: λ, w or whatever its paper calls the number that weighs what is old
/// against what is new.
public protocol Tunable: Strategy {
  /// The strength; 0 is fine-tuning, and more holds what is old the harder.
  var strength: Double { get set }
}
