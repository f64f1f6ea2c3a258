extension Distillation.Options {
  /// The terms, soft targets where none are listed.
  var chosenTerms: [TermChoice] {
    get throws {
      guard terms.isEmpty else { return terms }
      var options = SoftTargets.Options()
      if let temperature { options.temperature = temperature }
      let node = ConfigurationNode(
        .map([.init(key: SoftTargets.card.name, origin: .builtIn, value: try NodeEncoder.encode(options))]),
        origin: .builtIn)
      return [TermChoice(try Selection(node))]
    }
  }

  /// The names that the recipe's `teachers:` must have.
  var teacherNames: [String] {
    (try? source().teacherNames) ?? []
  }

  /// Who teaches.
  func source() throws -> any TeacherSource {
    guard teachers.isEmpty else { return NamedTeachers(try teachers.map(Self.choice), merge: merge) }
    if let make = Self.sources.first(where: { teacher.isNamed($0.key) })?.value { return try make(teacher) }
    return NamedTeachers([try Self.choice(teacher)])
  }

  private static let sources: KeyValuePairs<String, @Sendable (Selection) throws -> any TeacherSource> = [
    "past-self": { selection in
      _ = try selection.decode(NoTeacherOptions.self)
      return PastSelf()
    },
    UnadaptedTeacher.name: { selection in
      _ = try selection.decode(NoTeacherOptions.self)
      return UnadaptedTeacher()
    },
    CachedTeacher.name: { CachedTeacher(try $0.decode()) },
    PairedTeacher.name: { PairedTeacher(try $0.decode(PairedTeacher.Options.self)) },
    "ema": { MovingAverageTeacher(try $0.decode()) },
  ]

  private static func choice(_ selection: Selection) throws -> NamedTeachers.Choice {
    let options = try selection.decode(TeacherShare.self)
    return .init(selection.name, weight: options.weight, temperature: options.temperature)
  }
}

private struct NoTeacherOptions: Configurable {}

/// How a teacher counts among others.
private struct TeacherShare: Configurable {
  var weight = 1.0
  var temperature = 1.0

  func validate(at node: ConfigurationNode) throws {
    try node.require("weight", weight, above: 0)
    try node.require("temperature", temperature, above: 0)
  }
}
