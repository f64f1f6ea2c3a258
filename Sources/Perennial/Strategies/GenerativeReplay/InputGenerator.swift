import Torch

/// A model of what inputs look like, learned beside the classifier with an optimizer of its own.
protocol InputGenerator: AnyObject {
  /// One step on inputs `[N, D]`, the loss of each item times its factor `[N]` of mean 1.
  func learn(_ inputs: Tensor, factors: Tensor, _ random: Generator) throws

  /// New inputs `[count, D]`, outside the graph.
  func sample(_ count: Int, _ random: Generator) throws -> Tensor

  func state() throws -> State
  func restore(_ state: State) throws
}
