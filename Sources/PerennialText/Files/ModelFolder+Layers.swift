import Torch

extension ModelFolder {
  /// Leaves an encoder of some of its layers in the folder, with their values in float32, and all that is not the model's as it is.
  ///
  /// - Parameter kept: the layers that stay, in their order, counted from 1.
  /// - Throws: `TorchError` (`shape`) for layers that the encoder does not have; what ``load(_:dropout:)`` and
  ///   ``save(_:precision:shardBytes:)`` throw. The folder stays as it was then.
  public func keep(layers kept: [Int]) throws {
    try save(load(BERT.self).keeping(layers: kept, dropout: Generator(seed: 0)))
  }
}
