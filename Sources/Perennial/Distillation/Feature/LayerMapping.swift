/// Which layer of the teacher a layer of the student follows, g(m), counted from 1 (Jiao et al. 2020, §3).
public enum LayerMapping: String, Codable, CaseIterable, Sendable {
  /// g(m) = m N / M, rounded: every N/M-th.
  case uniform
  /// g(m) = m + N − M: the last ones.
  case last
  /// g(m) = m: the first ones.
  case first

  /// g(1) … g(M) for a teacher of N layers.
  public func callAsFunction(student: Int, teacher: Int) -> [Int] {
    (1...max(student, 1)).map { layer in
      switch self {
      case .uniform: Int((Double(layer * teacher) / Double(student)).rounded())
      case .last: layer + teacher - student
      case .first: layer
      }
    }
  }
}
