import ArgumentParser
import Torch

/// What `--dtype` takes: how the weights of a model that only answers are kept.
enum WeightType: String, CaseIterable, ExpressibleByArgument {
  case float32
  case bfloat16

  static let help: ArgumentHelp =
    "How weights are kept once they are read: bfloat16 takes half of the memory, is faster on most processors, and rounds."

  func keepWeights(of model: Module) throws {
    if self == .bfloat16 { try model.keepWeights(in: .bfloat16) }
  }
}
