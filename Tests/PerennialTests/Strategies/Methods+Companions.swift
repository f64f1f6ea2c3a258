@testable import Perennial

extension Method {
  static func mutualLearning(_ change: (inout MutualLearning.Options) -> Void = { _ in }) -> MutualLearning {
    var options = MutualLearning.Options()
    change(&options)
    return MutualLearning(options)
  }

  /// Those that learn with other networks from the start.
  static let companions: [Method] = [
    Method("mutual-learning") { [mutualLearning()] },
    Method("mutual-learning of three, and replay") {
      [replay(), mutualLearning { ($0.peers, $0.temperature, $0.weight) = (.copies(2), 3, 0.5) }]
    },
  ]
}
