extension Recipe {
  /// How the recipe cuts its data, by the scenarios that there are.
  ///
  /// - Throws: `ConfigurationError` for an unknown scenario.
  public func plan() throws -> StreamPlan {
    let scenario = try stream.scenario.pick(
      from: Dictionary(uniqueKeysWithValues: Scenario.allCases.map { ($0.rawValue, $0) }), kind: "scenario")
    var plan = StreamPlan(scenario: scenario, experiences: stream.experiences)
    plan.limit = stream.limit
    plan.validation = stream.validation
    plan.blur = stream.blur
    plan.classOrder =
      switch stream.classOrder {
      case .natural: .natural
      case .seeded: .seeded
      case .given(let order): .given(order)
      }
    return plan
  }

  /// The data cut by a plan.
  ///
  /// - Throws: `ConfigurationError` with the line of what asks for something impossible, `StreamError` where the data are
  ///   at fault.
  public func stream(_ plan: StreamPlan, of source: DataSource, seed: UInt64) throws -> Perennial.Stream {
    do {
      return try plan.stream(of: source, seed: seed)
    } catch let error as StreamError {
      guard let key = error.recipeKey, let node = node["stream"] else { throw error }
      throw node.error(at: key, error.description)
    }
  }
}

extension StreamError {
  /// What in the `stream` of a recipe asks for something impossible; nil where the data is at fault.
  fileprivate var recipeKey: String? {
    switch self {
    case .tooManyExperiences, .unevenClasses: "experiences"
    case .classOrder: "class_order"
    case .needsLabels: "scenario"
    case .notForScenario: "blur"
    default: nil
    }
  }
}
