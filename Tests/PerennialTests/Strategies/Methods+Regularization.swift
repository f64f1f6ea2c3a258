@testable import Perennial

extension Method {
  static func si(_ change: (inout SynapticIntelligence.Options) -> Void = { _ in }) -> SynapticIntelligence {
    var options = SynapticIntelligence.Options()
    options.strength = 5
    change(&options)
    return SynapticIntelligence(options)
  }

  static func mas(_ change: (inout MemoryAwareSynapses.Options) -> Void = { _ in }) -> MemoryAwareSynapses {
    var options = MemoryAwareSynapses.Options()
    options.lambda = 0.1
    change(&options)
    return MemoryAwareSynapses(options)
  }

  static func rwalk(_ change: (inout RiemannianWalk.Options) -> Void = { _ in }) -> RiemannianWalk {
    var options = RiemannianWalk.Options()
    options.interval = 2
    change(&options)
    return RiemannianWalk(options)
  }

  static func kfac(_ change: (inout KroneckerLaplace.Options) -> Void = { _ in }) -> KroneckerLaplace {
    var options = KroneckerLaplace.Options()
    options.lambda = 5
    change(&options)
    return KroneckerLaplace(options)
  }

  static func lfl(_ change: (inout LessForgetting.Options) -> Void = { _ in }) -> LessForgetting {
    var options = LessForgetting.Options()
    options.lambda = 0.5
    change(&options)
    return LessForgetting(options)
  }

  static func ema(decay: Double = 0.9) -> MovingAverage {
    var options = MovingAverage.Options()
    options.decay = decay
    return MovingAverage(options)
  }

  static func wise(alpha: Double = 0.3) -> WeightInterpolation {
    var options = WeightInterpolation.Options()
    options.alpha = alpha
    return WeightInterpolation(options)
  }

  static let regularization: [Method] = [
    Method("si") { [si()] },
    Method("mas") { [mas()] },
    Method("mas average") { [mas { ($0.merge, $0.samples) = (.average, 5) }] },
    Method("rwalk") { [rwalk()] },
    Method("kfac-ewc nearest") { [kfac { $0.decay = 0.9 }] },
    Method("kfac-ewc separate") { [kfac { ($0.mode, $0.samples) = (.separate, 5) }] },
    Method("lfl") { [lfl()] },
    Method("lfl, free head") { [lfl { $0.freezeHead = false }] },
    Method("ema") { [ema()] },
    Method("wise") { [wise()] },
    Method("wise, si, l2 and ema") { [wise(), si(), WeightPenalty(.l2Previous, lambda: 0.1), ema()] },
  ]

  static let weightlessRegularization: [Method] = [
    Method("si, c = 0") { [si { $0.strength = 0 }] },
    Method("mas, λ = 0") { [mas { $0.lambda = 0 }] },
    Method("rwalk, λ = 0") { [rwalk { $0.lambda = 0 }] },
    Method("kfac-ewc, λ = 0") { [kfac { $0.lambda = 0 }] },
    Method("lfl, λ = 0") { [lfl { ($0.lambda, $0.freezeHead) = (0, false) }] },
    Method("ema") { [ema()] },
    Method("wise, α = 1") { [wise(alpha: 1)] },
  ]
}
