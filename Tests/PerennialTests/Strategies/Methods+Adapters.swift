@testable import Perennial

extension Method {
  static func lora(_ change: (inout LowRankAdaptation.Options) -> Void = { _ in }) -> LowRankAdaptation {
    var options = LowRankAdaptation.Options()
    options.rank = 2
    change(&options)
    return LowRankAdaptation(options)
  }

  static func olora(_ change: (inout OrthogonalAdaptation.Options) -> Void = { _ in }) -> OrthogonalAdaptation
  {
    var options = OrthogonalAdaptation.Options()
    options.rank = 2
    change(&options)
    return OrthogonalAdaptation(options)
  }

  /// All rest the backbone from the first experience on.
  static let adapters: [Method] = [
    Method("lora") { [lora()] },
    Method("lora with lengths, dropout, and replay") {
      [lora { ($0.variant, $0.dropout) = (.dora, 0.2) }, replay()]
    },
    Method("lora stabilised, and ewc") { [lora { $0.variant = .rslora }, ewc()] },
    Method("lora-per-task") { [AdapterPerTask()] },
    Method("o-lora") { [olora { ($0.orthogonality, $0.shrinkage) = (0.5, 0.01) }] },
    Method("o-lora, no penalty") { [olora { $0.orthogonality = 0 }] },
  ]
}
