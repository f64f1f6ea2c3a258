import Torch

/// No layer at all: the outputs are the features, for models whose vectors are what is wanted.
public final class FeatureHead: Module, Head {
  public let outputs: Int

  public init(features: Int) { outputs = features }

  /// - Throws: `TorchError` (`shape`) for more outputs than features.
  public func grow(to outputs: Int, _ generator: Generator) throws {
    guard outputs <= self.outputs else {
      throw TorchError(.shape, "the model gives \(self.outputs) features, and \(outputs) are to be learned")
    }
  }

  public func callAsFunction(_ features: Tensor) throws -> Tensor { features }
}
