@testable import Perennial

extension Method {
  static func boundaries(_ change: (inout DriftBoundaries.Options) -> Void) -> [any Strategy] {
    var options = DriftBoundaries.Options()
    change(&options)
    guard let strategy = try? DriftBoundaries(options) else { return [] }
    return [strategy]
  }

  /// Boundaries every two steps, so that several fall inside every experience.
  static let taskFree: [Method] = [
    Method("boundaries and ewc") { boundaries { $0.every = 2 } + [ewc()] },
    Method("boundaries and lwf") { boundaries { $0.every = 2 } + [lwf()] },
    Method("boundaries and l2-previous") {
      boundaries { $0.every = 3 } + [WeightPenalty(.l2Previous, lambda: 0.1)]
    },
    Method("boundaries that drop the memory") {
      boundaries { ($0.every, $0.restart) = (2, .memory) } + [replay { $0.insert = .end }]
    },
    Method("boundaries by detector, and ewc") {
      boundaries {
        $0.detector =
          (try? Selection(
            ConfigurationNode(yaml: "ddm: {warm_up: 2, warning: 0.1, drift: 0.2}", source: "test")))
          ?? $0.detector
      } + [ewc()]
    },
  ]

  static let weightlessTaskFree: [Method] = [
    Method("boundaries alone") { boundaries { $0.every = 2 } },
    Method("boundaries by KSWIN, on losses") {
      boundaries { ($0.detector, $0.signal, $0.onlyWorse) = (Selection("kswin"), .loss, false) }
    },
    Method("boundaries by features") {
      boundaries { ($0.signal, $0.features.window, $0.features.alpha) = (.features, 8, 1) }
    },
    Method("boundaries and ewc, λ = 0") { boundaries { $0.every = 2 } + [ewc { $0.lambda = 0 }] },
  ]
}
