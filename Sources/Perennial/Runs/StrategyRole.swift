/// The part a strategy plays in a comparison, told by the name of its arm.
enum StrategyRole {
  /// Does nothing against forgetting: the lower baseline.
  case finetuning
  /// Sees all data at once: the upper bound, not a way of learning a stream.
  case joint
  case contender

  init(_ name: String) {
    let letters = name.lowercased().filter(\.isLetter)
    switch letters {
    case "finetune", "finetuning", "naive", "none", "sequential", "sgd": self = .finetuning
    case "joint", "cumulative", "offline", "upperbound", "multitask": self = .joint
    default: self = .contender
    }
  }
}
