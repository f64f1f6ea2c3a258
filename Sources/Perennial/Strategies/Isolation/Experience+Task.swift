extension Experience {
  /// The task, which a strategy that isolates tasks cannot do without.
  func requireTask(_ strategy: String) throws -> Int {
    guard let task else { throw StrategyError.needsTasks(strategy) }
    return task
  }
}
