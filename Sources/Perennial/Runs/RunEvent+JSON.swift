extension RunEvent: Encodable {
  private enum CodingKeys: String, CodingKey {
    case event, strategy, seed, experience, step, steps, loss, accuracies, path, metrics, seconds, message,
      prequential, tuning, forgetting, peer
  }

  /// The name in `events.jsonl`.
  public var name: String {
    switch self {
    case .started: "started"
    case .step: "step"
    case .consolidating: "consolidating"
    case .evaluated: "evaluated"
    case .peer: "peer"
    case .prequential: "prequential"
    case .boundary: "boundary"
    case .tuned: "tuned"
    case .forgot: "forgot"
    case .saved: "saved"
    case .finished: "finished"
    case .interrupted: "interrupted"
    case .warning: "warning"
    }
  }

  /// Where the event happened; `nil` for warnings.
  public var position: RunPosition? {
    switch self {
    case .started(let position, _, _), .step(let position, _, _, _), .consolidating(let position),
      .evaluated(let position, _, _), .peer(let position, _, _, _), .prequential(let position, _, _),
      .boundary(let position, _),
      .tuned(let position, _, _), .forgot(let position, _, _), .saved(let position, _, _),
      .finished(let position, _, _),
      .interrupted(let position, _):
      position
    case .warning: nil
    }
  }

  /// The number of steps done in the run when it happened; `nil` where an event does not say.
  public var step: Int? {
    switch self {
    case .started(_, let step, _), .step(_, let step, _, _), .evaluated(_, let step, _),
      .peer(_, let step, _, _), .prequential(_, let step, _), .boundary(_, let step), .tuned(_, let step, _),
      .forgot(_, let step, _), .saved(_, let step, _), .interrupted(_, let step):
      step
    case .consolidating, .finished, .warning: nil
    }
  }

  /// Writes one flat object. A number that JSON cannot hold, such as the loss of a run that diverged, is
  /// null.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .event)
    if let position {
      try container.encode(position.strategy, forKey: .strategy)
      try container.encode(position.seed, forKey: .seed)
      try container.encode(position.experience, forKey: .experience)
    }
    try container.encodeIfPresent(step, forKey: .step)
    switch self {
    case .started(_, _, let steps):
      try container.encode(steps, forKey: .steps)
    case .step(_, _, let steps, let loss):
      try container.encode(steps, forKey: .steps)
      try container.encode(loss.finite, forKey: .loss)
    case .evaluated(_, _, let accuracies):
      try container.encode(accuracies.map(\.finite), forKey: .accuracies)
    case .peer(_, _, let name, let accuracies):
      try container.encode(name, forKey: .peer)
      try container.encode(accuracies.map(\.finite), forKey: .accuracies)
    case .prequential(_, _, let point):
      try container.encode(point, forKey: .prequential)
    case .tuned(_, _, let choice):
      try container.encode(choice, forKey: .tuning)
    case .forgot(_, _, let outcome):
      try container.encode(outcome, forKey: .forgetting)
    case .saved(_, _, let path):
      try container.encode(path, forKey: .path)
    case .finished(_, let metrics, let seconds):
      let named = metrics.map { ($0.key.rawValue, $0.value.finite) }
      try container.encode(Dictionary(named) { $1 }, forKey: .metrics)
      try container.encode(seconds, forKey: .seconds)
    case .warning(let message):
      try container.encode(message, forKey: .message)
    case .consolidating, .boundary, .interrupted: break
    }
  }
}

extension Double {
  fileprivate var finite: Double? { isFinite ? self : nil }
}
