@testable import Perennial

extension Method {
  static func quantization(_ change: (inout QuantizationAwareTraining.Options) -> Void = { _ in })
    -> QuantizationAwareTraining
  {
    var options = QuantizationAwareTraining.Options()
    change(&options)
    return QuantizationAwareTraining(options)
  }

  static let compression: [Method] = [
    Method("quantization") { [quantization()] },
    Method("quantization, few bits, and ewc") { [quantization { $0.weights = 4 }, ewc()] },
    Method("quantization of weights, and lwf") { [quantization { $0.activations = nil }, lwf()] },
    Method("pruning") { [GradualPruning()] },
    Method("pruning and lwf") { [GradualPruning(), lwf()] },
  ]
}
