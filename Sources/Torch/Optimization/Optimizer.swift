/// Moves a parameter vector along its gradient.
///
/// State is addressed by name, one flat tensor each, so that it can be saved, restored and carried over when
/// the vector grows.
public protocol Optimizer: AnyObject {
  /// The step size for the next step; schedules set it.
  var learningRate: Double { get set }

  /// One step on `vector.values` by `vector.gradients`.
  func step(_ vector: ParameterVector) throws

  /// Takes the state over to another layout of the vector.
  func carry(from old: VectorLayout, to new: VectorLayout) throws

  /// Forgets everything, as a new optimizer.
  func reset()

  /// Named flat tensors `[P]` and counters; empty before the first step.
  func state() throws -> [String: Tensor]
  /// Goes back to a state that `state()` gave.
  func restore(_ state: [String: Tensor]) throws
}
