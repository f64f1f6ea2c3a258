extension TapPair {
  /// Reads `[student, teacher]`, or one name for both.
  public init(from decoder: any Decoder) throws {
    if let name = try? decoder.singleValueContainer().decode(String.self) {
      self.init(name, name)
      return
    }
    var names = try decoder.unkeyedContainer()
    self.init(try names.decode(String.self), try names.decode(String.self))
    guard names.isAtEnd else {
      throw DecodingError.dataCorruptedError(
        in: names, debugDescription: "must be two names of taps, `[student, teacher]`, or one for both")
    }
  }

  /// Writes `[student, teacher]`.
  public func encode(to encoder: any Encoder) throws {
    var names = encoder.unkeyedContainer()
    try names.encode(student)
    try names.encode(teacher)
  }
}

extension Array where Element == TapPair {
  /// Taps that have the same names in both models.
  static func same(_ names: String...) -> [TapPair] { names.map { TapPair($0, $0) } }
}

extension ConfigurationNode {
  /// Throws unless there are taps to compare, and no more than a term can use.
  func requireTaps(_ taps: [TapPair], atMost most: Int = .max) throws {
    guard !taps.isEmpty else { throw error(at: "taps", "must name at least one pair of taps") }
    guard taps.count <= most else {
      throw error(at: "taps", "must be \(most) pair of taps, found \(taps.count)")
    }
  }
}
