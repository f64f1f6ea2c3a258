/// What the one who serves does beside promoting and rolling back, as the audit log tells of it.
public enum ServingEvent: Sendable, Encodable, Equatable {
  case paused
  case resumed
  /// A candidate that passed its gate is asked beside the version that serves.
  case tried(version: Int)
  /// A candidate did not come into use; `finding` holds numbers alone.
  case failed(version: Int, finding: String)

  /// What happened, in the words of the log.
  var name: String {
    switch self {
    case .paused: "pause"
    case .resumed: "resume"
    case .tried: "try"
    case .failed: "fail"
    }
  }

  private enum CodingKeys: String, CodingKey { case version, finding }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    switch self {
    case .paused, .resumed: break
    case .tried(let version): try container.encode(version, forKey: .version)
    case .failed(let version, let finding):
      try container.encode(version, forKey: .version)
      try container.encode(finding, forKey: .finding)
    }
  }
}
